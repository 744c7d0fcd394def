import ContentNode
import Cryptography
import Networking
import Peering
import Persistence
import Primitives
import Telemetry

/// A node of ours on a loop of its own, with an empty store.
struct BenchNode: Sendable {
  let loop: EventLoop
  let host: PeerHost
  let store: BlockStore
  let exchange: ContentExchange
  let address: Multiaddr

  /// Runs `body` beside a node that listens.
  static func with<Result: Sendable>(
    store path: String, listeningOn listen: String = "/ip4/127.0.0.1/tcp/0",
    _ body: @Sendable (BenchNode) async throws -> Result
  ) async throws -> Result {
    let loop = try EventLoop()
    let thread = loop.start(named: "bench-loop")
    defer {
      loop.stop()
      thread.join()
    }
    let store = try BlockStore(path: path)
    defer { store.close() }
    let host = PeerHost(
      loop: loop, identity: .generate(), settings: PeerHostSettings(), protocols: [])
    let running = Task(executorPreference: loop.taskExecutor) { await host.run() }
    let address = try await host.listen(on: Multiaddr(listen))
    let exchange = ContentExchange(host: host, store: store)
    let node = BenchNode(
      loop: loop, host: host, store: store, exchange: exchange, address: address)
    let outcome: Swift.Result<Result, any Error>
    do { outcome = .success(try await loop.perform { try await body(node) }) } catch {
      outcome = .failure(error)
    }
    await host.stop()
    await running.value
    exchange.stop()
    return try outcome.get()
  }
}

/// Rates of the same work, measured several times.
struct Rates {
  private var rates: [Double] = []

  /// Adds one run: so many bytes in so much time.
  mutating func add(_ byteCount: UInt64, in time: Duration) {
    rates.append(Double(byteCount) / (time / .seconds(1)) / 1e6)
  }

  /// `NAME 512 MB/s (480 to 530, 5 runs)`: median and spread.
  func report(_ name: String) {
    let sorted = rates.sorted().map { Int($0.rounded()) }
    guard let first = sorted.first, let last = sorted.last else { return }
    print("\(name) \(sorted[sorted.count / 2]) MB/s (\(first) to \(last), \(sorted.count) runs)")
  }
}
