import ContentStore
import Networking
import Persistence
import Primitives
import Telemetry

/// What every command works on: the store, the network if there is one, and threads to work on.
struct KuboNode: Sendable {
  let store: BlockStore
  let network: (any ContentNetwork)?
  let settings: KuboRPCSettings
  private let pool: ComputePool

  init(
    store: BlockStore, network: (any ContentNetwork)?, settings: KuboRPCSettings, pool: ComputePool
  ) {
    self.store = store
    self.network = network
    self.settings = settings
    self.pool = pool
  }

  /// The same node without its network.
  var offline: KuboNode {
    KuboNode(store: store, network: nil, settings: settings, pool: pool)
  }

  /// The network; throws `offline` where there is none.
  func online() throws(ContentNetworkError) -> any ContentNetwork {
    guard let network else { throw .offline }
    return network
  }

  /// Runs work that computes or waits for the disk, which never happens on an event loop.
  func run<Result: Sendable>(
    _ work: @escaping @Sendable (BlockStore) throws -> Result
  ) async throws -> Result {
    let store = store
    return try await pool.run { try work(store) }
  }

  /// Runs work of minutes on a thread of its own, so that it takes no turn from others.
  func runLong<Result: Sendable>(
    _ work: @escaping @Sendable (BlockStore) throws -> Result
  ) async throws -> Result {
    let store = store
    let result: Swift.Result<Result, any Error> = await withCheckedContinuation { continuation in
      NamedThread("kubo-rpc-long") {
        continuation.resume(returning: Swift.Result { try work(store) })
      }.detach()
    }
    return try result.get()
  }

  /// Returns a block that was compared with its CID, from the store or from other nodes.
  func block(_ cid: CID) async throws -> Bytes {
    do {
      return try await run { try $0.checkedBlock(cid) }
    } catch ContentError.missingBlock(let missing) {
      return try await fetch(missing)
    }
  }

  /// Gets a block from other nodes and stores it; no pin holds it yet.
  @discardableResult
  func fetch(_ cid: CID) async throws -> Bytes {
    guard let network else { throw KuboError.blockNotFoundOffline(cid) }
    let bytes = try await network.fetch(cid)
    let block = try await run { _ in try ContentBlock(verifying: bytes, as: cid) }
    try await store.put([block])
    return bytes
  }

  /// Runs a walk to its end.
  func complete<Walk: PieceWalk>(_ walk: Walk) async throws -> Walk {
    let run = PieceWalkRun(walk, on: self)
    while try await run.next() != nil {}
    return run.walk
  }

  /// Finds what a path leads to; names (`/ipns/…`) are asked of the network.
  func resolve(_ text: String) async throws -> ResolvedPath {
    let path = try ContentPath(parsing: await contentPath(text))
    guard let resolved = try await complete(PathWalk(path)).resolved else {
      preconditionFailure("a walk that ended has a result")
    }
    return resolved
  }

  /// Finds the block that a path leads to; one that ends inside a value is an error.
  func resolveBlock(_ text: String) async throws -> CID {
    let resolved = try await resolve(text)
    guard let name = resolved.remainder.first else { return resolved.cid }
    throw KuboError.noSuchLink(name: name, under: resolved.cid)
  }

  /// The path behind a name, or the text itself where it has none.
  private func contentPath(_ text: String) async throws -> String {
    let parts = text.unicodeScalars.split(separator: "/", maxSplits: 2).map(String.init)
    guard parts.count > 1, parts[0] == "ipns" else { return text }
    let target = try await online().resolve(parts[1], isRecursive: true, usesCache: true)
    return parts.count > 2 ? "\(target)/\(parts[2])" : target
  }

  /// Tells others what this node has now; nothing where it is offline.
  func provide(_ roots: [CID]) async throws { try await network?.provide(roots) }
}

extension BlockStore {
  /// A block that was compared with its CID; blocks the calling thread.
  func checkedBlock(_ cid: CID) throws -> Bytes {
    let block = try block(cid)
    do throws(ContentError) { try cid.verify(block) } catch {
      if let digest = try digest(of: cid) { noteDamage(digest) }
      throw error
    }
    return block
  }
}
