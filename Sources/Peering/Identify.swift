package import Primitives

/// What a peer says of itself (libp2p/specs identify/README.md).
package struct IdentifyMessage: Equatable, Sendable {
  /// The protocol both sides name.
  package static let protocolID = "/ipfs/id/1.0.0"
  /// The protocol of a peer that tells what it is without being asked, because it has changed.
  package static let pushProtocolID = "/ipfs/id/push/1.0.0"
  /// A message with signed record and many addresses stays far below. All parts together.
  package static let bytesMax = 64 * 1_024
  /// Addresses and protocols kept of one message; the rest is dropped.
  static let entriesMax = 256
  /// A message may come in parts, each with its own length; go-libp2p reads at most ten.
  package static let partsMax = 10

  private enum Field {
    static let publicKey = 1
    static let listenAddresses = 2
    static let protocols = 3
    static let observedAddress = 4
    static let protocolVersion = 5
    static let agentVersion = 6
    static let signedPeerRecord = 8
  }

  /// The sender's key in protobuf form.
  package var publicKey: Bytes = []
  /// Where it listens, in binary form; addresses we cannot read are kept as they are.
  package var listenAddresses: [Bytes] = []
  /// What it speaks.
  package var protocols: [String] = []
  /// Where it sees us; the sender may say anything.
  package var observedAddress: Bytes = []
  /// Its network, free text.
  package var protocolVersion = ""
  /// Its software, free text.
  package var agentVersion = ""
  /// The envelope of its signed record; not yet checked.
  package var signedPeerRecord: Bytes = []

  /// An empty message.
  package init() {}

  /// Reads a message; unknown fields are skipped.
  package init(decoding bytes: Bytes) throws(PeeringError) {
    try merge(bytes)
  }

  /// Adds another part of the message; what it says once replaces what was said before.
  package mutating func merge(_ bytes: Bytes) throws(PeeringError) {
    do throws(ProtobufFault) {
      var reader = ProtobufReader(bytes[...])
      while let (field, value) = try reader.next() {
        guard case .bytes(let content) = value else { continue }
        read(field: Int(clamping: field), content)
      }
    } catch {
      throw .malformedProtobuf(error)
    }
  }

  private mutating func read(field: Int, _ content: ArraySlice<UInt8>) {
    switch field {
    case Field.publicKey: publicKey = Bytes(content)
    case Field.listenAddresses:
      if listenAddresses.count < Self.entriesMax { listenAddresses.append(Bytes(content)) }
    case Field.protocols:
      if protocols.count < Self.entriesMax {
        protocols.append(String(decoding: content, as: UTF8.self))
      }
    case Field.observedAddress: observedAddress = Bytes(content)
    case Field.protocolVersion: protocolVersion = String(decoding: content, as: UTF8.self)
    case Field.agentVersion: agentVersion = String(decoding: content, as: UTF8.self)
    case Field.signedPeerRecord: signedPeerRecord = Bytes(content)
    default: break
    }
  }

  /// The message without its length.
  package func encoded() -> Bytes {
    var message = ProtobufWriter()
    message.append(Field.publicKey, bytes: publicKey)
    for address in listenAddresses { message.append(Field.listenAddresses, bytes: address) }
    for name in protocols { message.append(Field.protocols, text: name) }
    if !observedAddress.isEmpty { message.append(Field.observedAddress, bytes: observedAddress) }
    message.append(Field.protocolVersion, text: protocolVersion)
    message.append(Field.agentVersion, text: agentVersion)
    if !signedPeerRecord.isEmpty {
      message.append(Field.signedPeerRecord, bytes: signedPeerRecord)
    }
    return message.bytes
  }
}

/// The ping protocol (libp2p/specs ping/ping.md): 32 bytes come back as they were.
package enum PingProtocol {
  /// The protocol both sides name.
  package static let protocolID = "/ipfs/ping/1.0.0"
  /// Bytes of one ping.
  package static let payloadBytes = 32
}
