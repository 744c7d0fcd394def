package import Cryptography
package import Primitives

/// A peer's public key of any kind that libp2p knows (libp2p/specs peer-ids/peer-ids.md, "Keys").
/// Our own are Ed25519; the others are read and verify.
package enum PeerPublicKey: Equatable, Sendable {
  case ed25519(PublicKey)
  /// A compressed point.
  case secp256k1(Bytes)
  /// X.509 SubjectPublicKeyInfo.
  case rsa(Bytes)
  /// X.509 SubjectPublicKeyInfo.
  case ecdsa(Bytes)

  /// An RSA key of 8,192 bits, the largest, stays below.
  package static let bytesMax = 2_048

  private enum Field {
    static let kind = 1
    static let data = 2
  }

  private enum Kind: UInt64 {
    case rsa = 0
    case ed25519 = 1
    case secp256k1 = 2
    case ecdsa = 3
  }

  /// Reads the protobuf form; only the one encoding that makes the peer's id is accepted.
  package init(protobuf bytes: Bytes) throws(PeeringError) {
    guard bytes.count <= Self.bytesMax else { throw .identityPayload(.keyNotSupported) }
    var kind: Kind?
    var data: Bytes?
    do throws(ProtobufFault) {
      var reader = ProtobufReader(bytes[...])
      while let (field, value) = try reader.next() {
        switch (Int(clamping: field), value) {
        case (Field.kind, .unsigned(let number)): kind = Kind(rawValue: number)
        case (Field.data, .bytes(let content)): data = Bytes(content)
        default: break
        }
      }
    } catch {
      throw .malformedProtobuf(error)
    }
    guard let kind, let data, let key = Self.key(kind, data), key.protobuf == bytes else {
      throw .identityPayload(.keyNotSupported)
    }
    self = key
  }

  private static func key(_ kind: Kind, _ data: Bytes) -> PeerPublicKey? {
    switch kind {
    case .ed25519: (try? PublicKey(bytes: data)).map { .ed25519($0) }
    case .secp256k1: ForeignKey.isValid(data, .secp256k1) ? .secp256k1(data) : nil
    case .rsa: ForeignKey.isValid(data, .rsa) ? .rsa(data) : nil
    case .ecdsa: ForeignKey.isValid(data, .ecdsa) ? .ecdsa(data) : nil
    }
  }

  /// The protobuf form: both fields, in order, with the shortest numbers.
  package var protobuf: Bytes {
    let (kind, data): (Kind, Bytes) =
      switch self {
      case .ed25519(let key): (.ed25519, key.bytes)
      case .secp256k1(let bytes): (.secp256k1, bytes)
      case .rsa(let bytes): (.rsa, bytes)
      case .ecdsa(let bytes): (.ecdsa, bytes)
      }
    var message = ProtobufWriter()
    message.append(Field.kind, unsigned: kind.rawValue)
    message.append(Field.data, bytes: data)
    return message.bytes
  }

  /// The id of the key.
  package var peerID: PeerID { PeerID(protobufKey: protobuf) }

  /// Whether `signature` is one of `message` by this key.
  package func verify(_ signature: Bytes, of message: Bytes) -> Bool {
    switch self {
    case .ed25519(let key):
      (try? Signature(bytes: signature)).map { key.verify($0, of: message) } ?? false
    case .secp256k1(let key): ForeignKey.verify(signature, of: message, by: key, .secp256k1)
    case .rsa(let key): ForeignKey.verify(signature, of: message, by: key, .rsa)
    case .ecdsa(let key): ForeignKey.verify(signature, of: message, by: key, .ecdsa)
    }
  }
}
