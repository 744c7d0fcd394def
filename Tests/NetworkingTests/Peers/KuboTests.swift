import Cryptography
import ForeignPeers
import Glibc
import Networking
import Peering
import Primitives
import Telemetry
import Testing

/// The library that is Kubo: `MARTLET_KUBO`, as `Scripts/interop` sets it in a network namespace
/// that has no way out. Without one, Kubo would speak to the world.
private let kuboLibrary: String? = {
  guard let path = getenv("MARTLET_KUBO").map({ String(cString: $0) }) else { return nil }
  return access(path, R_OK) == 0 ? path : nil
}()

/// Against Kubo, the node that most of IPFS runs, which `Scripts/bootstrap --peers` fetches. Its
/// library has no command to ping a peer, so pings go one way here.
@Suite(
  "Kubo", .enabled(if: kuboLibrary != nil, "no MARTLET_KUBO: run Scripts/interop"),
  .timeLimit(.minutes(5)))
struct KuboTests {
  /// An address of the local network, which `Scripts/interop` gives to the namespace: Kubo drops
  /// loopback addresses from what it is told in its DHT.
  private static let address = "10.77.0.1"
  private static let any = try! Multiaddr("/ip4/\(address)/tcp/0")
  /// How Kubo's DHT is called between private addresses; `/ipfs/kad/1.0.0` is for public ones.
  private static let localKademlia = "/ipfs/lan/kad/1.0.0"

  private static func withKubo(
    secret: Bytes? = nil,
    _ body: @escaping @Sendable (CommandedPeer, EventLoop) async throws -> Void
  ) async throws {
    let library = try #require(kuboLibrary)
    var options = [
      JSONValue.Member("library", .string(library)), JSONValue.Member("address", .string(address)),
    ]
    if let secret { options.append(JSONValue.Member("secret", .string(Hex.encode(secret)))) }
    let settled = JSONValue.object(options)
    try await withLoop { loop in
      try await loop.perform {
        let kubo = try await CommandedPeer(
          loop: loop, interpreter: "/usr/bin/env", program: "kubo_peer.py", options: settled)
        defer { kubo.stop() }
        try await body(kubo, loop)
      }
    }
  }

  private static func withHost(
    _ loop: EventLoop, secret: Bytes? = nil, _ body: (PeerHost, Multiaddr) async throws -> Void
  ) async throws {
    let host = RelayHostTests.host(loop) { settings in
      settings.privateNetwork = secret.flatMap { PrivateNetworkKey(secret: $0) }
      settings.timeouts.handshake = .seconds(5)
    }
    let running = Task(executorPreference: loop.taskExecutor) { await host.run() }
    let address = try await host.listen(on: any).withoutOwner.naming(host.peerID)
    do { try await body(host, address) } catch {
      await host.stop()
      await running.value
      throw error
    }
    await host.stop()
    await running.value
  }

  private static func withKademlia(
    _ loop: EventLoop, from address: Multiaddr?, serves: Bool = false,
    _ body: (PeerHost, Multiaddr, KademliaShell) async throws -> Void
  ) async throws {
    try await withHost(loop) { host, own in
      var settings = KademliaSettings.ipfs
      settings.serves = serves
      let shell = await KademliaShell(host: host, protocolID: localKademlia, settings: settings)
      await shell.start()
      if let address { _ = try await shell.bootstrap(from: [address]) }
      try await body(host, own, shell)
    }
  }

  @Test("we dial Kubo and prove its RSA key, identify it and ping it; it dials us")
  func connect() async throws {
    try await Self.withKubo { kubo, loop in
      let address = try await kubo.address()
      try await Self.withHost(loop) { host, _ in
        let connection = try await host.dial(address)
        #expect(await connection.provenPeer == address.peer)
        let message = try await connection.identify()
        #expect(message.agentVersion.hasPrefix("kubo/"))
        #expect(message.protocols.contains(Self.localKademlia))
        #expect(message.protocols.contains("/ipfs/bitswap/1.2.0"))
        #expect(try SignedPeerRecord(decoding: message.signedPeerRecord).peer == address.peer)
        #expect(try await connection.echo(count: 20).count == 20)
      }
      try await Self.withHost(loop) { (host, own) async throws in
        #expect(try await kubo.ask("connect", ["address": own.json]) == true)
        #expect(try await kubo.ask("peers").strings.contains("\(host.peerID)"))
        #expect(await host.openConnections.count == 1)
      }
    }
  }

