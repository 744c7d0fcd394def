import ContentStore
import Primitives
import Testing

@Suite("Modes and times in UnixFS")
struct UnixFSTimeTests {
  /// A file with a mode and a time, as bytes written by hand from specs.ipfs.tech/unixfs.
  private static func data(_ time: String) throws -> Bytes {
    try Hex.decode("0802180038a403" + "42" + Hex.encode([UInt8(time.utf8.count / 2)]) + time)
  }

  @Test(
    "mode and time are read and written the same",
    arguments: [
      ("0800", 0, 0), ("0880a0f8fa05", 1_600_000_000, 0), ("088092b8c39801", 40_943_618_304, 0),
      ("08ffffffffffffffffff01", -1, 0), ("080115ffc99a3b", 1, 999_999_999),
      ("08ffffffffffffffff7f", Int64.max, 0), ("0880808080808080808001", Int64.min, 0),
    ] as [(String, Int64, UInt32)])
  func known(hex: String, seconds: Int64, nanoseconds: UInt32) throws {
    let bytes = try Self.data(hex)
    let data = try UnixFSData(decoding: bytes)
    #expect(data.mode == 0o644)
    #expect(data.modificationTime == UnixFSTime(seconds: seconds, nanoseconds: nanoseconds))
    #expect(data.encoded() == bytes)
  }

  @Test(
    "times that are not in their one form are refused",
    arguments: [
      "", "08", "0880", "088000", "0801150000", "08011500000000", "08011500ca9a3b", "0801ff",
      "1501000000", "080115ffffff3b00", "08ffffffffffffffffff03", "08ffffffffffffffffffff01",
    ])
  func refused(hex: String) throws {
    let bytes = try Self.data(hex)
    #expect(throws: DecodingFailure.self) { try UnixFSData(decoding: bytes) }
  }

  @Test("a mode of more than 32 bits and a second of nanoseconds are refused")
  func limits() {
    #expect(throws: DecodingFailure.self) {
      try UnixFSData(decoding: Hex.decode("08021800388080808010"))
    }
    #expect(UnixFSTime(seconds: 0, nanoseconds: 1_000_000_000) == nil)
  }
}
