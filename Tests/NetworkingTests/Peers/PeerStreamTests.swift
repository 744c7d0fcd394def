import Cryptography
import Networking
import Peering
import Primitives
import Telemetry
import Testing

@Suite("streams of any protocol", .timeLimit(.minutes(5)))
struct PeerStreamTests {
  private static let echo = StreamProtocol("/test/echo/1.0.0") { stream in
    while let bytes = try await stream.read() { try await stream.write(bytes) }
  }
  private static let reverse = StreamProtocol("/test/reverse/1.0.0") { stream in
    while let message = try await stream.readMessage(limit: 1_000_000) {
      try await stream.writeMessage(message.reversed())
    }
  }
  private static let narrow = StreamProtocol(
    "/test/narrow/1.0.0", limits: StreamLimits(inboundPerPeerMax: 2, inboundMax: 2)
  ) { stream in
    while let bytes = try await stream.read() { try await stream.write(bytes) }
  }

  @Test("raw bytes go both ways and each direction ends by itself")
  func rawBytes() async throws {
    try await withHosts([Self.echo]) { server, client, address in
      let stream = try await client.open(["/test/echo/1.0.0"], to: server.peerID, at: [address])
      let body = Bytes((0..<700_000).map { UInt8(truncatingIfNeeded: $0 &* 13) })
      async let writing: Void = {
        try await stream.write(body)
        await stream.finish()
      }()
      var received = Bytes()
      while let bytes = try await stream.read() { received += bytes }
      try await writing
      #expect(received == body)
      await stream.close()
    }
  }

