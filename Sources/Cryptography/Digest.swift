public import Primitives

/// A SHA-256 digest or another 32-byte identifier, stored inline.
public struct Digest: Hashable, Sendable {
  /// The number of bytes.
  public static let byteCount = 32
  // Four plain words: a SIMD vector would need 32-byte alignment, which the frames of asynchronous
  // functions do not have (Swift 6.3 writes beyond them).
  private let words: Words

  struct Words: Hashable, Sendable {
    var first: UInt64 = 0
    var second: UInt64 = 0
    var third: UInt64 = 0
    var fourth: UInt64 = 0
  }

  /// Thirty-two zero bytes: the parent of a first block, the root of nothing.
  public static let zero = Digest(words: Words())

  init(words: Words) { self.words = words }

  /// Copies exactly 32 bytes.
  public init(bytes: some Collection<UInt8>) throws(DecodingFailure) {
    guard bytes.count == Self.byteCount else {
      throw .malformed(what: "digest", reason: "\(bytes.count) bytes instead of 32")
    }
    var words = Words()
    withUnsafeMutableBytes(of: &words) { $0.copyBytes(from: bytes) }
    self.words = words
  }

  /// Reads 64 hexadecimal digits.
  public init(hex: String) throws(DecodingFailure) { try self.init(bytes: Hex.decode(hex)) }

  /// The 32 bytes.
  public var bytes: Bytes { withUnsafeBytes { Bytes($0) } }

  /// The bytes as 64 lower-case digits.
  public var hex: String { Hex.encode(bytes) }

  /// Calls `body` with the bytes in place.
  public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows
    -> Result
  {
    try Swift.withUnsafeBytes(of: words, body)
  }
}

extension Digest: Comparable {
  /// Orders as byte strings.
  public static func < (left: Digest, right: Digest) -> Bool {
    let (a, b) = (left.words, right.words)
    if a.first != b.first { return a.first.bigEndian < b.first.bigEndian }
    if a.second != b.second { return a.second.bigEndian < b.second.bigEndian }
    if a.third != b.third { return a.third.bigEndian < b.third.bigEndian }
    return a.fourth.bigEndian < b.fourth.bigEndian
  }
}

extension Digest: CustomStringConvertible {
  /// The first eight bytes in hexadecimal: enough for a person, never for a check.
  public var description: String { Hex.encode(bytes.prefix(8)) }
}

extension Digest: CanonicalCodable {
  /// A byte string of 32 bytes.
  public var canonicalValue: CanonicalValue { .bytes(bytes) }

  /// Reads a byte string of 32 bytes.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    guard case .bytes(let bytes) = canonicalValue else {
      throw .malformed(what: "digest", reason: "expected bytes")
    }
    try self.init(bytes: bytes)
  }
}
