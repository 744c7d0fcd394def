package import Primitives

/// A message of AutoNAT version 2 on a dial-request stream (libp2p/specs autonat/autonat-v2.md).
package enum AddressCheckMessage: Equatable, Sendable {
  /// Whether the question was taken.
  package enum Status: UInt64, Sendable {
    case internalError = 0
    case requestRejected = 100
    case dialRefused = 101
    case ok = 200
  }

  /// How the dial went.
  package enum DialStatus: UInt64, Sendable {
    case unused = 0
    case dialError = 100
    case dialBackError = 101
    case ok = 200
  }

  /// Which of these addresses, in binary form, can be dialled?
  case request([Bytes], nonce: UInt64)
  /// The answer for one of them.
  case response(Status, index: UInt32, DialStatus)
  /// Before another host is dialled, the asker sends this many bytes.
  case dataRequest(index: UInt32, bytes: UInt64)
  /// Some of those.
  case data(Bytes)

  /// The message without its length.
  package func encoded() -> Bytes {
    var body = ProtobufWriter()
    let field: Int
    switch self {
    case .request(let addresses, let nonce):
      field = 1
      for address in addresses { body.append(1, bytes: address) }
      body.append(2, fixed64: nonce)
    case .response(let status, let index, let dial):
      field = 2
      body.append(1, unsigned: status.rawValue)
      body.append(2, unsigned: UInt64(index))
      body.append(3, unsigned: dial.rawValue)
    case .dataRequest(let index, let bytes):
      field = 3
      body.append(1, unsigned: UInt64(index))
      body.append(2, unsigned: bytes)
    case .data(let bytes):
      field = 4
      body.append(1, bytes: bytes)
    }
    var message = ProtobufWriter()
    message.append(field, bytes: body.bytes)
    return message.bytes
  }

  /// Reads a message; unknown fields are skipped.
  package init(decoding bytes: Bytes) throws(ReachabilityFault) {
    guard bytes.count <= AutoNATProtocol.messageBytesMax else {
      throw .tooLong(bytes: bytes.count, limit: AutoNATProtocol.messageBytesMax)
    }
    let kind: UInt64?
    let body: ProtobufFields
    do throws(ProtobufFault) {
      let fields = try ProtobufFields(bytes[...])
      kind = (1...4).last { fields.last[$0] != nil }
      body = try ProtobufFields(kind.flatMap { fields.last[$0] })
    } catch {
      throw .malformed(error)
    }
    switch kind {
    case 1:
      let addresses = body.repeated(1, max: AutoNATProtocol.addressesMax)
      self = .request(addresses, nonce: body.fixed64(2) ?? 0)
    case 2:
      let (status, dial) = (body.unsigned(1) ?? 0, body.unsigned(3) ?? 0)
      guard let status = Status(rawValue: status) else { throw .status(status) }
      guard let dial = DialStatus(rawValue: dial) else { throw .status(dial) }
      self = .response(status, index: UInt32(clamping: body.unsigned(2) ?? 0), dial)
    case 3:
      self = .dataRequest(
        index: UInt32(clamping: body.unsigned(1) ?? 0), bytes: body.unsigned(2) ?? 0)
    case 4: self = .data(body.bytes(1) ?? [])
    default: throw .kind
    }
  }
}

/// The messages of AutoNAT version 2 on a dial-back stream.
package enum DialBackMessage {
  /// The whole answer: its one field has the value 0, which is left out.
  package static let response: Bytes = []

  /// The number that proves who dials.
  package static func encode(nonce: UInt64) -> Bytes {
    var message = ProtobufWriter()
    message.append(1, fixed64: nonce)
    return message.bytes
  }

  /// The number in a message.
  package static func nonce(in bytes: Bytes) throws(ReachabilityFault) -> UInt64 {
    let fields: ProtobufFields
    do throws(ProtobufFault) { fields = try ProtobufFields(bytes[...]) } catch {
      throw .malformed(error)
    }
    guard let nonce = fields.fixed64(1) else { throw .kind }
    return nonce
  }
}
