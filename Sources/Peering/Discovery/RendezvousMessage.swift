package import Primitives

/// What a rendezvous point answers (libp2p/specs rendezvous/README.md, "Protobuf").
package enum RendezvousStatus: UInt64, Sendable {
  case ok = 0
  case invalidNamespace = 100
  case invalidSignedPeerRecord = 101
  case invalidLifetime = 102
  case invalidCookie = 103
  case notAuthorized = 200
  case internalError = 300
  case unavailable = 400
}

/// Why a message of the rendezvous protocol was refused.
package enum RendezvousFault: Error, Equatable, Sendable {
  /// More bytes than a message may have.
  case tooLong(bytes: Int, limit: Int)
  /// Not protobuf.
  case malformed(ProtobufFault)
  /// A type that is not defined, or without the part that it stands for.
  case type(UInt64)
  /// A status that is not defined.
  case status(UInt64)
  /// A namespace that is not text.
  case namespace
  /// A cookie longer than any we keep.
  case cookieTooLong(bytes: Int, limit: Int)
  /// More registrations than one answer may have.
  case tooManyRegistrations(limit: Int)
  /// An answer to something else.
  case unexpected
}

/// One registration on the wire.
package struct RendezvousEntry: Equatable, Sendable {
  /// Where the peer registers; empty when the message has none.
  package var namespace: String
  /// The envelope of a signed peer record; in the first draft of the protocol a peer's id and
  /// addresses. Not yet checked.
  package var record: Bytes
  /// Seconds; 0 when the message has none.
  package var seconds: UInt64

  /// A registration.
  package init(namespace: String, record: Bytes, seconds: UInt64 = 0) {
    self.namespace = namespace
    self.record = record
    self.seconds = seconds
  }
}

/// A message of the rendezvous protocol.
package enum RendezvousMessage: Equatable, Sendable {
  /// The protocol's name.
  package static let protocolID = "/rendezvous/1.0.0"

  case register(RendezvousEntry)
  case registerResponse(RendezvousStatus, seconds: UInt64)
  /// The second field, the peer's id, is only read by implementations of the first draft.
  case unregister(namespace: String, peer: Bytes)
  /// An empty namespace asks for all; a limit of 0 leaves it to the point.
  case discover(namespace: String, limit: UInt64, cookie: Bytes)
  case discoverResponse(RendezvousStatus, entries: [RendezvousEntry], cookie: Bytes)

  private var type: UInt64 {
    switch self {
    case .register: 0
    case .registerResponse: 1
    case .unregister: 2
    case .discover: 3
    case .discoverResponse: 4
    }
  }

  /// The message without its length.
  package func encoded() -> Bytes {
    var message = ProtobufWriter()
    message.append(1, unsigned: type)
    message.append(Int(type) + 2, bytes: part)
    return message.bytes
  }

  private var part: Bytes {
    var part = ProtobufWriter()
    switch self {
    case .register(let entry): return entry.encoded()
    case .registerResponse(let status, let seconds):
      part.append(1, unsigned: status.rawValue)
      if status == .ok {
        part.append(3, unsigned: seconds)
      } else {
        part.append(2, text: "\(status)")
      }
    case .unregister(let namespace, let peer):
      part.append(1, text: namespace)
      if !peer.isEmpty { part.append(2, bytes: peer) }
    case .discover(let namespace, let limit, let cookie):
      if !namespace.isEmpty { part.append(1, text: namespace) }
      if limit > 0 { part.append(2, unsigned: limit) }
      if !cookie.isEmpty { part.append(3, bytes: cookie) }
    case .discoverResponse(let status, let entries, let cookie):
      for entry in entries { part.append(1, bytes: entry.encoded()) }
      if !cookie.isEmpty { part.append(2, bytes: cookie) }
      part.append(3, unsigned: status.rawValue)
      if status != .ok { part.append(4, text: "\(status)") }
    }
    return part.bytes
  }
}

