package import Cryptography
package import Primitives

/// What a relay, or who is called through it, answers (libp2p/specs relay/circuit-v2.md).
package enum RelayStatus: UInt64, Sendable {
  case ok = 100
  case reservationRefused = 200
  case resourceLimitExceeded = 201
  case permissionDenied = 202
  case connectionFailed = 203
  case noReservation = 204
  case malformedMessage = 400
  case unexpectedMessage = 401
}

/// Why a message of a relay protocol was refused.
package enum RelayFault: Error, Equatable, Sendable {
  /// More bytes than a message may have.
  case tooLong(bytes: Int, limit: Int)
  /// Not protobuf.
  case malformed(ProtobufFault)
  /// No type, or one that is not defined.
  case type(UInt64?)
  /// A status that is not defined.
  case status(UInt64)
  /// A peer without a proper id.
  case peer
}

/// What a relay allows one circuit; nil where it sets no limit.
package struct RelayLimit: Equatable, Sendable {
  /// Seconds that a circuit may stay.
  package var seconds: UInt32?
  /// Bytes in each direction.
  package var bytes: UInt64?

  /// A limit.
  package init(seconds: UInt32? = nil, bytes: UInt64? = nil) {
    self.seconds = seconds
    self.bytes = bytes
  }
}

/// A relay's promise to reach a peer.
package struct RelayReservation: Equatable, Sendable {
  /// Until when, in seconds since 1970.
  package var expires: UInt64
  /// The relay's addresses, with its id; those that we cannot read are left out.
  package var addresses: [Multiaddr]
  /// The signed envelope of a `RelayVoucher`; not yet checked.
  package var voucher: Bytes

  /// A promise.
  package init(expires: UInt64, addresses: [Multiaddr] = [], voucher: Bytes = []) {
    self.expires = expires
    self.addresses = addresses
    self.voucher = voucher
  }
}

/// Names and limits of the two relay protocols.
package enum RelayProtocol {
  /// Between a relay and those who ask it for something.
  package static let hop = "/libp2p/circuit/relay/0.2.0/hop"
  /// Between a relay and the peer that is called.
  package static let stop = "/libp2p/circuit/relay/0.2.0/stop"
  /// As go-libp2p; a reservation with eight addresses and a voucher has some 600 bytes.
  package static let messageBytesMax = 4_096
  /// Addresses of one reservation that are kept.
  static let addressesMax = 16
}

/// A message of either relay protocol.
package struct RelayMessage: Equatable, Sendable {
  /// Which protocol it belongs to: they number types and fields differently.
  package enum Dialect: Sendable { case hop, stop }

  /// What it is.
  package enum Kind: Equatable, Sendable {
    case reserve
    case connect(PeerID)
    case status(RelayStatus)
  }

  /// What it is.
  package var kind: Kind
  /// What a relay promises; only in the hop protocol.
  package var reservation: RelayReservation?
  /// What a circuit is allowed.
  package var limit: RelayLimit?

  /// A message.
  package init(
    _ kind: Kind, reservation: RelayReservation? = nil, limit: RelayLimit? = nil
  ) {
    self.kind = kind
    self.reservation = reservation
    self.limit = limit
  }

  /// The message without its length.
  package func encoded(_ dialect: Dialect) -> Bytes {
    var message = ProtobufWriter()
    let fields = dialect.fields
    switch kind {
    case .reserve: message.append(Fields.type, unsigned: 0)
    case .connect(let peer):
      message.append(Fields.type, unsigned: fields.connect)
      var named = ProtobufWriter()
      named.append(1, bytes: peer.bytes)
      message.append(Fields.peer, bytes: named.bytes)
    case .status: message.append(Fields.type, unsigned: fields.statusType)
    }
    if dialect == .hop, let reservation {
      message.append(Fields.reservation, bytes: Self.encode(reservation))
    }
    if let limit { message.append(fields.limit, bytes: Self.encode(limit)) }
    if case .status(let status) = kind {
      message.append(fields.status, unsigned: status.rawValue)
    }
    return message.bytes
  }

  private static func encode(_ reservation: RelayReservation) -> Bytes {
    var message = ProtobufWriter()
    message.append(1, unsigned: reservation.expires)
    for address in reservation.addresses.prefix(RelayProtocol.addressesMax) {
      message.append(2, bytes: address.bytes)
    }
    if !reservation.voucher.isEmpty { message.append(3, bytes: reservation.voucher) }
    return message.bytes
  }

  private static func encode(_ limit: RelayLimit) -> Bytes {
    var message = ProtobufWriter()
    if let seconds = limit.seconds { message.append(1, unsigned: UInt64(seconds)) }
    if let bytes = limit.bytes { message.append(2, unsigned: bytes) }
    return message.bytes
  }
}

