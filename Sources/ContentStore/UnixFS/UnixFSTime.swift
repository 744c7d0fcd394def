import Primitives

/// A time in UnixFS: seconds since 1970, negative before it, and nanoseconds.
public struct UnixFSTime: Hashable, Sendable {
  private enum Field {
    /// Field 1, wire type 0.
    static let seconds: UInt8 = 0x08
    /// Field 2, wire type 5.
    static let nanoseconds: UInt8 = 0x15
  }

  /// The nanoseconds of a second; a whole one belongs to the seconds.
  private static let nanosecondsMax: UInt32 = 999_999_999

  /// Whole seconds since 1970-01-01T00:00:00Z.
  public let seconds: Int64
  /// The nanoseconds behind them.
  public let nanoseconds: UInt32

  /// Makes a time; nil when `nanoseconds` is a second or more.
  public init?(seconds: Int64, nanoseconds: UInt32 = 0) {
    guard nanoseconds <= Self.nanosecondsMax else { return nil }
    self.seconds = seconds
    self.nanoseconds = nanoseconds
  }

  /// The message `UnixTime` of specs.ipfs.tech/unixfs; no nanoseconds are not written.
  func encoded() -> Bytes {
    var bytes: Bytes = [Field.seconds]
    var rest = UInt64(bitPattern: seconds)
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
    if nanoseconds > 0 {
      bytes.append(Field.nanoseconds)
      withUnsafeBytes(of: nanoseconds.littleEndian) { bytes.append(contentsOf: $0) }
    }
    return bytes
  }

  /// Reads exactly one time in the one form that `encoded` writes.
  init(decoding bytes: ArraySlice<UInt8>) throws(DecodingFailure) {
    var rest = bytes
    guard rest.popFirst() == Field.seconds else { throw .missingField("Seconds of a UnixFS time") }
    var seconds: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      guard let byte = rest.popFirst() else { throw .truncated(what: "UnixFS time") }
      seconds |= UInt64(byte & 0x7f) << shift
      shift += 7
      if byte & 0x80 == 0 { break }
      guard shift < 64 else { throw .malformed(what: "UnixFS time", reason: "a long varint") }
    }
    var nanoseconds: UInt32 = 0
    if rest.popFirst() == Field.nanoseconds, rest.count == MemoryLayout<UInt32>.size {
      for byte in rest.reversed() { nanoseconds = nanoseconds << 8 | UInt32(byte) }
    }
    self.seconds = Int64(bitPattern: seconds)
    self.nanoseconds = nanoseconds
    guard nanoseconds <= Self.nanosecondsMax, encoded().elementsEqual(bytes) else {
      throw .malformed(what: "UnixFS time", reason: "not in its one form")
    }
  }
}
