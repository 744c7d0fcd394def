internal import ContentStore
internal import Networking
internal import Persistence
internal import Primitives
internal import Telemetry

/// A walk over blocks, as the machines of `ContentStore` are: it says which block it wants and
/// takes it.
protocol BlockWalk: Sendable {
  /// What a block gives.
  associatedtype Step: Sendable
  /// The block needed next; nil at the end.
  var wanted: CID? { get }
  /// Takes the wanted block, checked against its CID.
  mutating func supply(_ block: Bytes) throws -> Step
}

extension UnixFSWalk: BlockWalk {}
extension UnixFSDirectoryWalk: BlockWalk {}
extension UnixFSLookup: BlockWalk {}
extension PathResolution: BlockWalk {}

/// One block, whatever it holds.
struct SingleBlockWalk: BlockWalk {
  private(set) var wanted: CID?

  init(_ cid: CID) { wanted = cid }

  mutating func supply(_ block: Bytes) throws -> Bytes {
    try wanted?.verify(block)
    wanted = nil
    return block
  }
}

/// What a dag-pb node is in a tree of files; nil where it has no place in one.
struct NodeKindWalk: BlockWalk {
  private(set) var wanted: CID?

  init(_ cid: CID) { wanted = cid }

  mutating func supply(_ block: Bytes) throws -> UnixFSData.Kind? {
    guard let cid = wanted else { return nil }
    try cid.verify(block)
    wanted = nil
    do { return try UnixFSNode(decoding: block, of: cid).data.kind } catch .notAFile { return nil }
  }
}

/// A DAG on its way into an archive.
struct ArchiveWalk: BlockWalk {
  /// A block that belongs into the archive.
  struct Block: Sendable {
    let cid: CID
    let bytes: Bytes
  }

  private var export: DagExport

  init(_ request: DagExport.Request) throws { export = try DagExport(request) }

  var wanted: CID? { export.wanted }

  mutating func supply(_ block: Bytes) throws -> Block? {
    guard let cid = export.wanted else { return nil }
    return try export.supply(block) ? Block(cid: cid, bytes: block) : nil
  }
}

/// A tree of files on its way into an archive.
struct TreeStepsWalk: BlockWalk {
  private var walk: UnixFSTreeWalk

  init(_ root: CID) { walk = UnixFSTreeWalk(root: root) }

  var wanted: CID? { walk.wanted }

  mutating func supply(_ block: Bytes) throws -> [UnixFSTreeWalk.Step] {
    var steps: [UnixFSTreeWalk.Step] = []
    try walk.supply(block, into: &steps)
    return steps
  }
}

/// Where a gateway's blocks come from: the store, and behind it whoever can fetch a missing one.
///
/// Disk and hashing run on the pool's threads. A block is read when it is asked for, so a slow
/// client costs one block of memory.
struct GatewayBlocks: Sendable {
  let store: BlockStore
  let pool: ComputePool
  let loop: EventLoop
  let retrievalTime: Duration
  let denylist: ContentGateway.Denylist?
  var fetch: ContentGateway.Fetch?

  /// The same store, with nobody behind it.
  var storedOnly: GatewayBlocks {
    var blocks = self
    blocks.fetch = nil
    return blocks
  }

  /// Throws where the operator does not serve what `cid` names.
  func checkAllowed(_ cid: CID) throws(GatewayError) {
    switch denylist?(cid) {
    case .refused(let reason): throw .refused(reason: reason)
    case .legal(let reason): throw .forbiddenByLaw(reason: reason)
    case nil: break
    }
  }

  /// One block, checked.
  func block(_ cid: CID) async throws -> Bytes {
    let reading = BlockReading(SingleBlockWalk(cid), from: self)
    guard let block = try await reading.next() else { throw ContentError.missingBlock(cid) }
    return block
  }

  /// Fetches a block that is not stored; whoever takes it checks it.
  func fetched(_ cid: CID) async throws -> Bytes {
    guard let fetch else { throw ContentError.missingBlock(cid) }
    let (loop, time) = (loop, retrievalTime)
    return try await withThrowingTaskGroup(of: Bytes.self) { group in
      group.addTask {
        do { return try await fetch(cid) } catch let error as CancellationError {
          throw error
        } catch ContentError.missingBlock(let missing) {
          throw ContentError.missingBlock(missing)
        } catch { throw GatewayError.unreachable(cid) }
      }
      group.addTask {
        try await loop.sleep(for: time)
        throw GatewayError.tooSlow
      }
      defer { group.cancelAll() }
      guard let block = try await group.next() else { throw ContentError.missingBlock(cid) }
      return block
    }
  }
}

/// One walk over blocks of a gateway; used by one task at a time.
final class BlockReading<Walk: BlockWalk>: Sendable {
  private let walk: Lock<Walk>
  private let blocks: GatewayBlocks

  init(_ walk: Walk, from blocks: GatewayBlocks) {
    self.walk = Lock(walk)
    self.blocks = blocks
  }

  /// The walk as it stands.
  var state: Walk { walk.withLock { $0 } }

  /// What the next block gives; nil at the end.
  func next() async throws -> Walk.Step? { try await next(upTo: 0)?.first }

  /// What the next blocks give: one, and more up to `byteCountMax` bytes of them, so that many
  /// small ones cost one change of threads. Nil at the end.
  func next(upTo byteCountMax: Int) async throws -> [Walk.Step]? {
    guard let wanted = walk.withLock({ $0.wanted }) else { return nil }
    let (walk, blocks) = (walk, blocks)
    do {
      return try await blocks.pool.run {
        try Self.steps(of: walk, from: blocks, upTo: byteCountMax)
      }
    } catch ContentError.missingBlock(let cid) where cid == wanted && blocks.fetch != nil {
      let block = try await blocks.fetched(cid)
      do {
        return [try await blocks.pool.run { try walk.withLock { try $0.supply(block) } }]
      } catch ContentError.digestMismatch(let cid) { throw GatewayError.unreachable(cid) }
    }
  }

  /// Stops before a block that is missing or not served, unless it is the first.
  private static func steps(
    of walk: Lock<Walk>, from blocks: GatewayBlocks, upTo byteCountMax: Int
  ) throws -> [Walk.Step] {
    var (steps, byteCount): ([Walk.Step], Int) = ([], 0)
    while steps.isEmpty || byteCount < byteCountMax, let wanted = walk.withLock({ $0.wanted }) {
      let block: Bytes
      do {
        try blocks.checkAllowed(wanted)
        block = try blocks.store.block(wanted)
      } catch {
        if !steps.isEmpty { break }
        throw error
      }
      do { steps.append(try walk.withLock { try $0.supply(block) }) } catch {
        if case ContentError.digestMismatch(let cid) = error, let digest = cid.digest {
          blocks.store.noteDamage(digest)
        }
        throw error
      }
      byteCount += block.count
    }
    return steps
  }
}