/// The numbers that are the same in both protocols.
private enum Fields {
  static let type = 1
  static let peer = 2
  static let reservation = 3
}

extension RelayMessage.Dialect {
  /// The numbers that differ.
  fileprivate var fields: (connect: UInt64, statusType: UInt64, limit: Int, status: Int) {
    switch self {
    case .hop: (connect: 1, statusType: 2, limit: 4, status: 5)
    case .stop: (connect: 0, statusType: 1, limit: 3, status: 4)
    }
  }
}

// MARK: - Decoding

extension RelayMessage {
  private struct Parts {
    var type: UInt64?
    var status: UInt64?
    var peer: Bytes?
    var reservation: RelayReservation?
    var limit: RelayLimit?
  }

  /// Reads a message; unknown fields are skipped.
  package init(decoding bytes: Bytes, _ dialect: Dialect) throws(RelayFault) {
    guard bytes.count <= RelayProtocol.messageBytesMax else {
      throw .tooLong(bytes: bytes.count, limit: RelayProtocol.messageBytesMax)
    }
    let parts: Parts
    do throws(ProtobufFault) { parts = try Self.parts(of: bytes, dialect) } catch {
      throw .malformed(error)
    }
    limit = parts.limit
    reservation = parts.reservation
    let fields = dialect.fields
    switch parts.type {
    case 0 where dialect == .hop: kind = .reserve
    case fields.connect:
      guard let bytes = parts.peer, let peer = try? PeerID(bytes: bytes) else { throw .peer }
      kind = .connect(peer)
    case fields.statusType:
      guard let status = RelayStatus(rawValue: parts.status ?? 0) else {
        throw .status(parts.status ?? 0)
      }
      kind = .status(status)
    default: throw .type(parts.type)
    }
  }

  private static func parts(of bytes: Bytes, _ dialect: Dialect) throws(ProtobufFault) -> Parts {
    let fields = dialect.fields
    var parts = Parts()
    var reader = ProtobufReader(bytes[...])
    while let (field, value) = try reader.next() {
      switch (Int(clamping: field), value) {
      case (Fields.type, .unsigned(let number)): parts.type = number
      case (Fields.peer, .bytes(let peer)): parts.peer = try Self.firstField(of: peer)
      case (fields.limit, .bytes(let limit)): parts.limit = try Self.limit(in: limit)
      case (fields.status, .unsigned(let number)): parts.status = number
      case (Fields.reservation, .bytes(let reservation)) where dialect == .hop:
        parts.reservation = try Self.reservation(in: reservation)
      default: break
      }
    }
    return parts
  }

  private static func firstField(
    of bytes: ArraySlice<UInt8>
  ) throws(ProtobufFault) -> Bytes? {
    var reader = ProtobufReader(bytes)
    while let (field, value) = try reader.next() {
      if field == 1, case .bytes(let content) = value { return Bytes(content) }
    }
    return nil
  }

  private static func limit(in bytes: ArraySlice<UInt8>) throws(ProtobufFault) -> RelayLimit {
    var limit = RelayLimit()
    var reader = ProtobufReader(bytes)
    while let (field, value) = try reader.next() {
      guard case .unsigned(let number) = value, number > 0 else { continue }
      if field == 1 { limit.seconds = UInt32(clamping: number) }
      if field == 2 { limit.bytes = number }
    }
    return limit
  }

  private static func reservation(
    in bytes: ArraySlice<UInt8>
  ) throws(ProtobufFault) -> RelayReservation {
    var reservation = RelayReservation(expires: 0)
    var reader = ProtobufReader(bytes)
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (1, .unsigned(let seconds)): reservation.expires = seconds
      case (2, .bytes(let address)):
        guard reservation.addresses.count < RelayProtocol.addressesMax,
          let address = try? Multiaddr(bytes: Bytes(address))
        else { continue }
        reservation.addresses.append(address)
      case (3, .bytes(let voucher)): reservation.voucher = Bytes(voucher)
      default: break
      }
    }
    return reservation
  }
}
