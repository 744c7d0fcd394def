package import Cryptography
package import Primitives

/// One message of the Kademlia protocol (libp2p/specs kad-dht, "RPC messages"), without the length
/// before it. Unknown fields are skipped: other implementations add some.
package struct KademliaMessage: Equatable, Sendable {
  /// What is asked; an answer has the type of its request.
  package enum Kind: UInt64, Sendable {
    case putValue = 0
    case getValue = 1
    case addProvider = 2
    case getProviders = 3
    case findNode = 4
    case ping = 5
  }

  /// What the sender knows of its link to a peer.
  package enum Connection: UInt64, Sendable {
    case notConnected = 0
    case connected = 1
    case canConnect = 2
    case cannotConnect = 3
  }

  /// A peer named in a message.
  package struct Peer: Equatable, Sendable {
    /// Its id.
    package var id: PeerID
    /// Its addresses in binary form; those that we cannot read are kept as they are.
    package var addresses: [Bytes]
    /// The sender's link to it.
    package var connection: Connection

    /// A peer named in a message.
    package init(
      id: PeerID, addresses: [Bytes] = [], connection: Connection = .notConnected
    ) {
      self.id = id
      self.addresses = addresses
      self.connection = connection
    }
  }

  /// A value named in a message.
  package struct Record: Equatable, Sendable {
    /// Its key.
    package var key: Bytes
    /// What its validator understands.
    package var value: Bytes
    /// When the sender received it, as text (RFC 3339); nobody relies on it.
    package var timeReceived: Bytes

    /// A value named in a message.
    package init(key: Bytes, value: Bytes, timeReceived: Bytes = []) {
      self.key = key
      self.value = value
      self.timeReceived = timeReceived
    }
  }

  enum Field {
    static let type: UInt64 = 1
    static let key: UInt64 = 2
    static let record: UInt64 = 3
    static let closerPeers: UInt64 = 8
    static let providerPeers: UInt64 = 9
    /// Ours: a point of the key space instead of bytes that hash to it.
    static let point: UInt64 = 1_001
  }

  enum RecordField {
    static let key: UInt64 = 1
    static let value: UInt64 = 2
    static let timeReceived: UInt64 = 5
  }

  enum PeerField {
    static let id: UInt64 = 1
    static let addresses: UInt64 = 2
    static let connection: UInt64 = 3
  }

  /// What is asked or answered.
  package var kind: Kind
  /// A peer id, a multihash or a record's name.
  package var key: Bytes = []
  /// The point asked about where no bytes hash to it; only under `/martlet/kad/1.0.0`.
  package var point: Digest?
  /// A value.
  package var record: Record?
  /// Peers closer to the key.
  package var closerPeers: [Peer] = []
  /// Peers that provide the key.
  package var providerPeers: [Peer] = []

  /// A message of this kind.
  package init(_ kind: Kind) { self.kind = kind }
}

// MARK: - Writing

extension KademliaMessage {
  /// The message without its length, fields in order of their numbers, defaults left out as
  /// protobuf's third version does.
  package func encoded() -> Bytes {
    var message = ProtobufWriter()
    if kind.rawValue != 0 { message.append(Int(Field.type), unsigned: kind.rawValue) }
    if !key.isEmpty { message.append(Int(Field.key), bytes: key) }
    if let record { message.append(Int(Field.record), bytes: record.encoded()) }
    for peer in closerPeers { message.append(Int(Field.closerPeers), bytes: peer.encoded()) }
    for peer in providerPeers { message.append(Int(Field.providerPeers), bytes: peer.encoded()) }
    if let point { message.append(Int(Field.point), bytes: point.bytes) }
    return message.bytes
  }
}

extension KademliaMessage.Peer {
  func encoded() -> Bytes {
    var message = ProtobufWriter()
    message.append(Int(KademliaMessage.PeerField.id), bytes: id.bytes)
    for address in addresses {
      message.append(Int(KademliaMessage.PeerField.addresses), bytes: address)
    }
    if connection.rawValue != 0 {
      message.append(Int(KademliaMessage.PeerField.connection), unsigned: connection.rawValue)
    }
    return message.bytes
  }
}

