import Cryptography
import Networking
import Peering
import Primitives
import Testing

/// Peers that stop: a socket that is accepted and never answered stands for a frozen process.
@Suite("silent peers", .timeLimit(.minutes(5)))
struct PeerSilenceTests {
  @Test("a peer that never answers the handshake is given up")
  func silentHandshake() async throws {
    var timeouts = PeerTimeouts()
    timeouts.handshake = .milliseconds(60)
    try await withSilence(timeouts) { loop, host in
      let listener = try SocketListener(at: .tcp(host: "127.0.0.1", port: 0), on: loop)
      defer { listener.close() }
      guard case .tcp(_, let port) = listener.address else { return }
      let peer = SigningKey.generate().publicKey.peerID
      let address = try Multiaddr("/ip4/127.0.0.1/tcp/\(port)").naming(peer)
      var reason: PeerError?
      repeat {
        do throws(PeerError) { _ = try await host.dial(address) } catch { reason = error }
        // A slow machine may not even connect in time: that says nothing of the handshake.
      } while reason == .socket(.timedOut)
      #expect(reason == .handshakeTimedOut)
    }
  }

  @Test("a connection on which nothing is heard any more ends by its pings")
  func frozenPeer() async throws {
    var timeouts = PeerTimeouts()
    timeouts.pingInterval = .milliseconds(20)
    timeouts.silence = .milliseconds(60)
    try await withSilence(timeouts) { loop, host in
      // The proxy carries the handshake and then nothing, as a frozen process would. Where the
      // machine is slow, a peer may seem silent before: then the next connection shows it.
      let server = PeerHost(loop: loop, identity: .generate(), handler: { _ in .success([]) })
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await server.run() }
        let real = try await server.listen(on: Multiaddr("/ip4/127.0.0.1/tcp/0"))
        let proxy = try FreezingProxy(to: real, on: loop)
        group.addTask { await proxy.run() }
        let address = proxy.address.naming(server.peerID)
        while !proxy.hasSwallowed {
          proxy.thaw()
          guard let connection = try? await host.dial(address),
            (try? await connection.request(method: "echo")) != nil
          else { continue }
          proxy.freeze()
          #expect(await connection.waitUntilClosed() == .silent(server.peerID))
        }
        proxy.stop()
        await server.stop()
        try await group.waitForAll()
      }
    }
  }

  private func withSilence(
    _ timeouts: PeerTimeouts,
    _ body: @escaping @Sendable (EventLoop, PeerHost) async throws -> Void
  ) async throws {
    try await withLoop { loop in
      try await loop.perform {
        let host = PeerHost(
          loop: loop, identity: .generate(), timeouts: timeouts,
          handler: { _ in .success([]) })
        try await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { await host.run() }
          do { try await body(loop, host) } catch {
            await host.stop()
            throw error
          }
          await host.stop()
          try await group.waitForAll()
        }
      }
    }
  }
}

/// Carries TCP connections, and nothing of them while it is frozen. Confined to the loop.
private final class FreezingProxy: Sendable {
  let address: Multiaddr
  private let loop: EventLoop
  private let port: UInt16
  private let listener: SocketListener
  private nonisolated(unsafe) var isFrozen = false
  /// Whether a ping, or anything else, came while it was frozen.
  nonisolated(unsafe) private(set) var hasSwallowed = false
  private nonisolated(unsafe) var sockets: [Socket] = []

  init(to target: Multiaddr, on loop: EventLoop) throws {
    self.loop = loop
    port = try #require(target.port)
    listener = try SocketListener(at: .tcp(host: "127.0.0.1", port: 0), on: loop)
    guard case .tcp(_, let own) = listener.address else { throw SocketError.closed }
    address = try Multiaddr("/ip4/127.0.0.1/tcp/\(own)")
  }

  func freeze() { isFrozen = true }

  func thaw() { isFrozen = false }

  func stop() {
    listener.close()
    for socket in sockets { socket.close() }
  }

  func run() async {
    await withDiscardingTaskGroup { group in
      while let number = try? await listener.accept() {
        let near = Socket(number, on: loop)
        let far = try? await Socket.connect(
          to: .tcp(host: "127.0.0.1", port: port), on: loop, within: .seconds(5))
        sockets += [near] + (far.map { [$0] } ?? [])
        guard let far else {
          near.close()
          continue
        }
        group.addTask { await self.carry(from: near, to: far) }
        group.addTask { await self.carry(from: far, to: near) }
      }
    }
  }

  private func carry(from source: Socket, to target: Socket) async {
    while true {
      var bytes = Bytes()
      guard let count = try? await source.read(appendingTo: &bytes), count > 0 else { return }
      if isFrozen { hasSwallowed = true } else { try? await target.write(bytes) }
    }
  }
}