  @Test("we find what Kubo provides, and it keeps our provider records for others")
  func providers() async throws {
    try await Self.withKubo { kubo, loop in
      let address = try await kubo.address()
      try await Self.withKademlia(loop, from: address, serves: true) { host, _, shell in
        // Kubo tells the DHT of a file once it has somebody in its table.
        let cid = try await kubo.ask("add", ["content": "6d6172746c6574"]).text ?? ""
        let key = KademliaKey(try PeerID(cid).bytes)
        try await eventually(on: loop) {
          let found = await shell.run(.findProviders(key, wanted: 1))
          let book = await shell.bookOfHost()
          return found.providers.compactMap { book.peer(of: $0) } == [address.peer]
        }
        let ours = KademliaKey([0x12, 0x20] + SHA256.hash(Bytes("kept by kubo".utf8)).bytes)
        try await eventually(on: loop) { await shell.run(.provide(ours)).stored == 1 }
        try await Self.withKademlia(loop, from: address) { _, _, other in
          let found = await other.run(.findProviders(ours, wanted: 1))
          let book = await other.bookOfHost()
          #expect(found.providers.compactMap { book.peer(of: $0) } == [host.peerID])
        }
      }
    }
  }

  @Test("Kubo asks us who provides a key, and dials whom we name")
  func kuboFinds() async throws {
    try await Self.withKubo { kubo, loop in
      try await Self.withKademlia(loop, from: nil, serves: true) { _, server, shell in
        try await Self.withKademlia(loop, from: server) { provider, _, other in
          let content = Bytes("kept by martlet".utf8)
          let multihash: Bytes = [0x12, 0x20] + SHA256.hash(content).bytes
          #expect(await other.run(.provide(KademliaKey(multihash))).stored == 1)
          try await eventually(on: loop) { await shell.storedProviders == 1 }
          #expect(try await kubo.ask("connect", ["address": server.json]) == true)
          // A CID of version 0 is the multihash in base58, as a peer id is.
          let cid = "\(try PeerID(bytes: multihash))"
          try await kubo.ask("download", ["cid": .string(cid)])
          try await eventually(on: loop) {
            try await kubo.ask("peers").strings.contains("\(provider.peerID)")
          }
        }
      }
    }
  }

  @Test("a secret lets Kubo and us talk both ways, and keeps others out")
  func privateNetwork() async throws {
    let secret = SystemRandom.bytes(32)
    try await Self.withKubo(secret: secret) { kubo, loop in
      let address = try await kubo.address()
      try await Self.withHost(loop, secret: secret) { host, _ in
        let connection = try await host.dial(address)
        #expect(try await connection.echo(count: 5).count == 5)
        await connection.close()
      }
      try await Self.withHost(loop, secret: secret) { (host, own) async throws in
        #expect(try await kubo.ask("connect", ["address": own.json]) == true)
        #expect(await host.openConnections.count == 1)
      }
      for other in [nil, SystemRandom.bytes(32)] {
        try await Self.withHost(loop, secret: other) { (host, own) async throws in
          await #expect(throws: PeerError.self) { _ = try await host.dial(address) }
          #expect(try await kubo.ask("connect", ["address": own.json]) == false)
        }
      }
    }
  }

  @Test("messages cross between our gossipsub and Kubo's, in both directions")
  func gossip() async throws {
    try await Self.withKubo { kubo, loop in
      let address = try await kubo.address()
      let theirs = try #require(address.peer)
      try await Self.withHost(loop) { host, _ in
        let heard = Lock<[GossipsubWireMessage]>([])
        let shell = await GossipsubShell(
          host: host, configuration: try GossipsubConfiguration(),
          deliver: { message, _ in heard.withLock { $0.append(message) } })
        await shell.start()
        await shell.join("news")
        let subscription = try await kubo.ask("subscribe", ["topic": "news"])
        _ = try await host.connect(to: theirs, at: [address])
        try await eventually(on: loop) {
          let known = try await kubo.ask("listeners", ["topic": "news"]).strings
          return await shell.listeners(of: "news") == 1 && known.contains("\(host.peerID)")
        }
        await shell.publish(Bytes("from swift".utf8), on: "news")
        var message = JSONValue.null
        try await eventually(on: loop) {
          message = try await kubo.ask("next_message", ["subscription": subscription])
          return message != .null
        }
        #expect(message["from"] == host.peerID.json)
        try await eventually(on: loop) {
          let data = JSONValue.string(Hex.encode(Bytes("from kubo".utf8)))
          try await kubo.ask("publish", ["topic": "news", "data": data])
          return heard.withLock { !$0.isEmpty }
        }
        #expect(heard.withLock { $0.first?.data } == Bytes("from kubo".utf8))
        #expect(heard.withLock { $0.first?.author } == theirs.bytes)
      }
    }
  }
}
