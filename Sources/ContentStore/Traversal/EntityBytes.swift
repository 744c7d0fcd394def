public import Primitives

/// Which bytes of a file are asked for, as the trustless gateway's `entity-bytes` names them
/// (specs.ipfs.tech/http-gateways/trustless-gateway): both ends included, negative ones counted
/// from the end of the file.
public struct EntityBytes: Equatable, Sendable {
  /// The first byte.
  public let first: Int64
  /// The last byte; nil for the end of the file.
  public let last: Int64?

  /// All bytes of a file.
  public static let all = EntityBytes(first: 0, last: nil)

  /// From `first` to `last`, both included.
  public init(first: Int64, last: Int64?) {
    self.first = first
    self.last = last
  }

  /// At most `count` bytes from `offset` on, as Kubo's `cat` takes them; nil for no bytes at all.
  public init?(offset: UInt64, count: UInt64? = nil) {
    guard count != 0 else { return nil }
    first = Int64(clamping: offset)
    last = count.map { count in
      let (end, isBeyond) = offset.addingReportingOverflow(count - 1)
      return isBeyond ? .max : Int64(clamping: end)
    }
  }

  /// Reads `from:to`, where `to` may be `*`.
  public init(parsing text: String) throws(DecodingFailure) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let first = Self.number(parts[0]) else { throw Self.malformed }
    self.first = first
    if parts[1] == "*" {
      last = nil
    } else {
      guard let last = Self.number(parts[1]) else { throw Self.malformed }
      self.last = last
    }
  }

  private static let malformed = DecodingFailure.malformed(
    what: "entity-bytes", reason: "expected from:to")

  private static func number(_ text: Substring) -> Int64? {
    text.hasPrefix("+") ? nil : Int64(text)
  }

  /// The bytes of a file of `size` bytes; an end behind the file's is the file's, and so is a start
  /// before it. Throws when nothing of the file is left.
  public func range(in size: UInt64, of cid: CID) throws(ContentError) -> Range<UInt64> {
    let start = Self.offset(first, in: size)
    let end = last.map { last in last < 0 || last < size ? Self.end(last, in: size) : size } ?? size
    if size == 0, start == 0 { return 0..<0 }
    guard start < size, start < end else { throw .rangeOutside(cid, size: size) }
    return start..<end
  }

  private static func offset(_ position: Int64, in size: UInt64) -> UInt64 {
    guard position < 0 else { return UInt64(position) }
    let back = position.magnitude
    return back > size ? 0 : size - back
  }

  /// The byte behind the last one.
  private static func end(_ last: Int64, in size: UInt64) -> UInt64 {
    guard last < 0 else { return UInt64(last) + 1 }
    let back = last.magnitude
    return back > size ? 0 : size - back + 1
  }
}
