/// The value model of everything that is signed or hashed: deterministic CBOR by dag-cbor's rules.
///
/// Specification: ipld.io/specs/codecs/dag-cbor; RFC 8949 §4.2. There are no floating-point
/// numbers: money and consensus never use them. Encoding sorts maps, so equal values have equal
/// bytes; decoding refuses every other spelling.
public enum CanonicalValue: Hashable, Sendable {
  case unsigned(UInt64)
  /// The number −1 − n, as CBOR's major type 1 stores it.
  case negative(UInt64)
  case bytes(Bytes)
  case text(String)
  case array([CanonicalValue])
  case map([String: CanonicalValue])
  case bool(Bool)
  case null
  /// A CID in binary form, without the multibase zero byte that the encoding adds (tag 42).
  case link(Bytes)
}

/// A type with one canonical byte form.
public protocol CanonicalCodable: Sendable {
  /// The value that is encoded.
  var canonicalValue: CanonicalValue { get }
  /// Reads the value back; refuses unknown and missing fields.
  init(canonicalValue: CanonicalValue) throws(DecodingFailure)
}

extension CanonicalCodable {
  /// Returns the canonical bytes.
  public func encoded() -> Bytes { canonicalValue.encoded() }

  /// Reads canonical bytes; every other spelling of the same value is refused.
  public init(decoding bytes: Bytes, limits: CanonicalLimits = .message) throws(DecodingFailure) {
    try self.init(canonicalValue: CanonicalValue(decoding: bytes, limits: limits))
  }
}

/// How much a decoder accepts.
public struct CanonicalLimits: Sendable {
  /// Total bytes of the encoding.
  public var bytesMax: Int
  /// Entries of one array or map.
  public var entriesMax: Int
  /// Nesting of arrays and maps; no message of ours needs more than half of it.
  public static let depthMax = 32

  /// Limits for ordinary messages and transactions.
  public static let message = CanonicalLimits(bytesMax: 4 << 20, entriesMax: 1 << 16)

  /// Sets both limits.
  public init(bytesMax: Int, entriesMax: Int) {
    self.bytesMax = bytesMax
    self.entriesMax = entriesMax
  }
}

extension CanonicalValue {
  /// A signed integer as the shortest of the two integer cases.
  public static func integer(_ value: Int64) -> CanonicalValue {
    value >= 0 ? .unsigned(UInt64(value)) : .negative(UInt64(-1 - value))
  }

  /// An array of encodable values.
  public static func list(_ values: [some CanonicalCodable]) -> CanonicalValue {
    .array(values.map(\.canonicalValue))
  }
}