  @Test("messages keep their bounds, and one over the reader's limit fails")
  func messages() async throws {
    try await withHosts([Self.reverse]) { server, client, address in
      let stream = try await client.open(["/test/reverse/1.0.0"], to: server.peerID, at: [address])
      for size in [0, 1, 200, 100_000] {
        let message = Bytes((0..<size).map { UInt8(truncatingIfNeeded: $0) })
        try await stream.writeMessage(message)
        #expect(try await stream.readMessage(limit: size) == message.reversed())
      }
      try await stream.writeMessage(Bytes(repeating: 1, count: 100))
      await #expect(throws: PeerError.peering(.rpcFrameTooLong(bytes: 100, limit: 99))) {
        _ = try await stream.readMessage(limit: 99)
      }
      await stream.reset()
    }
  }

  @Test("the first of several protocols that the peer speaks is agreed")
  func agreement() async throws {
    try await withHosts([Self.echo]) { server, client, address in
      let stream = try await client.open(
        ["/test/echo/2.0.0", "/test/echo/1.0.0"], to: server.peerID, at: [address])
      #expect(stream.protocolID == "/test/echo/1.0.0")
      await #expect(throws: PeerError.protocolRefused("/a or /b")) {
        _ = try await client.open(["/a", "/b"], to: server.peerID)
      }
    }
  }

  @Test("a name must match as a whole, and what is served can change while connected")
  func exactMatch() async throws {
    try await withHosts([Self.echo]) { server, client, address in
      _ = try await client.connect(to: server.peerID, at: [address])
      for name in ["/test/echo/1.0", "/test/echo/1.0.00", "/test/echo", "/test/reverse/1.0.0"] {
        let stream = try await client.open([name], to: server.peerID)
        await #expect(throws: PeerError.protocolRefused(name)) { _ = try await stream.read() }
        await stream.reset()
      }
      await server.serve(Self.reverse)
      await server.stopServing("/test/echo/1.0.0")
      let stream = try await client.open(["/test/reverse/1.0.0"], to: server.peerID)
      try await stream.writeMessage([1, 2])
      #expect(try await stream.readMessage(limit: 2) == [2, 1])
      await #expect(throws: PeerError.protocolRefused("/test/echo/1.0.0 or /x")) {
        _ = try await client.open(["/test/echo/1.0.0", "/x"], to: server.peerID)
      }
    }
  }

  @Test("streams beyond a protocol's limit are reset, and the reason is kept")
  func streamLimit() async throws {
    try await withHosts([Self.narrow]) { server, client, address in
      let name = "/test/narrow/1.0.0"
      var open: [PeerStream] = []
      for _ in 0..<2 {
        let stream = try await client.open([name], to: server.peerID, at: [address])
        try await stream.write([7])
        #expect(try await stream.read() == [7])
        open.append(stream)
      }
      let third = try await client.open([name], to: server.peerID)
      await #expect(throws: PeerError.streamReset) { _ = try await third.read() }
      await third.reset()
      let reasons = await server.decisions(about: client.peerID).map(\.description)
      #expect(
        reasons.contains("a stream was refused: peers have 2 streams of \(name) open (inboundMax)"))
      await open[0].finish()
      #expect(try await open[0].read() == nil)
      await open[0].close()
      let fourth = try await client.open([name], to: server.peerID)
      try await fourth.write([8])
      #expect(try await fourth.read() == [8])
    }
  }

  @Test("a read that waits too long fails with the time it had")
  func slowReader() async throws {
    try await withHosts([Self.echo]) { server, client, address in
      let stream = try await client.open(["/test/echo/1.0.0"], to: server.peerID, at: [address])
      let time: Duration = .milliseconds(20)
      await #expect(
        throws: PeerError.deadlineExceeded(method: "/test/echo/1.0.0", after: time)
      ) { _ = try await stream.read(within: time) }
    }
  }

  @Test("calls for one peer share one connection, also when they begin at once")
  func reuse() async throws {
    try await withHosts([Self.echo]) { server, client, address in
      let first = try await withThrowingTaskGroup(of: PeerConnection.self) { group in
        for _ in 0..<20 {
          group.addTask { try await client.connect(to: server.peerID, at: [address]) }
        }
        return try await group.reduce(into: Set<ObjectIdentifier>()) {
          $0.insert(ObjectIdentifier($1))
        }
      }
      #expect(first.count == 1)
      _ = try await client.connect(to: server.peerID).ping()
      let back = try await server.connect(to: client.peerID)
      #expect(!(back.isOutgoing))
    }
  }

  @Test("an address that does not answer does not keep the next one waiting")
  func severalAddresses() async throws {
    try await withHosts([Self.echo]) { server, client, address in
      let silent = try SocketListener(at: .tcp(host: "127.0.0.1", port: 0), on: client.loop)
      defer { silent.close() }
      guard case .tcp(_, let port) = silent.address else { return }
      let dead = try Multiaddr("/ip4/127.0.0.1/tcp/\(port)")
      // The silent one is first: it sorts before and was configured too.
      let connection = try await client.connect(
        to: server.peerID, at: [dead, address, Multiaddr("/ip4/127.0.0.1/udp/9/quic-v1")])
      #expect(await connection.provenPeer == server.peerID)
    }
  }

  @Test("a peer whose addresses fail is not dialled again at once")
  func backoff() async throws {
    try await withHosts([]) { _, client, _ in
      let listener = try SocketListener(at: .tcp(host: "127.0.0.1", port: 0), on: client.loop)
      guard case .tcp(_, let port) = listener.address else { return }
      listener.close()
      let peer = SigningKey.generate().publicKey.peerID
      let dead = try Multiaddr("/ip4/127.0.0.1/tcp/\(port)")
      await #expect(throws: PeerError.self) { _ = try await client.connect(to: peer, at: [dead]) }
      do {
        _ = try await client.connect(to: peer)
        Issue.record("it was dialled")
      } catch PeerError.dialledTooSoon(let who, _) {
        #expect(who == peer)
      }
      let stranger = SigningKey.generate().publicKey.peerID
      await #expect(throws: PeerError.noAddress(stranger)) {
        _ = try await client.connect(to: stranger)
      }
    }
  }

  @Test("a denied peer is refused by both sides, and asking why says so")
  func denied() async throws {
    try await withHosts([Self.echo]) { server, client, address in
      await client.setDenied([server.peerID])
      await #expect(throws: PeerError.filtered(.peerDenied(server.peerID))) {
        _ = try await client.connect(to: server.peerID, at: [address])
      }
      await client.setDenied([])
      await server.setDenied([client.peerID])
      let connection = try? await client.connect(to: server.peerID, at: [address])
      if let connection { _ = await connection.waitUntilClosed() }
      let reasons = await server.decisions(about: client.peerID).map(\.description)
      #expect(reasons.contains { $0.hasSuffix("\(client.peerID) is on the deny list") })
    }
  }

  @Test("inbound connections fill their slots and leave ours free")
  func inboundFlood() async throws {
    var settings = PeerHostSettings()
    settings.limits.connectionsMax = 10
    settings.limits.outboundReserved = 8
    try await withHosts([Self.echo], settings: settings) { server, client, address in
      for _ in 0..<2 {
        let connection = try await client.dial(address)
        _ = try await connection.ping()
      }
      await #expect(throws: PeerError.self) {
        let connection = try await client.dial(address)
        _ = try await connection.ping()
      }
      #expect(await server.budget.inbound <= 2)
    }
  }

  @Test("bytes are counted by protocol")
  func bandwidth() async throws {
    try await withHosts([Self.echo]) { server, client, address in
      let name = "/test/echo/1.0.0"
      let stream = try await client.open([name], to: server.peerID, at: [address])
      try await stream.write(Bytes(repeating: 1, count: 5_000))
      _ = try await stream.readExactly(5_000)
      let meter = await client.bandwidth()
      let row = meter.rows.first { $0.protocolID == name }?.traffic
      #expect(row == Traffic(received: 5_000, sent: 5_000))
      #expect(meter.total.sent > 5_000)
    }
  }
}

extension PeerHost {
  fileprivate func setDenied(_ peers: Set<PeerID>) { filter.deniedPeers = peers }
}

/// Two hosts on one loop; `body` gets the address of the first.
private func withHosts(
  _ protocols: [StreamProtocol], settings: PeerHostSettings = PeerHostSettings(),
  _ body: @escaping @Sendable (PeerHost, PeerHost, Multiaddr) async throws -> Void
) async throws {
  try await withLoop { loop in
    try await loop.perform {
      let server = PeerHost(
        loop: loop, identity: .generate(), settings: settings, protocols: protocols)
      let client = PeerHost(
        loop: loop, identity: .generate(), settings: PeerHostSettings(), protocols: [])
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await server.run() }
        group.addTask { await client.run() }
        let address = try await server.listen(on: Multiaddr("/ip4/127.0.0.1/tcp/0"))
        do { try await body(server, client, address) } catch {
          await client.stop()
          await server.stop()
          throw error
        }
        await client.stop()
        await server.stop()
        try await group.waitForAll()
      }
    }
  }
}
