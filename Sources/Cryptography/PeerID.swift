public import Primitives

/// A libp2p peer id: the multihash of a public key in protobuf form.
///
/// Specification: github.com/libp2p/specs/peer-ids. An Ed25519 key is short enough to be its own
/// (identity) multihash; longer keys are hashed with SHA-256.
public struct PeerID: Hashable, Sendable {
  /// The multihash: code, length, digest.
  public let bytes: Bytes
  private static let identityCode: UInt8 = 0x00
  private static let sha256Code: UInt8 = 0x12
  /// Protobuf head of an Ed25519 public key: field 1 = type 1, field 2 = 32 bytes.
  private static let ed25519Head: Bytes = [0x08, 0x01, 0x12, 0x20]
  private static let inlineKeyBytesMax = 42

  /// The id of an Ed25519 key.
  public init(_ key: PublicKey) {
    self.init(protobufKey: Self.ed25519Head + key.bytes)
  }

  /// The id of a public key of any type in its protobuf form.
  public init(protobufKey key: Bytes) {
    if key.count <= Self.inlineKeyBytesMax {
      bytes = [Self.identityCode, UInt8(key.count)] + key
    } else {
      bytes = [Self.sha256Code, UInt8(Digest.byteCount)] + SHA256.hash(key).bytes
    }
  }

  /// Reads the binary multihash.
  public init(bytes: Bytes) throws(DecodingFailure) {
    guard bytes.count >= 2, Int(bytes[1]) == bytes.count - 2 else {
      throw .malformed(what: "peer id", reason: "not a multihash")
    }
    switch bytes[0] {
    case Self.identityCode where bytes.count - 2 <= Self.inlineKeyBytesMax: break
    case Self.sha256Code where bytes.count - 2 == Digest.byteCount: break
    default: throw .malformed(what: "peer id", reason: "an unknown multihash")
    }
    self.bytes = bytes
  }

  /// Reads base58 text (`12D3Koo…`, `Qm…`) or a CIDv1 of codec libp2p-key in base32 or base36.
  public init(_ text: String) throws(DecodingFailure) {
    let rest = String(text.dropFirst())
    switch text.first {
    case "1", "Q": try self.init(bytes: PositionalBase.base58.decode(text))
    case "b": try self.init(cidBytes: Base32.decode(rest))
    case "k": try self.init(cidBytes: PositionalBase.base36.decode(rest))
    case "z": try self.init(cidBytes: PositionalBase.base58.decode(rest))
    default: throw .malformed(what: "peer id", reason: "`\(text)` is neither base58 nor a CID")
    }
  }

  /// Version 1, codec libp2p-key.
  private static let cidHead: Bytes = [0x01, 0x72]

  /// The id as a CID in base32 (`bafz…`), the newer text form.
  public var base32: String { "b" + Base32.encode(Self.cidHead + bytes) }

  /// The id as a CID in base36 (`k51…`), as names of IPNS are written.
  public var base36: String { "k" + PositionalBase.base36.encode(Self.cidHead + bytes) }

  private init(cidBytes bytes: Bytes) throws(DecodingFailure) {
    guard bytes.starts(with: Self.cidHead) else {
      throw .malformed(what: "peer id", reason: "the CID is not of codec libp2p-key")
    }
    try self.init(bytes: Bytes(bytes.dropFirst(2)))
  }

  /// The key inside in its protobuf form, of whatever kind, if the id is not a hash of it.
  public var inlineKey: Bytes? {
    bytes[0] == Self.identityCode ? Bytes(bytes.dropFirst(2)) : nil
  }

  /// The Ed25519 key inside, if the id carries one.
  public var publicKey: PublicKey? {
    guard bytes.count == 38, bytes[0] == Self.identityCode,
      bytes[2...].starts(with: Self.ed25519Head)
    else { return nil }
    return try? PublicKey(bytes: Bytes(bytes.dropFirst(6)))
  }
}

extension PeerID: CustomStringConvertible, Comparable {
  /// Base58 text, as every libp2p tool prints it.
  public var description: String { PositionalBase.base58.encode(bytes) }

  /// Orders as byte strings.
  public static func < (left: PeerID, right: PeerID) -> Bool {
    left.bytes.lexicographicallyPrecedes(right.bytes)
  }
}

extension PeerID: CanonicalCodable {
  /// The multihash as a byte string.
  public var canonicalValue: CanonicalValue { .bytes(bytes) }

  /// Reads a multihash.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    guard case .bytes(let bytes) = canonicalValue else {
      throw .malformed(what: "peer id", reason: "expected bytes")
    }
    try self.init(bytes: bytes)
  }
}

extension PublicKey {
  /// The libp2p id of this key.
  public var peerID: PeerID { PeerID(self) }

  /// The key in libp2p's protobuf form.
  public var protobuf: Bytes { Bytes(peerID.bytes.dropFirst(2)) }
}
