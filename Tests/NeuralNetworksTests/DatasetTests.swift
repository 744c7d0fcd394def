import Primitives
import Testing

@testable import NeuralNetworks

@Suite struct DatasetTests {
  private func read(_ text: String, classes: Int? = nil) throws -> Dataset {
    try Dataset(csv: Bytes(text.utf8), layout: CSVLayout(featureScale: 2, classes: classes))
  }

  @Test("numbers are scaled and the last column is the label")
  func plain() throws {
    let data = try read("1,2,0\n-3,4.5e0,1\r\n0,.25,2")
    #expect(data.features == [0.5, 1, -1.5, 2.25, 0, 0.125])
    #expect(data.labels == [0, 1, 2])
    #expect(data.inputs == 2 && data.classes == 3 && data.rows == 3)
  }

  @Test(
    "a malformed file is refused with its line",
    arguments: [
      ("", DatasetError.empty),
      ("1,2,0\n1,2\n", .columnCount(2, expected: 3, line: 2)),
      ("1,2,0\n1,2,3,0\n", .columnCount(4, expected: 3, line: 2)),
      ("1,2,0\n\n", .columnCount(1, expected: 3, line: 2)),
      ("7\n", .columnCount(1, expected: 2, line: 1)),
      ("1,2,0\n1,nan,1\n", .number("nan", line: 2, column: 2)),
      ("inf,2,0\n", .number("inf", line: 1, column: 1)),
      ("1,1e39,0\n", .number("1e39", line: 1, column: 2)),
      ("1, 2,0\n", .number(" 2", line: 1, column: 2)),
      ("1,,0\n", .missingValue(line: 1, column: 2, name: nil)),
      ("1,0x10,0\n", .number("0x10", line: 1, column: 2)),
      ("a,b,label\n", .number("a", line: 1, column: 1)),
      ("1,2,1.5\n", .labelText("1.5", line: 1)),
      ("1,2,-1\n", .labelText("-1", line: 1)),
      ("1,2,99999999999999999999\n", .labelText("99999999999999999999", line: 1)),
    ])
  func malformed(text: String, error: DatasetError) {
    #expect(throws: error) { try read(text) }
  }

  @Test("a label outside the classes is refused with its row")
  func label() {
    #expect(throws: DatasetError.label(3, row: 1, classes: 3)) {
      try read("1,0\n1,3\n", classes: 3)
    }
  }

  @Test("the digits split into 1437 training and 360 test rows and are dealt like cards")
  func digits() throws {
    let all = try Dataset(
      csv: Reference.bytes("digits.csv"), layout: CSVLayout(featureScale: 16, classes: 10))
    #expect(all.rows == 1_797 && all.inputs == 64)
    #expect(all.features.min() == 0 && all.features.max() == 1)
    let (train, test) = try all.split(testEvery: 5)
    #expect(train.rows == 1_437 && test.rows == 360)
    #expect(test.labels[1] == all.labels[5] && train.labels[4] == all.labels[6])
    let shards = try train.partitioned(clients: 10)
    #expect(shards.map(\.rows) == [144, 144, 144, 144, 144, 144, 144, 143, 143, 143])
    #expect(shards[3].labels[2] == train.labels[23])
  }

  @Test("a network of another shape is refused")
  func shape() throws {
    let data = try read("1,2,0\n3,4,2\n")
    try data.checkFits(ModelArchitecture(units: [2, 9, 3]))
    try data.checkFits(ModelArchitecture(units: [2, 4]))
    #expect(throws: DatasetError.otherInputs(2, expected: 3)) {
      try data.checkFits(ModelArchitecture(units: [3, 3]))
    }
    #expect(throws: DatasetError.otherClasses(3, limit: 2)) {
      try data.checkFits(ModelArchitecture(units: [2, 2]))
    }
  }

  @Test("more clients than rows are refused")
  func tooManyClients() throws {
    let data = try read("1,0\n2,1\n")
    #expect(throws: DatasetError.tooFewRows(2, clients: 3)) { try data.partitioned(clients: 3) }
    #expect(throws: DatasetError.tooFewRows(2, clients: 0)) { try data.partitioned(clients: 0) }
  }

  @Test("a data set survives its canonical bytes; truncations and NaN do not")
  func canonical() throws {
    let data = try read("1,2,0\n3,4,1\n")
    let bytes = data.encoded()
    #expect(try Dataset(decoding: bytes) == data)
    for length in 0..<bytes.count {
      #expect(throws: DecodingFailure.self) { try Dataset(decoding: Bytes(bytes.prefix(length))) }
    }
    for bit in 0..<bytes.count * 8 {
      var changed = bytes
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      guard let other = try? Dataset(decoding: changed) else { continue }
      #expect(other.digest != data.digest, "bit \(bit)")
      #expect(ParameterBuffer(other.features).isFinite)
    }
  }

  @Test("no mutation of a file traps", arguments: UInt64(0)..<50)
  func mutations(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let start = Bytes("0,5,13.5,9,1\n1,2e-3,-4,5,0\r\n7,8,9,10,3\n".utf8)
    for _ in 0..<200 {
      var bytes = start
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(
          in: 0...255, using: &random)
      }
      fuzzDatasetCSV(Bytes(bytes.prefix(Int.random(in: 0...bytes.count, using: &random))))
    }
  }
}
