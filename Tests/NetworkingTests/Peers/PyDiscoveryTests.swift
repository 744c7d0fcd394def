import Cryptography
import ForeignPeers
import Networking
import Peering
import Primitives
import Testing

/// Against py-libp2p, which `Scripts/bootstrap --peers` installs.
@Suite(
  "discovery with py-libp2p", .enabled(if: pythonOfPeers != nil, pythonIsMissing), .serialized,
  .timeLimit(.minutes(5)))
struct PyDiscoveryTests {
  /// Runs a py-libp2p node beside a host of ours, which listens on loopback.
  private static func withPython(
    _ options: JSONValue,
    _ change: @escaping @Sendable (inout PeerHostSettings) -> Void = { _ in },
    _ body: @escaping @Sendable (CommandedPeer, PeerHost) async throws -> Void
  ) async throws {
    let interpreter = try #require(pythonOfPeers)
    try await withLoop { loop in
      try await loop.perform {
        let host = RelayHostTests.host(loop, change)
        let python = try await CommandedPeer(
          loop: loop, interpreter: interpreter, program: "py_discovery_peer.py", options: options)
        defer { python.stop() }
        try await withPeerHosts([host]) {
          _ = try await host.listen(on: RelayHostTests.any)
          try await body(python, host)
        }
      }
    }
  }

  private static func finder(_ host: PeerHost) -> MDNSShell {
    var settings = MDNSSettings()
    settings.interfaces = ["lo"]
    return MDNSShell(host: host, settings: settings)
  }

  @Test("by multicast DNS ours finds theirs and theirs finds ours, and ours connects by name")
  func multicast() async throws {
    try await Self.withPython(["mdns": "127.0.0.1"]) { python, host in
      let finder = Self.finder(host)
      try await finder.start()
      try await python.ask("begin_mdns")
      let theirs = try await python.itself().peer
      try await eventually(on: host.loop) { await finder.found.contains(theirs) }
      try await eventually(on: host.loop) {
        try await python.ask("found")["\(host.peerID)"] != nil
      }
      let told = try await python.ask("found")["\(host.peerID)"]?.strings
      let own = await host.ownAddresses().map { "\($0.withoutOwner)" }
      #expect(told == own)
      let connection = try await host.connect(to: theirs)
      #expect(await connection.provenPeer == theirs)
      await finder.stop()
    }
  }

  @Test("we register at a point of py-libp2p's, and discover there whom it lists")
  func atTheirPoint() async throws {
    try await Self.withPython(["rendezvous": true]) { python, host in
      let point = try await python.address()
      let client = RendezvousClient(host: host, points: [], namespaces: [])
      #expect(try await client.register("martlet", at: point) == .seconds(7_200))
      let page = try await client.discover("martlet", at: point)
      #expect(page.registrations.map(\.peer) == [host.peerID])
      #expect(page.registrations[0].record == nil, "it keeps no signatures")
      #expect(
        page.registrations[0].addresses == (await host.ownAddresses().map(\.withoutOwner)))
      try await client.unregister("martlet", at: point)
      try await eventually(on: host.loop) {
        try await client.discover("martlet", at: point).registrations.isEmpty
      }
    }
  }

  @Test("py-libp2p registers at our point, discovers there page by page, and unregisters")
  func atOurPoint() async throws {
    try await Self.withPython([:]) { python, host in
      var limits = RendezvousServerLimits()
      limits.takesUnsigned = true
      let server = RendezvousServer(host: host, limits: limits)
      await server.start()
      let point = try await host.loopbackAddress
      let granted = try await python.ask(
        "register", ["point": point.json, "namespace": "martlet", "seconds": 7_200])
      #expect(granted == 7_200)
      let theirs = try await python.itself().peer
      try await Self.registered(host.loop, at: point) { ours in
        let first = try await python.ask(
          "discover",
          ["point": point.json, "namespace": "martlet", "limit": 1, "cookie": ""])
        #expect(first["peers"]?.strings == ["\(theirs)"])
        let second = try await python.ask(
          "discover",
          [
            "point": point.json, "namespace": "martlet", "limit": 1,
            "cookie": .string(first["cookie"]?.text ?? ""),
          ])
        #expect(second["peers"]?.strings == ["\(ours.peerID)"])
      }
      try await python.ask("unregister", ["point": point.json, "namespace": "martlet"])
      try await eventually(on: host.loop) { await server.registrationCount == 1 }
    }
  }

  /// Registers a host of ours, with its signature, beside `body`.
  private static func registered(
    _ loop: EventLoop, at point: Multiaddr, _ body: @Sendable (PeerHost) async throws -> Void
  ) async throws {
    let host = RelayHostTests.host(loop)
    try await withPeerHosts([host]) {
      _ = try await host.listen(on: RelayHostTests.any)
      let client = RendezvousClient(host: host, points: [], namespaces: [])
      try await client.register("martlet", at: point)
      try await body(host)
    }
  }

  @Test("a point that wants signatures refuses py-libp2p by name")
  func signaturesWanted() async throws {
    try await Self.withPython([:]) { python, host in
      let server = RendezvousServer(host: host)
      await server.start()
      let point = try await host.loopbackAddress
      await #expect(throws: ForeignPeerError.self) {
        try await python.ask(
          "register", ["point": point.json, "namespace": "martlet", "seconds": 7_200])
      }
      #expect(await server.registrationCount == 0)
    }
  }
}
