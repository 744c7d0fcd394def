package import Cryptography
package import Primitives

/// What each side proves inside the handshake: its identity key, a signature of that key over the
/// Noise static key, and the muxers it speaks (libp2p/specs noise/README.md, "The libp2p Handshake
/// Payload" and "Noise Extensions").
package struct NoiseIdentityPayload: Equatable, Sendable {
  /// No implementation speaks more; a longer list is a peer that wastes our memory.
  static let muxersMax = 16

  private enum Field {
    static let identityKey = 1
    static let identitySignature = 2
    static let extensions = 4
    static let streamMuxers = 2
  }

  private static let signedPrefix = Bytes("noise-libp2p-static-key:".utf8)

  /// The sender's identity.
  package let publicKey: PeerPublicKey
  /// The muxers it named; empty from peers without early negotiation.
  package let muxers: [String]

  /// Encodes the payload for a static key.
  package static func encode(
    identity: SigningKey, staticKey: Bytes, muxers: [String]
  ) -> Bytes {
    var payload = ProtobufWriter()
    payload.append(Field.identityKey, bytes: identity.publicKey.protobuf)
    payload.append(
      Field.identitySignature, bytes: identity.sign(signedPrefix + staticKey).bytes)
    if !muxers.isEmpty {
      var extensions = ProtobufWriter()
      for muxer in muxers { extensions.append(Field.streamMuxers, text: muxer) }
      payload.append(Field.extensions, bytes: extensions.bytes)
    }
    return payload.bytes
  }

  /// Reads a payload and checks its signature over the sender's static key.
  package init(_ payload: Bytes, staticKey: Bytes) throws(PeeringError) {
    var key: Bytes = []
    var signature: Bytes = []
    var muxers: [String] = []
    do throws(ProtobufFault) {
      var reader = ProtobufReader(payload[...])
      while let (field, value) = try reader.next() {
        guard case .bytes(let bytes) = value else { continue }
        switch Int(clamping: field) {
        case Field.identityKey: key = Bytes(bytes)
        case Field.identitySignature: signature = Bytes(bytes)
        case Field.extensions: muxers = try Self.muxers(in: bytes)
        default: break
        }
      }
    } catch {
      throw .malformedProtobuf(error)
    }
    let publicKey = try PeerPublicKey(protobuf: key)
    guard publicKey.verify(signature, of: Self.signedPrefix + staticKey) else {
      throw .identityPayload(.signatureMismatch)
    }
    guard muxers.count <= Self.muxersMax else {
      throw .identityPayload(.tooManyMuxers(limit: Self.muxersMax))
    }
    self.publicKey = publicKey
    self.muxers = muxers
  }

  private static func muxers(
    in extensions: ArraySlice<UInt8>
  ) throws(ProtobufFault) -> [String] {
    var muxers: [String] = []
    var reader = ProtobufReader(extensions)
    while let (field, value) = try reader.next() {
      guard Int(clamping: field) == Field.streamMuxers, case .bytes(let bytes) = value
      else { continue }
      muxers.append(String(decoding: bytes, as: UTF8.self))
    }
    return muxers
  }
}
