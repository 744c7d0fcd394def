import Cryptography
import Networking
import Primitives
import Testing

@testable import Peering

/// A peer that keeps libp2p's handshake and none of its manners: it opens what it likes, says half
/// of things, and reads no stream. Confined to the loop.
final class HostilePeer: Sendable {
  let identity: SigningKey
  let socket: Socket
  // Confined to the loop, where all tests of hostile peers run.
  nonisolated(unsafe) var machine: ConnectionMachine
  nonisolated(unsafe) private(set) var resets: Set<UInt32> = []
  nonisolated(unsafe) private(set) var agreed: Set<UInt32> = []
  nonisolated(unsafe) private(set) var isEnded = false
  nonisolated(unsafe) private var isFlushing = false

  var peerID: PeerID { identity.publicKey.peerID }

  private init(_ identity: SigningKey, _ socket: Socket, _ machine: ConnectionMachine) {
    self.identity = identity
    self.socket = socket
    self.machine = machine
  }

  /// Connects and finishes the handshake; the caller runs `read()` beside what follows.
  nonisolated(nonsending) static func connect(
    to address: Multiaddr, as identity: SigningKey = .generate(), protocols: [String] = [],
    on loop: EventLoop
  ) async throws -> HostilePeer {
    let socket = try await plainSocket(to: address, on: loop)
    var identify = IdentifyMessage()
    identify.protocols = protocols
    let machine = ConnectionMachine(
      role: .initiator, identity: identity,
      staticKey: NoiseKeyPair(privateKey: SystemRandom.bytes(32)),
      ephemeralKey: NoiseKeyPair(privateKey: SystemRandom.bytes(32)),
      expectedPeer: address.peer, protocols: protocols, identify: identify)
    let peer = HostilePeer(identity, socket, machine)
    try await peer.flush()
    while !peer.machine.isOpen { try await peer.readOnce() }
    return peer
  }

  /// A connection without any handshake.
  nonisolated(nonsending) static func plainSocket(
    to address: Multiaddr, from host: String? = nil, on loop: EventLoop
  ) async throws -> Socket {
    let port = try #require(address.port)
    return try await Socket.connect(
      to: .tcp(host: "127.0.0.1", port: port), from: host.map { .tcp(host: $0, port: 0) }, on: loop,
      within: .seconds(5))
  }

  /// Answers pings and takes note of resets until the connection ends.
  nonisolated(nonsending) func read() async {
    while !isEnded {
      do { try await readOnce() } catch { isEnded = true }
    }
  }

  private nonisolated(nonsending) func readOnce() async throws {
    var bytes = Bytes()
    guard try await socket.read(appendingTo: &bytes) > 0 else { throw SocketError.closed }
    var events: [ConnectionEvent] = []
    machine.now = socket.loop.now
    machine.inbox.append(bytes)
    try machine.receive(events: &events)
    for event in events {
      switch event {
      case .reset(let stream), .refused(let stream): resets.insert(stream)
      case .agreed(let stream, _): agreed.insert(stream)
      default: break
      }
    }
    try await flush()
  }

  /// Sends what stands in the machine's outbox; one task at a time does.
  nonisolated(nonsending) func flush() async throws {
    guard !isFlushing else { return }
    isFlushing = true
    defer { isFlushing = false }
    machine.flush()
    while !machine.outbox.isEmpty {
      let count = machine.outbox.count
      let bytes = machine.outbox.take(count)
      try await socket.write(bytes)
      machine.flush()
    }
  }

  /// Opens a stream and says `bytes` on it, as far as the window allows.
  nonisolated(nonsending) func say(_ bytes: Bytes, on protocolID: String) async throws -> UInt32 {
    let stream = try machine.open([protocolID])
    try await say(bytes, on: stream)
    return stream
  }

  /// Says more on a stream.
  nonisolated(nonsending) func say(_ bytes: Bytes, on stream: UInt32) async throws {
    var start = 0
    while start < bytes.count, !isEnded, !resets.contains(stream) {
      let count = try bytes.withUnsafeBytes {
        try machine.send(UnsafeRawBufferPointer(rebasing: $0[start...]), on: stream)
      }
      try await flush()
      if count == 0 { try await socket.loop.sleep(for: .milliseconds(2)) }
      start += count
    }
  }

  /// Opens a stream without a word about what it is for.
  func openSilently() throws -> UInt32 { try machine.openSilently() }

  /// Waits until `condition` holds; the suite's time limit is the only other end.
  nonisolated(nonsending) func wait(until condition: () -> Bool) async throws {
    while !condition() { try await socket.loop.sleep(for: .milliseconds(5)) }
  }
}

extension ConnectionMachine {
  /// A stream of which the machine believes that its protocol is agreed.
  fileprivate mutating func openSilently() throws -> UInt32 {
    let stream = try yamux.open(output: &outbox)
    streams[stream] = .application
    return stream
  }
}

/// A host under attack, on a loop of its own.
struct AttackedHost: Sendable {
  let loop: EventLoop
  let host: PeerHost
  let address: Multiaddr

  /// Short times, so that a test of what ends does not take long.
  static let impatient: PeerHostSettings = {
    var settings = PeerHostSettings()
    settings.timeouts.handshake = .seconds(2)
    settings.timeouts.pingInterval = .milliseconds(100)
    settings.timeouts.silence = .seconds(20)
    settings.timeouts.message = .milliseconds(150)
    settings.timeouts.nextRequest = .milliseconds(150)
    return settings
  }()

  /// Runs `body` beside the host, on its loop.
  static func run(
    _ settings: PeerHostSettings = impatient, protocols: [StreamProtocol] = [],
    _ body: @escaping @Sendable (AttackedHost) async throws -> Void
  ) async throws {
    try await withLoop { loop in
      try await loop.perform {
        let host = PeerHost(
          loop: loop, identity: .generate(), settings: settings, protocols: protocols)
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { await host.run() }
          do {
            let address = try await host.listen(on: Multiaddr("/ip4/127.0.0.1/tcp/0"))
            try await body(AttackedHost(loop: loop, host: host, address: address))
          } catch {
            await host.stop()
            throw error
          }
          await host.stop()
          try await group.waitForAll()
        }
      }
    }
  }

  /// Runs `body` with a hostile peer that reads beside it.
  func attacked(
    protocols: [String] = [],
    _ body: @escaping @Sendable (HostilePeer) async throws -> Void
  ) async throws {
    let peer = try await HostilePeer.connect(to: address, protocols: protocols, on: loop)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { [loop] in await loop.perform { await peer.read() } }
      do { try await body(peer) } catch {
        peer.socket.close()
        throw error
      }
      peer.socket.close()
      try await group.waitForAll()
    }
  }

  /// What the host says of a peer, as text.
  func why(_ peer: PeerID) async -> String { await host.whyReport(of: peer).text() }

  /// A Kademlia server and a router that listens to `news`, on the host.
  func serveEverything() async throws -> (KademliaShell, GossipsubShell) {
    var settings = KademliaSettings.martlet
    settings.serves = true
    settings.requiresAdmission = false
    let kademlia = await KademliaShell(
      host: host, protocolID: KademliaMachine.martletProtocolID, settings: settings)
    await kademlia.start()
    let gossip = await GossipsubShell(
      host: host, configuration: try GossipsubConfiguration(), deliver: { _, _ in })
    await gossip.start()
    await gossip.join("news")
    return (kademlia, gossip)
  }
}
