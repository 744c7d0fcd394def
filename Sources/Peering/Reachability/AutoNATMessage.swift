package import Cryptography
package import Primitives

/// Why a message that checks reachability was refused.
package enum ReachabilityFault: Error, Equatable, Sendable {
  /// More bytes than a message may have.
  case tooLong(bytes: Int, limit: Int)
  /// Not protobuf.
  case malformed(ProtobufFault)
  /// None of the messages that are defined.
  case kind
  /// A status that is not defined.
  case status(UInt64)
}

/// Names and limits of AutoNAT, versions 1 and 2 (libp2p/specs autonat).
package enum AutoNATProtocol {
  /// Version 1: is any of my addresses reachable?
  package static let status = "/libp2p/autonat/1.0.0"
  /// Version 2: is this address reachable?
  package static let dialRequest = "/libp2p/autonat/2/dial-request"
  /// Version 2: the other side's proof that it is.
  package static let dialBack = "/libp2p/autonat/2/dial-back"
  /// As go-libp2p reads at most; a full data message has 4,100 bytes.
  package static let messageBytesMax = 8_192
  /// Addresses of one request that are looked at.
  package static let addressesMax = 50
  /// Bytes of `data` in one message.
  package static let dataBytesMax = 4_096
}

/// A message of AutoNAT version 1 (libp2p/specs autonat/autonat-v1.md).
package enum AutoNATMessage: Equatable, Sendable {
  /// How a dial-back went.
  package enum Status: UInt64, Sendable {
    case ok = 0
    case dialError = 100
    case dialRefused = 101
    case badRequest = 200
    case internalError = 300
  }

  /// Asks to be dialled; addresses that we cannot read are left out.
  case dial(PeerID?, [Multiaddr])
  /// Says how it went, and which address was reached.
  case answer(Status, String, Multiaddr?)

  /// The message without its length.
  package func encoded() -> Bytes {
    var message = ProtobufWriter()
    var body = ProtobufWriter()
    switch self {
    case .dial(let peer, let addresses):
      var info = ProtobufWriter()
      if let peer { info.append(1, bytes: peer.bytes) }
      for address in addresses { info.append(2, bytes: address.bytes) }
      body.append(1, bytes: info.bytes)
      message.append(1, unsigned: 0)
      message.append(2, bytes: body.bytes)
    case .answer(let status, let text, let address):
      body.append(1, unsigned: status.rawValue)
      if !text.isEmpty { body.append(2, text: text) }
      if let address { body.append(3, bytes: address.bytes) }
      message.append(1, unsigned: 1)
      message.append(3, bytes: body.bytes)
    }
    return message.bytes
  }

  /// Reads a message; unknown fields are skipped.
  package init(decoding bytes: Bytes) throws(ReachabilityFault) {
    guard bytes.count <= AutoNATProtocol.messageBytesMax else {
      throw .tooLong(bytes: bytes.count, limit: AutoNATProtocol.messageBytesMax)
    }
    let fields: [UInt64: ProtobufValue]
    let body: ProtobufFields
    do throws(ProtobufFault) {
      fields = try ProtobufFields(bytes[...]).last
      switch fields[1] {
      case .unsigned(0): body = try ProtobufFields(fields[2])
      case .unsigned(1): body = try ProtobufFields(fields[3])
      default: body = ProtobufFields()
      }
    } catch {
      throw .malformed(error)
    }
    switch fields[1] {
    case .unsigned(0): self = try Self.dial(in: body)
    case .unsigned(1): self = try Self.answer(in: body)
    default: throw .kind
    }
  }

  private static func dial(in body: ProtobufFields) throws(ReachabilityFault) -> Self {
    let info: ProtobufFields
    do throws(ProtobufFault) { info = try ProtobufFields(body.last[1]) } catch {
      throw .malformed(error)
    }
    let peer = info.bytes(1).flatMap { try? PeerID(bytes: $0) }
    let addresses = info.repeated(2, max: AutoNATProtocol.addressesMax)
      .compactMap { try? Multiaddr(bytes: $0) }
    return .dial(peer, addresses)
  }

  private static func answer(in body: ProtobufFields) throws(ReachabilityFault) -> Self {
    let number = body.unsigned(1) ?? 0
    guard let status = Status(rawValue: number) else { throw .status(number) }
    let text = String(decoding: body.bytes(2) ?? [], as: UTF8.self)
    return .answer(status, text, body.bytes(3).flatMap { try? Multiaddr(bytes: $0) })
  }
}
