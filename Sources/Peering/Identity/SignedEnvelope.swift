package import Cryptography
package import Primitives

/// Why a signed envelope or the record in it was refused.
package enum EnvelopeFault: Error, Equatable, Sendable {
  /// More bytes than an envelope may have.
  case tooLong(bytes: Int, limit: Int)
  /// Not the protobuf messages it should be.
  case malformed(ProtobufFault)
  /// A key that is missing, or of no kind we know.
  case key
  /// The signature is not by the key over domain, type and payload.
  case signature
  /// A payload of another type than the domain's.
  case payloadType(Bytes)
  /// The record speaks of another peer than the one that signed it.
  case otherPeer(record: PeerID, signer: PeerID)
  /// The record names no peer.
  case noPeer
  /// More addresses than a record may have.
  case tooManyAddresses(limit: Int)
}

/// Signed bytes that say for what they were signed (libp2p/specs RFC/0002-signed-envelopes.md).
package struct SignedEnvelope: Equatable, Sendable {
  /// Go-libp2p reads identify messages of 8 KiB, of which an envelope is the largest part.
  package static let bytesMax = 16 * 1_024

  private enum Field {
    static let publicKey = 1
    static let payloadType = 2
    static let payload = 3
    static let signature = 5
  }

  /// Who signed.
  package let publicKey: PeerPublicKey
  /// What the payload is.
  package let payloadType: Bytes
  /// What was signed.
  package let payload: Bytes
  private let signature: Bytes

  /// Signs a payload for one purpose.
  package init(
    signing payload: Bytes, type: Bytes, domain: String, by key: SigningKey
  ) {
    publicKey = .ed25519(key.publicKey)
    payloadType = type
    self.payload = payload
    signature = key.sign(Self.signed(domain, type, payload)).bytes
  }

  /// Reads an envelope and checks that it was signed for `domain`.
  package init(decoding bytes: Bytes, domain: String) throws(EnvelopeFault) {
    guard bytes.count <= Self.bytesMax else {
      throw .tooLong(bytes: bytes.count, limit: Self.bytesMax)
    }
    var fields: [Int: Bytes] = [:]
    do throws(ProtobufFault) {
      var reader = ProtobufReader(bytes[...])
      while let (field, value) = try reader.next() {
        if case .bytes(let content) = value { fields[Int(clamping: field)] = Bytes(content) }
      }
    } catch {
      throw .malformed(error)
    }
    guard let key = try? PeerPublicKey(protobuf: fields[Field.publicKey] ?? []) else {
      throw .key
    }
    publicKey = key
    payloadType = fields[Field.payloadType] ?? []
    payload = fields[Field.payload] ?? []
    signature = fields[Field.signature] ?? []
    guard key.verify(signature, of: Self.signed(domain, payloadType, payload)) else {
      throw .signature
    }
  }

  /// The bytes on the wire.
  package func encoded() -> Bytes {
    var message = ProtobufWriter()
    message.append(Field.publicKey, bytes: publicKey.protobuf)
    message.append(Field.payloadType, bytes: payloadType)
    message.append(Field.payload, bytes: payload)
    message.append(Field.signature, bytes: signature)
    return message.bytes
  }

  /// "Signature Production / Verification": domain, type and payload, each behind its length.
  private static func signed(_ domain: String, _ type: Bytes, _ payload: Bytes) -> Bytes {
    var buffer = Bytes()
    for part in [Bytes(domain.utf8), type, payload] {
      Varint.append(UInt64(part.count), to: &buffer)
      buffer += part
    }
    return buffer
  }
}

/// A peer's own statement of where it listens (libp2p/specs RFC/0003-routing-records.md).
package struct SignedPeerRecord: Equatable, Sendable {
  /// What such records are signed for.
  package static let domain = "libp2p-peer-record"
  /// Their multicodec, 0x0301, as two bytes.
  package static let payloadType: Bytes = [0x03, 0x01]
  /// Addresses of one record.
  package static let addressesMax = 64

  private enum Field {
    static let peer = 1
    static let sequence = 2
    static let addresses = 3
    static let address = 1
  }

  /// Who signed.
  package let peer: PeerID
  /// Grows with each record of a peer; an older one is not believed any more.
  package let sequence: UInt64
  /// Where it listens; addresses we cannot read are left out.
  package let addresses: [Multiaddr]
  /// The envelope, for handing on.
  package let envelope: Bytes

  /// Signs a record of our own.
  package init(sequence: UInt64, addresses: [Multiaddr], by key: SigningKey) {
    peer = key.publicKey.peerID
    self.sequence = sequence
    self.addresses = Array(addresses.prefix(Self.addressesMax))
    var message = ProtobufWriter()
    message.append(Field.peer, bytes: peer.bytes)
    message.append(Field.sequence, unsigned: sequence)
    for address in self.addresses {
      var info = ProtobufWriter()
      info.append(Field.address, bytes: address.bytes)
      message.append(Field.addresses, bytes: info.bytes)
    }
    envelope =
      SignedEnvelope(
        signing: message.bytes, type: Self.payloadType, domain: Self.domain, by: key
      ).encoded()
  }

  /// Reads an envelope with a record, and checks that the peer itself signed it.
  package init(decoding envelope: Bytes) throws(EnvelopeFault) {
    let opened = try SignedEnvelope(decoding: envelope, domain: Self.domain)
    guard opened.payloadType == Self.payloadType else { throw .payloadType(opened.payloadType) }
    var peer: PeerID?
    var sequence: UInt64 = 0
    var addresses: [Multiaddr] = []
    var addressCount = 0
    do throws(ProtobufFault) {
      var reader = ProtobufReader(opened.payload[...])
      while let (field, value) = try reader.next() {
        switch (Int(clamping: field), value) {
        case (Field.peer, .bytes(let bytes)): peer = try? PeerID(bytes: Bytes(bytes))
        case (Field.sequence, .unsigned(let number)): sequence = number
        case (Field.addresses, .bytes(let info)):
          addressCount += 1
          if let address = try Self.address(in: info) { addresses.append(address) }
        default: break
        }
      }
    } catch {
      throw .malformed(error)
    }
    guard addressCount <= Self.addressesMax else {
      throw .tooManyAddresses(limit: Self.addressesMax)
    }
    guard let peer else { throw .noPeer }
    let signer = opened.publicKey.peerID
    guard peer == signer else { throw .otherPeer(record: peer, signer: signer) }
    self.peer = peer
    self.sequence = sequence
    self.addresses = addresses
    self.envelope = envelope
  }

  private static func address(in info: ArraySlice<UInt8>) throws(ProtobufFault) -> Multiaddr? {
    var reader = ProtobufReader(info)
    while let (field, value) = try reader.next() {
      guard Int(clamping: field) == Field.address, case .bytes(let bytes) = value else { continue }
      return try? Multiaddr(bytes: Bytes(bytes))
    }
    return nil
  }
}
