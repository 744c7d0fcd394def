package import Cryptography
package import Primitives

/// A relay's signed statement that it serves a peer ("Reservation Vouchers" of circuit-v2.md).
package struct RelayVoucher: Equatable, Sendable {
  private static let domain = "libp2p-relay-rsvp"
  /// The multicodec 0x0302, as two bytes.
  private static let payloadType: Bytes = [0x03, 0x02]

  /// Who serves, and signed.
  package let relay: PeerID
  /// Who is served.
  package let peer: PeerID
  /// Until when, in seconds since 1970.
  package let expires: UInt64

  /// A statement.
  package init(relay: PeerID, peer: PeerID, expires: UInt64) {
    self.relay = relay
    self.peer = peer
    self.expires = expires
  }

  /// The envelope, by the relay's key.
  package func sealed(by key: SigningKey) -> Bytes {
    var message = ProtobufWriter()
    message.append(1, bytes: relay.bytes)
    message.append(2, bytes: peer.bytes)
    message.append(3, unsigned: expires)
    return SignedEnvelope(
      signing: message.bytes, type: Self.payloadType, domain: Self.domain, by: key
    ).encoded()
  }

  /// Opens an envelope, and checks that the relay it names signed it.
  package init(decoding envelope: Bytes) throws(EnvelopeFault) {
    let opened = try SignedEnvelope(decoding: envelope, domain: Self.domain)
    // go-libp2p writes the type as a varint.
    guard opened.payloadType == Self.payloadType || opened.payloadType == Varint.encode(0x0302)
    else { throw .payloadType(opened.payloadType) }
    var ids: [UInt64: PeerID] = [:]
    var expires: UInt64 = 0
    do throws(ProtobufFault) {
      var reader = ProtobufReader(opened.payload[...])
      while let (field, value) = try reader.next() {
        switch (field, value) {
        case (1, .bytes(let id)), (2, .bytes(let id)): ids[field] = try? PeerID(bytes: Bytes(id))
        case (3, .unsigned(let seconds)): expires = seconds
        default: break
        }
      }
    } catch {
      throw .malformed(error)
    }
    guard let relay = ids[1], let peer = ids[2] else { throw .noPeer }
    let signer = opened.publicKey.peerID
    guard relay == signer else { throw .otherPeer(record: relay, signer: signer) }
    self.init(relay: relay, peer: peer, expires: expires)
  }
}
