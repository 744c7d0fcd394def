import ContentNode
import ContentStore
import Cryptography
import Glibc
import Networking
import Peering
import Persistence
import Primitives
import Telemetry

/// A node with a store in a directory of its own and a host on loopback.
struct ExchangeNode: Sendable {
  let host: PeerHost
  let store: BlockStore
  let exchange: ContentExchange
  let address: Multiaddr

  /// Adds a file of `byteCount` bytes that `seed` makes; returns it and its content.
  func add(
    byteCount: Int, seed: UInt64, profile: UnixFSProfile = .v1In2025
  ) async throws -> (file: UnixFSFile, content: Bytes) {
    let content = ExchangeWorld.bytes(byteCount, seed: seed)
    let upload = ContentUpload(store: store, layout: profile.layout)
    try await upload.append(content)
    return (try await upload.finish(), content)
  }

  /// The bytes of a file in the store, every block checked.
  func content(of cid: CID) async throws -> Bytes {
    let download = ContentDownload(store: store, cid: cid)
    var content = Bytes()
    while let piece = try await download.next() { content += piece }
    return content
  }

  /// Fetches everything below a CID.
  func fetch(
    _ cid: CID, from addresses: [Multiaddr], pinning name: String? = nil
  ) async throws -> FetchedContent {
    try await exchange.fetch(
      ContentFetch(ContentPath(root: cid)), from: addresses, pinning: name)
  }
}

/// Which protocols a node serves.
enum ExchangeProtocols: Sendable {
  case all, archives, bitswap, none
}

enum ExchangeWorld {
  /// Bytes that nothing compresses, the same for each seed.
  static func bytes(_ count: Int, seed: UInt64) -> Bytes {
    var random = SplitMix64(seed: seed)
    var bytes = Bytes()
    bytes.reserveCapacity(count + 8)
    while bytes.count < count {
      withUnsafeBytes(of: random.next()) { bytes.append(contentsOf: $0) }
    }
    bytes.removeLast(bytes.count - count)
    return bytes
  }

  /// Runs `body` with a loop on a thread of its own.
  static func withLoop(_ body: @Sendable (EventLoop) async throws -> Void) async throws {
    let loop = try EventLoop()
    let thread = loop.start(named: "test-loop")
    defer {
      loop.stop()
      thread.join()
    }
    try await loop.perform { try await body(loop) }
  }

  /// A machine that runs all tests at the same time is slow, and who is honest is not silent.
  static let patience: Duration = .seconds(60)

  /// Runs `body` beside a node that listens and gives up archives of which nothing comes.
  static func withNode(
    _ loop: EventLoop, serving protocols: ExchangeProtocols = .all,
    listeningOn listen: String = "/ip4/127.0.0.1/tcp/0", stall: Duration = patience,
    rule: ServingRule? = nil,
    _ body: (ExchangeNode) async throws -> Void
  ) async throws {
    var template = Array("/tmp/martlet-exchange-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw SocketError.addressInvalid("/tmp") }
    let directory = String(cString: made)
    defer { _ = system("rm -rf '\(directory)'") }
    let store = try BlockStore(path: "\(directory)/store")
    let host = PeerHost(
      loop: loop, identity: .generate(), settings: PeerHostSettings(), protocols: [])
    let running = Task(executorPreference: loop.taskExecutor) { await host.run() }
    let address = try await host.listen(on: Multiaddr(listen))
    var timeouts = ExchangeTimeouts()
    timeouts.stall = stall
    timeouts.answer = max(timeouts.answer, stall)
    let exchange = ContentExchange(
      host: host, store: store, timeouts: timeouts, serves: rule)
    switch protocols {
    case .all: await exchange.start()
    case .archives: await exchange.archives.start()
    case .bitswap: await exchange.bitswap.start()
    case .none: break
    }
    let node = ExchangeNode(host: host, store: store, exchange: exchange, address: address)
    let outcome: Result<Void, any Error>
    do {
      try await body(node)
      outcome = .success(())
    } catch {
      outcome = .failure(error)
    }
    await host.stop()
    await running.value
    exchange.stop()
    store.close()
    try outcome.get()
  }
}
