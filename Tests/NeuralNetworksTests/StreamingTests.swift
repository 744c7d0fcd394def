import FoundationEssentials
import Glibc
import Persistence
import Primitives
import Testing

@testable import NeuralNetworks

@Suite struct StreamingTests {
  /// A source that reads a file in place.
  private func source(_ path: String) throws -> ByteSource {
    let file = try RandomAccessFile(opening: path)
    return ByteSource(count: file.count) { (offset, target) throws(DatasetError) in
      do throws(FileError) {
        try file.read(at: offset, into: target)
      } catch {
        throw .unreadable(error.description)
      }
    }
  }

  private func withFile(_ bytes: Bytes, _ body: (String) throws -> Void) throws {
    let path =
      FileManager.default.temporaryDirectory.path + "/martlet-data-\(getpid())-\(bytes.count)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data(bytes).write(to: URL(filePath: path))
    try body(path)
  }

  @Test("a CSV file on disk is read in the order of blocks, with the numbers of memory")
  func csv() throws {
    let rows = 20_000
    let text = (0..<rows).map { "\($0),\($0 % 7)\n" }.joined()
    try withFile(Bytes(text.utf8)) { path in
      var data = try CSVSource(source(path), layout: CSVLayout())
      var order = BlockOrder(rows: rows, seed: 1)
      for start in stride(from: 0, to: rows, by: 2_500) {
        let chosen = order.rows(at: start..<start + 2_500, epoch: 3)
        let table = try data.table(rows: chosen[...])
        #expect(table.inputs == .numbers(chosen.map { Float($0) }))
        #expect(table.targets == .classes(chosen.map { $0 % 7 }, count: 7))
      }
    }
  }

  @Test("an array on disk is standardised and split as it is read")
  func array() throws {
    try withFile(Reference.bytes("arrays/signed_f8.npy")) { path in
      let array = try NPY.array(in: source(path))
      let labels = try IDX.array(in: ByteSource(Reference.bytes("arrays/labels.idx")))
      let whole = try StoredArraySource(features: array, labels: labels)
      let (train, test) = try whole.split(.tail(0.4))
      #expect(train.rows == 2 && test.rows == 1)
      var ready = try StandardisedSource(test, by: Standardisation(of: train))
      // Columns −2, 2 → mean 0, deviation 2, and so on; the third row is 6, 7, 8, 9.
      #expect(try ready.table().inputs == .numbers([3, 3, 3, 3]))
      #expect(try ready.table().targets == .classes([1], count: 3))
    }
  }

  @Test("a file that becomes shorter, or loses a row, while it is read is an error")
  func changed() throws {
    let text = (0..<1_000).map { "\($0),\($0 % 2)\n" }.joined()
    try withFile(Bytes(text.utf8)) { path in
      var data = try CSVSource(source(path), layout: CSVLayout())
      try Data("1,0\n".utf8).write(to: URL(filePath: path), options: [])
      #expect(throws: DatasetError.self) { try data.table(rows: [900]) }
    }
  }

  @Test("the examples' own data are read with their names")
  func breastCancer() throws {
    let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let path = tests.deletingLastPathComponent().path + "/Examples/data/breast_cancer.csv"
    let data = try CSVSource(source(path), layout: CSVLayout(header: .detected))
    #expect(data.rows == 569 && data.classNames == ["malignant", "benign"])
    #expect(data.layout == ExampleLayout(inputShape: [30], target: .classes(2)))
    try data.checkTrainable()
  }
}
