import Cryptography
import Testing

@testable import Peering

@Suite("resource budget")
struct ResourceBudgetTests {
  private static func peer(_ number: UInt8) throws -> PeerID {
    try SigningKey(seed: [UInt8](repeating: number, count: 32)).publicKey.peerID
  }

  private static let small: ResourceLimits = {
    var limits = ResourceLimits()
    limits.connectionsMax = 12
    limits.outboundReserved = 8
    limits.connectionsPerPeerMax = 2
    limits.inboundPerAddressMax = 3
    limits.inboundStreamsMax = 4
    limits.inboundStreamsPerPeerMax = 3
    limits.memoryBytesMax = 1_000
    limits.memoryBytesPerPeerMax = 600
    return limits
  }()

  @Test("however many strangers connect, the slots for connections of our own stay free")
  func reservedSlots() throws {
    var budget = ResourceBudget(limits: Self.small)
    for address in 1...4 { try budget.begin(.inbound, address: UInt64(address)) }
    #expect(throws: ResourceRefusal.inboundConnections(limit: 4)) {
      try budget.begin(.inbound, address: 5)
    }
    for _ in 0..<8 { try budget.begin(.outbound, address: 0) }
    #expect(throws: ResourceRefusal.connections(limit: 12)) {
      try budget.begin(.outbound, address: 0)
    }
    budget.end(.inbound, address: 1, peer: nil)
    try budget.begin(.inbound, address: 5)
    #expect(budget.inbound == 4)
    #expect(budget.outbound == 8)
  }

  @Test("one address and one peer have their own limits")
  func addressAndPeer() throws {
    var budget = ResourceBudget(limits: Self.small)
    for _ in 0..<3 { try budget.begin(.inbound, address: 7) }
    #expect(throws: ResourceRefusal.connectionsOfAddress(limit: 3)) {
      try budget.begin(.inbound, address: 7)
    }
    let peer = try Self.peer(1)
    try budget.prove(peer)
    try budget.prove(peer)
    #expect(throws: ResourceRefusal.connectionsOfPeer(limit: 2)) { try budget.prove(peer) }
    #expect(budget.handshakes == 1)
    budget.end(.inbound, address: 7, peer: nil)
    budget.end(.inbound, address: 7, peer: peer)
    try budget.begin(.inbound, address: 7)
    try budget.prove(peer)
    #expect(budget.connections(with: peer) == 2)
  }

  @Test("the peer that holds the most is found, and nobody lighter than who asks")
  func heaviest() throws {
    var budget = ResourceBudget()
    let peers = (0..<3).map { _ in SigningKey.generate().publicKey.peerID }
    for (index, peer) in peers.enumerated() { try budget.hold(100 * (index + 1), for: peer) }
    #expect(budget.heavierPeer(than: peers[0]) == peers[2])
    #expect(budget.heavierPeer(than: peers[1]) == peers[2])
    #expect(budget.heavierPeer(than: peers[2]) == nil)
    #expect(budget.heavierPeer(than: SigningKey.generate().publicKey.peerID) == peers[2])
  }

  @Test("what waits to be sent leaves a quarter of the memory for what is said")
  func unsent() throws {
    var limits = ResourceLimits()
    limits.memoryBytesMax = 400
    limits.memoryBytesPerPeerMax = 200
    var budget = ResourceBudget(limits: limits)
    let peers = (0..<3).map { _ in SigningKey.generate().publicKey.peerID }
    try budget.holdUnsent(150, for: peers[0])
    #expect(throws: ResourceRefusal.memoryOfPeer(limit: 150)) {
      try budget.holdUnsent(1, for: peers[0])
    }
    try budget.hold(50, for: peers[0])
    try budget.holdUnsent(100, for: peers[1])
    #expect(throws: ResourceRefusal.memory(limit: 300)) {
      try budget.holdUnsent(1, for: peers[2])
    }
    #expect(budget.memoryBytes == 300)
    try budget.hold(-150, for: peers[0])
    try budget.holdUnsent(1, for: peers[2])
  }

  @Test("a network has its share of the inbound connections, whatever its addresses")
  func networks() throws {
    var limits = ResourceLimits()
    limits.inboundPerNetworkMax = 3
    var budget = ResourceBudget(limits: limits)
    for address in 1...3 { try budget.begin(.inbound, address: UInt64(address), network: 7) }
    #expect(throws: ResourceRefusal.inboundConnectionsOfNetwork(limit: 3)) {
      try budget.begin(.inbound, address: 4, network: 7)
    }
    try budget.begin(.inbound, address: 4, network: 8)
    for address in 5...9 { try budget.begin(.inbound, address: UInt64(address), network: 0) }
    budget.end(.inbound, address: 1, network: 7, peer: nil)
    try budget.begin(.inbound, address: 4, network: 7)
  }

  @Test("streams are limited by protocol, by peer, and for both together")
  func streams() throws {
    var budget = ResourceBudget(limits: Self.small)
    let (first, second) = (try Self.peer(1), try Self.peer(2))
    let limits = StreamLimits(inboundPerPeerMax: 2, inboundMax: 3)
    for _ in 0..<2 { try budget.openStream("/a", limits: limits, by: first) }
    #expect(throws: ResourceRefusal.inboundStreamsOfProtocolAndPeer("/a", limit: 2)) {
      try budget.openStream("/a", limits: limits, by: first)
    }
    try budget.openStream("/a", limits: limits, by: second)
    #expect(throws: ResourceRefusal.inboundStreamsOfProtocol("/a", limit: 3)) {
      try budget.openStream("/a", limits: limits, by: second)
    }
    try budget.openStream("/b", limits: limits, by: first)
    #expect(throws: ResourceRefusal.inboundStreams(limit: 4)) {
      try budget.openStream("/c", limits: limits, by: second)
    }
    budget.closeStream("/a", by: second)
    #expect(throws: ResourceRefusal.inboundStreamsOfPeer(limit: 3)) {
      try budget.openStream("/c", limits: limits, by: first)
    }
    #expect(budget.streamsByProtocol.map(\.protocolID) == ["/a", "/b"])
  }

  @Test("memory beyond the budget is refused, and counted until it is given back")
  func memory() throws {
    var budget = ResourceBudget(limits: Self.small)
    let (first, second) = (try Self.peer(1), try Self.peer(2))
    try budget.hold(600, for: first)
    #expect(throws: ResourceRefusal.memoryOfPeer(limit: 600)) { try budget.hold(1, for: first) }
    #expect(throws: ResourceRefusal.memory(limit: 1_000)) { try budget.hold(500, for: second) }
    try budget.hold(-500, for: second)
    try budget.hold(300, for: second)
    #expect(budget.memoryBytes == 901)
    try budget.hold(-601, for: first)
    #expect(budget.rows(of: first).allSatisfy { $0.used == 0 })
  }
}
