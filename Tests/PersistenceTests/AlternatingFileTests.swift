import Glibc
import Primitives
import Testing

@testable import Persistence

@Suite("A value in two places")
struct AlternatingFileTests {
  private func bytes(of path: String) throws -> Bytes {
    try #require(try AtomicFile.read(path))
  }

  private func overwrite(_ path: String, at offset: Int, _ bytes: Bytes) throws {
    try FileDescriptor(opening: path, O_WRONLY).write(bytes, at: offset)
  }

  @Test("a new file has no value; each write is read back after opening again")
  func values() throws {
    let path = try TemporaryDirectory().path + "-guard"
    defer { unlink(path) }
    #expect(try AlternatingFile(path: path, valueBytesMax: 4_080).stored == nil)
    for value in [[], [1, 2, 3], Bytes(repeating: 7, count: 4_080)] {
      try AlternatingFile(path: path, valueBytesMax: 4_080).write(value)
      #expect(try AlternatingFile(path: path, valueBytesMax: 4_080).stored == value)
    }
    let file = try AlternatingFile(path: path, valueBytesMax: 4_080)
    for value in 0..<UInt8(9) { try file.write([value]) }
    #expect(try AlternatingFile(path: path, valueBytesMax: 4_080).stored == [8])
    #expect(try bytes(of: path).count == 8_192)
  }

  @Test("a write that was torn anywhere leaves the value before it")
  func torn() throws {
    let path = try TemporaryDirectory().path + "-guard"
    defer { unlink(path) }
    let file = try AlternatingFile(path: path, valueBytesMax: 4_080)
    try file.write([1, 1, 1])
    let old = try bytes(of: path)
    try file.write([2, 2, 2])
    let new = try bytes(of: path)
    let changed = old.indices.filter { old[$0] != new[$0] }
    let first = try #require(changed.first)
    for end in first...(try #require(changed.last)) {
      try overwrite(path, at: 0, Bytes(new[..<end] + old[end...]))
      #expect(
        try AlternatingFile(path: path, valueBytesMax: 4_080).stored == [1, 1, 1], "torn at \(end)")
    }
    try overwrite(path, at: 0, new)
    #expect(try AlternatingFile(path: path, valueBytesMax: 4_080).stored == [2, 2, 2])
  }

  @Test("a torn first write is no value; a file of neither place is refused")
  func damage() throws {
    let path = try TemporaryDirectory().path + "-guard"
    defer { unlink(path) }
    let file = try AlternatingFile(path: path, valueBytesMax: 4_080)
    try file.write([1])
    try overwrite(path, at: 4_096 + 16, [9])
    #expect(try AlternatingFile(path: path, valueBytesMax: 4_080).stored == nil)
    try overwrite(path, at: 0, [9])
    #expect(throws: FileError.damaged(path: path)) {
      try AlternatingFile(path: path, valueBytesMax: 4_080)
    }
  }

  @Test("no place of foreign bytes is taken for a value")
  func foreign() throws {
    let path = try TemporaryDirectory().path + "-guard"
    defer { unlink(path) }
    try AlternatingFile(path: path, valueBytesMax: 4_080).write([5, 6])
    let place = Bytes(try bytes(of: path).dropFirst(4_096))
    #expect(AlternatingFile.decode(place)?.value == [5, 6])
    for length in 0..<18 { #expect(AlternatingFile.decode(Bytes(place.prefix(length))) == nil) }
    for bit in 0..<18 * 8 {
      var flipped = place
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(AlternatingFile.decode(flipped) == nil, "bit \(bit)")
    }
  }
}
