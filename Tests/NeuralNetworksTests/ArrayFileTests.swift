import Persistence
import Primitives
import Testing

@testable import NeuralNetworks

private let names = [
  "signed_f4", "signed_f8", "signed_f4_big", "signed_f8_big", "signed_i4", "signed_i8",
  "signed_i2_big", "signed_i1", "unsigned_u1", "unsigned_u2", "bool", "fortran", "version_2",
  "version_3",
]

private func file(_ name: String) throws -> Bytes { try Reference.bytes("arrays/\(name)") }

private func source(_ name: String) throws -> ByteSource { ByteSource(try file(name)) }

private let inflate: NPZ.Inflate = { (bytes, count) throws(DatasetError) in
  do {
    return try Deflate.inflate(bytes, byteCount: count)
  } catch {
    throw .header(format: "npz", reason: "\(error)")
  }
}

@Suite struct ArrayFileTests {
  @Test("NumPy's files give NumPy's numbers", arguments: names)
  func numbers(name: String) throws {
    let array = try NPY.array(in: source(name + ".npy"))
    #expect(array.shape == [3, 4])
    let expected: [Float] =
      switch name {
      case "bool": (0..<12).map { Float($0 % 2) }
      case "unsigned_u1", "unsigned_u2": (0..<12).map { Float($0) }
      default: (0..<12).map { Float($0 - 2) }
      }
    #expect(try array.floats() == expected)
    var rows = try StoredArraySource(features: array, labels: nil, divisor: 2)
    #expect(try rows.table().inputs == .numbers(expected.map { $0 / 2 }))
    #expect(
      try rows.table(rows: [2, 0, 1]).inputs
        == .numbers((expected[8..<12] + expected[0..<8]).map { $0 / 2 }))
  }

  @Test("columns before rows are turned in three dimensions too")
  func cube() throws {
    let array = try NPY.array(in: source("fortran_cube.npy"))
    #expect(try array.floats() == (0..<24).map { Float($0) })
    #expect(try StoredArraySource(features: array, labels: nil).layout.inputShape == [3, 4])
  }

  @Test("a truncated or longer file is refused", arguments: names)
  func truncated(name: String) throws {
    let bytes = try file(name + ".npy")
    for length in 0..<bytes.count {
      #expect(throws: DatasetError.self) {
        try NPY.array(in: ByteSource(Bytes(bytes.prefix(length))))
      }
    }
    #expect(throws: DatasetError.trailingBytes(format: "npy", count: 1)) {
      try NPY.array(in: ByteSource(bytes + [0]))
    }
  }

  @Test("a flipped bit gives an error or an array, never a trap")
  func flipped() throws {
    for name in ["signed_f4.npy", "fortran.npy", "version_3.npy"] {
      let bytes = try file(name)
      for bit in 0..<bytes.count * 8 {
        var changed = bytes
        changed[bit / 8] ^= 1 << UInt8(bit % 8)
        fuzzNPY(changed)
      }
    }
    for name in ["images.idx", "doubles.idx"] {
      let bytes = try file(name)
      for bit in 0..<bytes.count * 8 {
        var changed = bytes
        changed[bit / 8] ^= 1 << UInt8(bit % 8)
        fuzzIDX(changed)
      }
    }
  }

  private func npy(_ header: String, data: Int = 0) -> ByteSource {
    let text = Bytes(header.utf8)
    return ByteSource(
      [0x93] + Bytes("NUMPY".utf8) + [1, 0, UInt8(text.count & 255), UInt8(text.count >> 8)] + text
        + Bytes(repeating: 0, count: data))
  }

  @Test("a header that lies is refused")
  func lies() {
    func refused(_ header: String, data: Int = 0) -> DatasetError? {
      do {
        _ = try NPY.array(in: npy(header, data: data))
        return nil
      } catch {
        return error
      }
    }
    let good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }"
    #expect(refused(good, data: 8) == nil)
    for (old, new) in [
      ("<f4", "<c8"), ("<f4", "|O"), ("<f4", "<f2"), ("<f4", "<U5"), ("'<f4'", "[('a', '<f4')]"),
    ] {
      guard case .elementType = refused(good.replacing(old, with: new), data: 8) else {
        Issue.record("\(new)")
        continue
      }
    }
    for (old, new) in [
      ("False", "0"), ("(2,)", "(-2,)"), ("(2,)", "(2.5,)"), ("(2,)", "2"), ("'shape'", "'size'"),
      ("'shape': (2,), ", ""), ("(2,)", "(1,1,1,1,1,1,1,1,2)"), ("(2,)", "(9999999999999999,)"),
      ("}", "} x"), ("'fortran_order': False", "'descr': '<f4'"),
    ] {
      guard case .header = refused(good.replacing(old, with: new), data: 8) else {
        Issue.record("\(new)")
        continue
      }
    }
    #expect(
      refused(good.replacing("(2,)", with: "(99999999,99999999)"), data: 8)
        == .shape([99_999_999, 99_999_999], expected: "a smaller one"))
    #expect(
      refused(good.replacing("(2,)", with: "(0,99)"), data: 0) == nil)
  }

  @Test("archives give their arrays, stored or deflated", arguments: ["stored", "deflated"])
  func archive(name: String) throws {
    let archive = try NPZ(source(name + ".npz"), inflate: inflate)
    #expect(archive.names == ["x", "y"])
    var data = try StoredArraySource(
      features: archive.array("x"), labels: archive.array("y"), divisor: 20)
    #expect(data.layout == ExampleLayout(inputShape: [2, 2], target: .classes(3)))
    let table = try data.table()
    #expect(table.inputs == .numbers((0..<12).map { Float($0) }))
    #expect(table.targets == .classes([2, 0, 1], count: 3))
    #expect(throws: DatasetError.noArray("z", known: ["x", "y"])) { try archive.array("z") }
  }

  @Test(
    "no truncation or flipped bit of an archive gives other numbers",
    arguments: ["stored", "deflated"])
  func damagedArchive(name: String) throws {
    let bytes = try file(name + ".npz")
    func numbers(_ bytes: Bytes) throws -> [[Float]] {
      let archive = try NPZ(ByteSource(bytes), inflate: inflate)
      return try archive.names.map { try archive.array($0).floats() }
    }
    let good = try numbers(bytes)
    for length in 0..<bytes.count {
      #expect(throws: DatasetError.self) { try numbers(Bytes(bytes.prefix(length))) }
    }
    for bit in 0..<bytes.count * 8 {
      var changed = bytes
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      guard let other = try? numbers(changed) else { continue }
      #expect(other == good, "bit \(bit)")
    }
  }

  @Test("MNIST's format gives images and labels")
  func idx() throws {
    var data = try StoredArraySource(
      features: IDX.array(in: source("images.idx")), labels: IDX.array(in: source("labels.idx")),
      rule: .classes(10), divisor: 20)
    #expect(data.layout == ExampleLayout(inputShape: [2, 2], target: .classes(10)))
    #expect(try data.table().inputs == .numbers((0..<12).map { Float($0) }))
    #expect(try data.table(rows: [1, 2]).targets == .classes([0, 1], count: 10))
    #expect(
      try IDX.array(in: source("doubles.idx")).floats() == (0..<12).map { Float($0 - 2) })
    for name in ["images.idx", "labels.idx"] {
      let bytes = try file(name)
      for length in 0..<bytes.count {
        #expect(throws: DatasetError.self) {
          try IDX.array(in: ByteSource(Bytes(bytes.prefix(length))))
        }
      }
    }
    #expect(throws: DatasetError.elementType("10", format: "idx")) {
      try IDX.array(in: ByteSource([0, 0, 10, 1, 0, 0, 0, 0]))
    }
  }

  @Test("labels out of range, other row counts and NaN are refused with their place")
  func wrongContent() throws {
    let images = try IDX.array(in: source("images.idx"))
    #expect(throws: DatasetError.label(2, row: 0, classes: 2)) {
      try StoredArraySource(
        features: images, labels: IDX.array(in: source("labels.idx")), rule: .classes(2))
    }
    let two = try IDX.array(in: ByteSource([0, 0, 8, 1, 0, 0, 0, 2, 0, 1]))
    #expect(throws: DatasetError.rowCount(2, expected: 3)) {
      try StoredArraySource(features: images, labels: two)
    }
    #expect(throws: DatasetError.shape([3, 4], expected: "one label a row")) {
      try StoredArraySource(features: images, labels: NPY.array(in: source("signed_i4.npy")))
    }
    var bytes = try file("signed_f4.npy")
    bytes.replaceSubrange(bytes.count - 8..<bytes.count - 4, with: [0, 0, 0xc0, 0x7f])
    var data = try StoredArraySource(features: NPY.array(in: ByteSource(bytes)), labels: nil)
    #expect(throws: DatasetError.notFinite(row: 2, column: 2)) { try data.table() }
    #expect(try data.table(rows: [0, 1]).rows == 2)
    let table = try StoredArraySource.table(
      lastColumnOf: NPY.array(in: source("unsigned_u1.npy")), divisor: 2)
    #expect(table.inputs == .numbers([0, 0.5, 1, 2, 2.5, 3, 4, 4.5, 5]))
    #expect(table.targets == .classes([3, 7, 11], count: 12))
  }
}
