package import Cryptography

/// Who opened a connection or a stream.
package enum Direction: Sendable { case inbound, outbound }

/// What one host may hold at once, in one readable place.
package struct ResourceLimits: Equatable, Sendable {
  /// Connections of both directions, proven or not; each holds some 40 KiB while idle.
  package var connectionsMax = 1_024
  /// Connections only we can fill: whoever floods us with connections never takes these, so a node
  /// always keeps peers that it chose itself.
  package var outboundReserved = 8
  /// Connections whose peer is not yet proven; the cheapest thing a stranger can ask for.
  package var handshakesMax = 256
  /// Connections with one peer: two that crossed, and some that are ending.
  package var connectionsPerPeerMax = 16
  /// Inbound connections from one IP address (IPv6: /48) other than loopback.
  package var inboundPerAddressMax = 64
  /// Inbound connections from one network (IPv4 /16, IPv6 /32) other than loopback: a quarter, so
  /// that whoever rents many addresses in one place leaves room for everybody else.
  package var inboundPerNetworkMax = 256
  /// Streams that peers opened, on all connections.
  package var inboundStreamsMax = 16_384
  /// Streams that one peer opened, on all its connections.
  package var inboundStreamsPerPeerMax = 1_024
  /// Unread, unsent and half-received bytes of all connections.
  package var memoryBytesMax = 512 * 1_024 * 1_024
  /// The same of one peer: sixteen of the largest messages.
  package var memoryBytesPerPeerMax = 64 * 1_024 * 1_024

  /// The defaults.
  package init() {}
}

/// What one protocol of streams may use.
package struct StreamLimits: Equatable, Sendable {
  /// Streams of the protocol that one peer may have opened.
  package var inboundPerPeerMax: Int
  /// Streams of the protocol that all peers may have opened.
  package var inboundMax: Int

  /// Limits of a protocol.
  package init(inboundPerPeerMax: Int = 16, inboundMax: Int = 4_096) {
    self.inboundPerPeerMax = inboundPerPeerMax
    self.inboundMax = inboundMax
  }
}

/// Counts what a host holds and refuses what would be too much.
package struct ResourceBudget: Sendable {
  private struct PeerUse {
    var connections = 0
    var inboundStreams = 0
    var memoryBytes = 0
    /// Inbound streams by protocol, a short list.
    var streams: [(protocolID: String, count: Int)] = []
    var isIdle: Bool { connections == 0 && inboundStreams == 0 && memoryBytes == 0 }
  }

  /// What is granted at most.
  package let limits: ResourceLimits
  /// Connections we opened.
  package private(set) var outbound = 0
  /// Connections others opened.
  package private(set) var inbound = 0
  /// Connections whose peer is not proven.
  package private(set) var handshakes = 0
  /// Streams others opened.
  package private(set) var inboundStreams = 0
  /// Bytes of all connections.
  package private(set) var memoryBytes = 0
  private var peers: [PeerID: PeerUse] = [:]
  private var addresses: [UInt64: Int] = [:]
  private var networks: [UInt32: Int] = [:]
  private var protocols: [String: Int] = [:]

  /// A budget of which nothing is used.
  package init(limits: ResourceLimits = ResourceLimits()) { self.limits = limits }
}

// MARK: - Connections

extension ResourceBudget {
  /// Grants a connection whose peer is not yet proven. `address` is `AddressGroup.host` and
  /// `network` is `AddressGroup.network`; 0 is not counted.
  package mutating func begin(
    _ direction: Direction, address: UInt64, network: UInt32 = 0
  ) throws(ResourceRefusal) {
    guard inbound + outbound < limits.connectionsMax else {
      throw .connections(limit: limits.connectionsMax)
    }
    if direction == .inbound {
      let inboundMax = limits.connectionsMax - limits.outboundReserved
      guard inbound < inboundMax else { throw .inboundConnections(limit: inboundMax) }
      guard handshakes < limits.handshakesMax else {
        throw .handshakes(limit: limits.handshakesMax)
      }
      guard address == 0 || addresses[address, default: 0] < limits.inboundPerAddressMax else {
        throw .connectionsOfAddress(limit: limits.inboundPerAddressMax)
      }
      guard network == 0 || networks[network, default: 0] < limits.inboundPerNetworkMax else {
        throw .inboundConnectionsOfNetwork(limit: limits.inboundPerNetworkMax)
      }
    }
    handshakes += 1
    switch direction {
    case .inbound:
      inbound += 1
      if address != 0 { addresses[address, default: 0] += 1 }
      if network != 0 { networks[network, default: 0] += 1 }
    case .outbound: outbound += 1
    }
  }

  /// Counts a connection as its peer's; when refused it still counts as a handshake.
  package mutating func prove(_ peer: PeerID) throws(ResourceRefusal) {
    guard peers[peer]?.connections ?? 0 < limits.connectionsPerPeerMax else {
      throw .connectionsOfPeer(limit: limits.connectionsPerPeerMax)
    }
    handshakes -= 1
    peers[peer, default: PeerUse()].connections += 1
  }

  /// Takes a connection back; `peer` where `prove` succeeded.
  package mutating func end(
    _ direction: Direction, address: UInt64, network: UInt32 = 0, peer: PeerID?
  ) {
    switch direction {
    case .inbound:
      inbound -= 1
      if let count = addresses[address] { addresses[address] = count > 1 ? count - 1 : nil }
      if let count = networks[network] { networks[network] = count > 1 ? count - 1 : nil }
    case .outbound: outbound -= 1
    }
    if let peer {
      change(peer) { $0.connections -= 1 }
    } else {
      handshakes -= 1
    }
  }

