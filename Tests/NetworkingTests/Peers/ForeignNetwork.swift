import Cryptography
import Networking
import Peering
import Primitives
import Testing

/// Looks again until it holds, for what a foreign process does in its own time.
func eventually(
  on loop: EventLoop, _ condition: () async throws -> Bool
) async throws {
  for _ in 0..<600 {
    if try await condition() { return }
    try await loop.sleep(for: .milliseconds(50))
  }
  Issue.record("it did not come to hold")
}

/// Runs a host that listens on loopback beside `body`.
func withHost(
  _ loop: EventLoop, _ body: (PeerHost) async throws -> Void
) async throws {
  let host = PeerHost(
    loop: loop, identity: .generate(), settings: PeerHostSettings(), protocols: [])
  let running = Task(executorPreference: loop.taskExecutor) { await host.run() }
  _ = try await host.listen(on: Multiaddr("/ip4/127.0.0.1/tcp/0"))
  do { try await body(host) } catch {
    await host.stop()
    await running.value
    throw error
  }
  await host.stop()
  await running.value
}

/// Runs a node of the Kademlia network that `address` is in.
func withKademlia(
  _ loop: EventLoop, from address: Multiaddr, serves: Bool = false,
  as protocolID: String = KademliaMachine.ipfsProtocolID,
  _ body: (PeerHost, KademliaShell) async throws -> Void
) async throws {
  try await withHost(loop) { host in
    var settings = KademliaSettings.ipfs
    settings.serves = serves
    let shell = await KademliaShell(host: host, protocolID: protocolID, settings: settings)
    await shell.start()
    _ = try await shell.bootstrap(from: [address])
    try await body(host, shell)
  }
}