extension RendezvousEntry {
  func encoded() -> Bytes {
    var entry = ProtobufWriter()
    entry.append(1, text: namespace)
    entry.append(2, bytes: record)
    if seconds > 0 { entry.append(3, unsigned: seconds) }
    return entry.bytes
  }

  init(_ fields: ProtobufFields) throws(RendezvousFault) {
    self.init(
      namespace: try fields.namespace(), record: fields.bytes(2) ?? [],
      seconds: fields.unsigned(3) ?? 0)
  }
}

// MARK: - Decoding

extension RendezvousMessage {
  /// Reads a message; unknown fields are skipped.
  package init(decoding bytes: Bytes) throws(RendezvousFault) {
    guard bytes.count <= RendezvousLimits.messageBytesMax else {
      throw .tooLong(bytes: bytes.count, limit: RendezvousLimits.messageBytesMax)
    }
    let message = try Self.fields(bytes[...])
    // A writer may leave out a zero.
    let type = message.unsigned(1) ?? 0
    guard type <= 4, let bytes = message.bytes(type + 2) else { throw .type(type) }
    guard type != 4 else {
      self = try Self.discoverResponse(in: bytes)
      return
    }
    let part = try Self.fields(bytes[...])
    switch type {
    case 0: self = .register(try RendezvousEntry(part))
    case 1:
      let status = try Self.status(part.unsigned(1))
      self = .registerResponse(status, seconds: status == .ok ? part.unsigned(3) ?? 0 : 0)
    case 2: self = .unregister(namespace: try part.namespace(), peer: part.bytes(2) ?? [])
    default:
      self = .discover(
        namespace: try part.namespace(), limit: part.unsigned(2) ?? 0,
        cookie: try Self.cookie(part.bytes(3)))
    }
  }

  private static func fields(_ bytes: ArraySlice<UInt8>) throws(RendezvousFault) -> ProtobufFields {
    do { return try ProtobufFields(bytes) } catch { throw .malformed(error) }
  }

  private static func status(_ number: UInt64?) throws(RendezvousFault) -> RendezvousStatus {
    guard let status = RendezvousStatus(rawValue: number ?? 0) else { throw .status(number ?? 0) }
    return status
  }

  private static func cookie(_ cookie: Bytes?) throws(RendezvousFault) -> Bytes {
    guard let cookie else { return [] }
    guard cookie.count <= RendezvousLimits.cookieBytesMax else {
      throw .cookieTooLong(bytes: cookie.count, limit: RendezvousLimits.cookieBytesMax)
    }
    return cookie
  }

  private static func discoverResponse(
    in bytes: Bytes
  ) throws(RendezvousFault) -> RendezvousMessage {
    var entries: [RendezvousEntry] = []
    var cookie: Bytes?
    var status: UInt64?
    var reader = ProtobufReader(bytes[...], fieldsMax: RendezvousLimits.pageMax + 16)
    while let (field, value) = try Self.next(&reader) {
      switch (field, value) {
      case (1, .bytes(let entry)):
        guard entries.count < RendezvousLimits.pageMax else {
          throw .tooManyRegistrations(limit: RendezvousLimits.pageMax)
        }
        entries.append(try RendezvousEntry(Self.fields(entry)))
      case (2, .bytes(let found)): cookie = Bytes(found)
      case (3, .unsigned(let number)): status = number
      default: break
      }
    }
    return .discoverResponse(
      try Self.status(status), entries: entries, cookie: try Self.cookie(cookie))
  }

  private static func next(
    _ reader: inout ProtobufReader
  ) throws(RendezvousFault) -> (field: UInt64, value: ProtobufValue)? {
    do { return try reader.next() } catch { throw .malformed(error) }
  }
}

extension ProtobufFields {
  /// The first field as text; empty when there is none.
  fileprivate func namespace() throws(RendezvousFault) -> String {
    guard let bytes = bytes(1) else { return "" }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw .namespace }
    return text
  }
}