  private mutating func change(_ peer: PeerID, _ body: (inout PeerUse) -> Void) {
    var use = peers[peer] ?? PeerUse()
    body(&use)
    peers[peer] = use.isIdle ? nil : use
  }

  /// Connections with one peer.
  package func connections(with peer: PeerID) -> Int { peers[peer]?.connections ?? 0 }
}

// MARK: - Streams and memory

extension ResourceBudget {
  /// Grants a stream that a peer opened.
  package mutating func openStream(
    _ protocolID: String, limits own: StreamLimits, by peer: PeerID
  ) throws(ResourceRefusal) {
    guard inboundStreams < limits.inboundStreamsMax else {
      throw .inboundStreams(limit: limits.inboundStreamsMax)
    }
    guard protocols[protocolID, default: 0] < own.inboundMax else {
      throw .inboundStreamsOfProtocol(protocolID, limit: own.inboundMax)
    }
    var use = peers[peer] ?? PeerUse()
    guard use.inboundStreams < limits.inboundStreamsPerPeerMax else {
      throw .inboundStreamsOfPeer(limit: limits.inboundStreamsPerPeerMax)
    }
    if let index = use.streams.firstIndex(where: { $0.protocolID == protocolID }) {
      guard use.streams[index].count < own.inboundPerPeerMax else {
        throw .inboundStreamsOfProtocolAndPeer(protocolID, limit: own.inboundPerPeerMax)
      }
      use.streams[index].count += 1
    } else {
      use.streams.append((protocolID, 1))
    }
    use.inboundStreams += 1
    peers[peer] = use
    inboundStreams += 1
    protocols[protocolID, default: 0] += 1
  }

  /// Takes a granted stream back.
  package mutating func closeStream(_ protocolID: String, by peer: PeerID) {
    inboundStreams -= 1
    if let count = protocols[protocolID] { protocols[protocolID] = count > 1 ? count - 1 : nil }
    change(peer) { use in
      use.inboundStreams -= 1
      guard let index = use.streams.firstIndex(where: { $0.protocolID == protocolID }) else {
        return
      }
      use.streams[index].count -= 1
      if use.streams[index].count == 0 { use.streams.remove(at: index) }
    }
  }

  /// Counts `delta` more bytes for a peer; they count even when refused, until they are taken back.
  package mutating func hold(_ delta: Int, for peer: PeerID) throws(ResourceRefusal) {
    guard delta != 0 else { return }
    memoryBytes += delta
    change(peer) { $0.memoryBytes += delta }
    guard delta > 0 else { return }
    guard memoryBytes <= limits.memoryBytesMax else {
      throw .memory(limit: limits.memoryBytesMax)
    }
    guard peers[peer]?.memoryBytes ?? 0 <= limits.memoryBytesPerPeerMax else {
      throw .memoryOfPeer(limit: limits.memoryBytesPerPeerMax)
    }
  }

  /// The peer that holds the most, if that is more than `peer` holds.
  package func heavierPeer(than peer: PeerID) -> PeerID? {
    let heaviest = peers.max {
      ($0.value.memoryBytes, $0.key) < ($1.value.memoryBytes, $1.key)
    }
    guard let heaviest, heaviest.value.memoryBytes > peers[peer]?.memoryBytes ?? 0 else {
      return nil
    }
    return heaviest.key
  }

  /// Counts bytes that wait to be sent to a peer, unless that is too much. They may take three
  /// quarters of the memory, so that who is slow to read does not lose its connection over what it
  /// says itself.
  package mutating func holdUnsent(_ bytes: Int, for peer: PeerID) throws(ResourceRefusal) {
    let most = limits.memoryBytesMax / 4 * 3
    let mostOfPeer = limits.memoryBytesPerPeerMax / 4 * 3
    guard memoryBytes + bytes <= most else { throw .memory(limit: most) }
    guard (peers[peer]?.memoryBytes ?? 0) + bytes <= mostOfPeer else {
      throw .memoryOfPeer(limit: mostOfPeer)
    }
    try hold(bytes, for: peer)
  }

  /// Each limit's name, what is in use of it, and the limit.
  package var rows: [(name: String, used: Int, limit: Int)] {
    [
      ("connections", inbound + outbound, limits.connectionsMax),
      ("inbound connections", inbound, limits.connectionsMax - limits.outboundReserved),
      ("handshakes", handshakes, limits.handshakesMax),
      ("inbound streams", inboundStreams, limits.inboundStreamsMax),
      ("memory bytes", memoryBytes, limits.memoryBytesMax),
    ]
  }

  /// The same rows for one peer.
  package func rows(of peer: PeerID) -> [(name: String, used: Int, limit: Int)] {
    let use = peers[peer] ?? PeerUse()
    return [
      ("connections", use.connections, limits.connectionsPerPeerMax),
      ("inbound streams", use.inboundStreams, limits.inboundStreamsPerPeerMax),
      ("memory bytes", use.memoryBytes, limits.memoryBytesPerPeerMax),
    ]
  }

  /// Inbound streams by protocol, sorted by name.
  package var streamsByProtocol: [(protocolID: String, count: Int)] {
    protocols.sorted { $0.key < $1.key }.map { (protocolID: $0.key, count: $0.value) }
  }
}
