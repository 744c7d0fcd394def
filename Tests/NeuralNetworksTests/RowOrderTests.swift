import Primitives
import Testing

@testable import NeuralNetworks

@Suite struct RowOrderTests {
  @Test("a block order visits every row once and can be read from any place", arguments: 0..<3)
  func everyRowOnce(epoch: UInt32) {
    var order = BlockOrder(rows: 1_003, seed: 5, client: 2, blockRows: 10, windowBlocks: 8)
    let whole = order.rows(at: 0..<1_003, epoch: epoch)
    #expect(whole.sorted() == (0..<Int32(1_003)).map { $0 })
    #expect(whole != whole.sorted())
    for start in stride(from: 0, to: 1_003, by: 97) {
      var fresh = BlockOrder(rows: 1_003, seed: 5, client: 2, blockRows: 10, windowBlocks: 8)
      let end = min(start + 97, 1_003)
      #expect(fresh.rows(at: start..<end, epoch: epoch) == Array(whole[start..<end]))
    }
    #expect(order.rows(at: 0..<1_003, epoch: epoch + 1) != whole)
    var other = BlockOrder(rows: 1_003, seed: 6, client: 2, blockRows: 10, windowBlocks: 8)
    #expect(other.rows(at: 0..<1_003, epoch: epoch) != whole)
  }

  @Test("a window touches no more blocks than it may")
  func bounded() {
    var order = BlockOrder(rows: 1_000, seed: 1, blockRows: 10, windowBlocks: 4)
    let whole = order.rows(at: 0..<1_000, epoch: 0)
    for window in 0..<25 {
      let blocks = Set(whole[window * 40..<(window + 1) * 40].map { $0 / 10 })
      #expect(blocks.count == 4)
    }
  }

  @Test("data that fit into one window have the order of the data in memory")
  func plain() {
    var order = BlockOrder(rows: 700, seed: 9, client: 4)
    #expect(
      order.rows(at: 0..<700, epoch: 6)
        == BatchOrder.shuffled(seed: 9, firstEpoch: 0, client: 4).permutation(epoch: 6, count: 700))
  }

  // Computed by a Philox4x32-10 and a shuffle written in Python from the definitions alone.
  @Test("the order of a seed never changes")
  func golden() throws {
    var order = BlockOrder(rows: 40, seed: 7, blockRows: 4, windowBlocks: 2)
    #expect(Array(order.rows(at: 0..<12, epoch: 0)) == [5, 13, 15, 14, 4, 12, 7, 6, 38, 1, 3, 2])
    #expect(try RowSplit.fraction(0.2, seed: 7).parts(of: 20).test == [1, 12, 15, 16])
  }

  @Test("splits keep the file's order and cover every row once")
  func splits() throws {
    let every = try RowSplit.every(5).parts(of: 12)
    #expect(every.test == [0, 5, 10] && every.train.count == 9)
    let tail = try RowSplit.tail(0.25).parts(of: 12)
    #expect(tail.test == [9, 10, 11])
    let drawn = try RowSplit.fraction(0.3, seed: 1).parts(of: 1_000)
    #expect(drawn.test.count == 300 && drawn.test == drawn.test.sorted())
    #expect((drawn.train + drawn.test).sorted() == (0..<Int32(1_000)).map { $0 })
    #expect(throws: DatasetError.emptyPart("test", rows: 2)) {
      try RowSplit.fraction(0.2, seed: 1).parts(of: 2)
    }
    #expect(throws: DatasetError.emptyPart("training", rows: 1)) {
      try RowSplit.every(5).parts(of: 1)
    }
  }

  @Test("standardisation has the numbers of the training part only")
  func standardisation() throws {
    let table = try ExampleTable(
      features: [1, 10, 2, 10, 3, 10, 100, -5], targets: .numbers([0, 0, 0, 0], width: 1), rows: 4,
      inputShape: [2])
    let (train, test) = try table.split(.tail(0.25))
    let numbers = try Standardisation(of: train)
    // By hand: mean 2, variance (1 + 0 + 1) / 3; the second column never changes.
    #expect(numbers.means == [2, 10])
    #expect(numbers.deviations == [(2.0 / 3).squareRoot(), 1])
    var applied = try StandardisedSource(test, by: numbers)
    #expect(
      try applied.table().inputs == .numbers([Float(98 / (2.0 / 3).squareRoot()), -15]))
    #expect(try Standardisation(json: JSONValue(parsing: numbers.json.encoded())) == numbers)
    for bad in [#"{"means":[1],"deviations":[0]}"#, #"{"means":[1],"deviations":[1,2]}"#, "{}"] {
      #expect(throws: DatasetError.self) {
        try Standardisation(json: JSONValue(parsing: Bytes(bad.utf8)))
      }
    }
  }
}