extension KademliaMessage.Record {
  func encoded() -> Bytes {
    var message = ProtobufWriter()
    if !key.isEmpty { message.append(Int(KademliaMessage.RecordField.key), bytes: key) }
    if !value.isEmpty { message.append(Int(KademliaMessage.RecordField.value), bytes: value) }
    if !timeReceived.isEmpty {
      message.append(Int(KademliaMessage.RecordField.timeReceived), bytes: timeReceived)
    }
    return message.bytes
  }
}

// MARK: - Reading

extension KademliaMessage {
  /// Reads a message. Peers without a readable id and whatever is above a limit are dropped, as a
  /// message may name a hundred good ones beside; a broken encoding or an unknown type is refused.
  package init(decoding bytes: Bytes) throws(PeeringError) {
    guard bytes.count <= KademliaLimits.messageBytesMax else {
      throw .malformedKademlia(
        .tooLong(bytes: bytes.count, limit: KademliaLimits.messageBytesMax))
    }
    self.init(.putValue)
    var type: UInt64 = 0
    do throws(ProtobufFault) {
      var reader = ProtobufReader(bytes[...])
      while let (field, value) = try reader.next() {
        switch (field, value) {
        case (Field.type, .unsigned(let number)):
          type = number
        case (_, .bytes(let content)):
          try read(field: field, content)
        default: break
        }
      }
    } catch {
      throw .malformedProtobuf(error)
    }
    guard let kind = Kind(rawValue: type) else { throw .malformedKademlia(.unknownType(type)) }
    self.kind = kind
    guard key.count <= KademliaLimits.keyBytesMax else {
      throw .malformedKademlia(
        .keyTooLong(bytes: key.count, limit: KademliaLimits.keyBytesMax))
    }
  }

  private mutating func read(
    field: UInt64, _ content: ArraySlice<UInt8>
  ) throws(ProtobufFault) {
    switch field {
    case Field.key: key = Bytes(content)
    case Field.record: record = try Record(decoding: content)
    case Field.closerPeers:
      if let peer = try Peer(decoding: content),
        closerPeers.count < KademliaLimits.peersInMessageMax
      {
        closerPeers.append(peer)
      }
    case Field.providerPeers:
      if let peer = try Peer(decoding: content),
        providerPeers.count < KademliaLimits.peersInMessageMax
      {
        providerPeers.append(peer)
      }
    case Field.point: point = try? Digest(bytes: Bytes(content))
    default: break
    }
  }
}

extension KademliaMessage.Peer {
  /// Nil where the id is none that we can read.
  init?(decoding bytes: ArraySlice<UInt8>) throws(ProtobufFault) {
    typealias Field = KademliaMessage.PeerField
    var id: PeerID?
    var addresses: [Bytes] = []
    var connection = KademliaMessage.Connection.notConnected
    var reader = ProtobufReader(bytes)
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (Field.id, .bytes(let content)): id = try? PeerID(bytes: Bytes(content))
      case (Field.addresses, .bytes(let content)):
        if addresses.count < KademliaLimits.addressesOfPeerMax,
          content.count <= KademliaLimits.addressBytesMax
        {
          addresses.append(Bytes(content))
        }
      case (Field.connection, .unsigned(let number)):
        connection = KademliaMessage.Connection(rawValue: number) ?? .notConnected
      default: break
      }
    }
    guard let id else { return nil }
    self.init(id: id, addresses: addresses, connection: connection)
  }
}

extension KademliaMessage.Record {
  init(decoding bytes: ArraySlice<UInt8>) throws(ProtobufFault) {
    typealias Field = KademliaMessage.RecordField
    self.init(key: [], value: [])
    var reader = ProtobufReader(bytes)
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (Field.key, .bytes(let content)): key = Bytes(content)
      case (Field.value, .bytes(let content)): self.value = Bytes(content)
      case (Field.timeReceived, .bytes(let content)): timeReceived = Bytes(content)
      default: break
      }
    }
  }
}
