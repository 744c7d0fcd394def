import Cryptography
import Glibc
import Networking
import Peering
import Primitives
import Telemetry

/// One node of the NAT test, which `Tests/EndToEnd/nat` starts in network namespaces.
///
///     NATProbe relay LISTEN
///     NATProbe called LISTEN RELAY       prints its circuit address
///     NATProbe caller LISTEN CIRCUIT     prints `direct` or `relayed`, once bytes came back over it
@main
struct NATProbe {
  /// Three attempts of a punch, and what lies between them.
  private static let patience: Duration = .seconds(18)
  private static let echoID = "/nat-probe/echo/1.0.0"

  static func main() async throws {
    let arguments = CommandLine.arguments
    guard arguments.count >= 3, arguments[1] == "relay" || arguments.count == 4 else {
      print("usage: NATProbe relay LISTEN | called LISTEN RELAY | caller LISTEN CIRCUIT")
      exit(2)
    }
    let loop = try EventLoop()
    loop.start(named: "nat-probe").detach()
    var settings = PeerHostSettings()
    settings.dialsFromListenPort = true
    let echo = StreamProtocol(echoID) { stream in
      while let bytes = try await stream.read() { try await stream.write(bytes) }
    }
    let host = PeerHost(
      loop: loop, identity: .generate(), settings: settings, protocols: [echo])
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await host.run() }
      let own = try await host.listen(on: Multiaddr(arguments[2]))
      switch arguments[1] {
      case "relay": try await relay(host, own)
      case "called": try await called(host, Multiaddr(arguments[3]))
      default: try await caller(host, Multiaddr(arguments[3]))
      }
      await host.stop()
    }
  }

  /// Prints at once: whoever waits for a line reads a pipe or a file.
  private static func say(_ line: String) {
    let bytes = Bytes((line + "\n").utf8)
    _ = write(STDOUT_FILENO, bytes, bytes.count)
  }

  private static func relay(_ host: PeerHost, _ own: Multiaddr) async throws {
    await RelayServer(host: host).start()
    say("\(own)")
    try await Task.sleep(for: .seconds(3_600))
  }

  private static func called(_ host: PeerHost, _ relay: Multiaddr) async throws {
    guard let relayPeer = relay.peer else { return }
    let puncher = HolePuncher(host: host)
    let client = RelayClient(host: host) { connection in await puncher.upgrade(connection) }
    await client.start()
    await puncher.start()
    _ = try await client.reserve(at: relayPeer, addresses: [relay])
    say("\(CircuitAddress.make(through: relay, to: host.peerID))")
    await client.keep(at: relayPeer, addresses: [relay])
  }

  private static func caller(_ host: PeerHost, _ circuit: Multiaddr) async throws {
    guard let peer = circuit.peer else { return }
    let client = RelayClient(host: host)
    await client.start()
    await HolePuncher(host: host).start()
    _ = try await host.dial(circuit)
    let clock = ContinuousClock()
    let end = clock.now.advanced(by: patience)
    while clock.now < end, await !host.isDirectlyConnected(peer) {
      try await Task.sleep(for: .milliseconds(100))
    }
    let stream = try await host.open([echoID], to: peer)
    try await stream.write(Bytes(repeating: 7, count: 10_000))
    _ = try await stream.readExactly(10_000)
    print(stream.connection.isRelayed ? "relayed" : "direct")
  }
}
