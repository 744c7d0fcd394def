public import ContentStore
import Cryptography
import Glibc
import Primitives
import Telemetry

/// Adds files to a store, or only names them.
///
/// One thread reads, several hash, the store's writer writes. The root is returned only when the
/// whole file is durable and its root pinned, unless that is not wanted. A failed add leaves at
/// most blocks that a collection forgets.
public struct ContentAdder: Sendable {
  /// Chunks that wait for a hashing thread.
  private static let waitingChunksMax = 4
  /// More threads than this only wait for the reader.
  private static let hashingThreadsMax = 4

  private let store: BlockStore?
  private let layout: UnixFSLayout
  private let isPinning: Bool
  private let hashingThreads: Int

  /// Adds to `store`, or only computes CIDs where it is nil.
  ///
  /// - Parameter isPinning: whether each root is pinned recursively; without a pin the next
  ///   collection forgets what was added.
  public init(
    store: BlockStore?, layout: UnixFSLayout = UnixFSProfile.v1In2025.layout,
    isPinning: Bool = true
  ) {
    self.store = store
    self.layout = layout
    self.isPinning = isPinning
    hashingThreads = min(Self.hashingThreadsMax, max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
  }

  /// Adds the regular file at `path`; blocks the calling thread.
  public func addBlocking(path: String) throws(BlockStoreError) -> UnixFSFile {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .failed("opening", path, errno) }
    defer { close(descriptor) }
    return try addBlocking(descriptor: descriptor, path: path)
  }

  /// Adds what can be read from `descriptor` up to its end; blocks the calling thread.
  public func addBlocking(
    descriptor: Int32, path: String = "standard input"
  ) throws(BlockStoreError) -> UnixFSFile {
    let source = ContentSource(
      descriptor: descriptor, path: path, chunkByteCount: layout.chunkByteCount)
    let first = try source.next()
    let run = ContentAddition(store: store, layout: layout, isPinning: isPinning)
    if first.count < layout.chunkByteCount {
      try run.add(first, at: 0)
    } else {
      try pump(first, source, into: run)
    }
    return try run.finish()
  }

  /// Adds the regular file at `path` on threads of its own.
  public func add(path: String) async throws(BlockStoreError) -> UnixFSFile {
    let result = await withCheckedContinuation {
      (continuation: CheckedContinuation<Result<UnixFSFile, BlockStoreError>, Never>) in
      NamedThread("content-add") {
        do throws(BlockStoreError) {
          continuation.resume(returning: .success(try addBlocking(path: path)))
        } catch { continuation.resume(returning: .failure(error)) }
      }.detach()
    }
    return try result.get()
  }

  /// Reads chunks on this thread and hands them to the hashing threads.
  private func pump(
    _ first: Bytes, _ source: ContentSource, into run: ContentAddition
  ) throws(BlockStoreError) {
    let chunks = BlockStoreQueue<(Int, Bytes)>(elementsMax: Self.waitingChunksMax)
    let threads = (0..<hashingThreads).map { number in
      NamedThread("content-hash-\(number)") {
        while let (index, chunk) = chunks.takeOne() {
          // A failed addition still takes its chunks, so that the reader never waits for ever.
          try? run.add(chunk, at: index)
        }
      }
    }
    defer {
      chunks.close()
      for thread in threads { thread.join() }
    }
    var chunk = first
    var index = 0
    while !chunk.isEmpty, run.error == nil {
      _ = chunks.put((index, chunk))
      chunk = try source.next()
      index += 1
    }
  }
}

/// Chunks of a file in order.
private struct ContentSource {
  let descriptor: Int32
  let path: String
  let chunkByteCount: Int

  /// Returns the next chunk, shorter only at the end, empty behind it.
  func next() throws(BlockStoreError) -> Bytes {
    var failure: Int32 = 0
    let chunk = Bytes(unsafeUninitializedCapacity: chunkByteCount) { buffer, filled in
      while filled < chunkByteCount {
        let count = read(descriptor, buffer.baseAddress! + filled, chunkByteCount - filled)
        if count < 0, errno == EINTR { continue }
        if count < 0 { failure = errno }
        if count <= 0 { break }
        filled += count
      }
    }
    if failure == EISDIR { throw .notAFile(path: path) }
    guard failure == 0 else { throw .failed("reading", path, failure) }
    return chunk
  }
}

/// One file on its way into the store. Leaves may come from several threads and in any order.
private final class ContentAddition: Sendable {
  private struct Tree {
    var layout: BalancedLayout
    /// Leaves that came before their turn; at most one a hashing thread.
    var early: [Int: UnixFSSubtree] = [:]
    var next = 0
    /// All blocks of the file, to be held by its pin in the end.
    var digests: [Digest] = []
  }

  private let store: BlockStore?
  private let layout: UnixFSLayout
  private let isPinning: Bool
  private let ticket: BlockStoreTicket
  private let tree: Lock<Tree>

  init(store: BlockStore?, layout: UnixFSLayout, isPinning: Bool) {
    self.store = store
    self.layout = layout
    self.isPinning = isPinning
    ticket = BlockStoreTicket(store?.sequences)
    tree = Lock(Tree(layout: BalancedLayout(layout)))
  }

  /// The first failure.
  var error: BlockStoreError? { ticket.error }

  /// Hashes and stores the leaf of chunk number `index`, and the inner nodes that it completes.
  func add(_ chunk: Bytes, at index: Int) throws(BlockStoreError) {
    let (block, subtree) = layout.leaf(chunk)
    try store([block])
    let nodes = tree.withLock { tree in
      var nodes: [ContentBlock] = []
      tree.early[index] = subtree
      while let leaf = tree.early.removeValue(forKey: tree.next) {
        tree.layout.append(leaf, into: &nodes)
        tree.next += 1
      }
      if store != nil, isPinning { tree.digests += ([block] + nodes).compactMap(\.cid.digest) }
      return nodes
    }
    try store(nodes)
  }

  private func store(_ blocks: [ContentBlock]) throws(BlockStoreError) {
    guard let store, !blocks.isEmpty else { return }
    do throws(BlockStoreError) {
      let records = try store.compressedRecords(of: blocks)
      try store.submitBlocking(.store(records), ticket: ticket)
    } catch {
      ticket.fail(error)
      throw error
    }
  }

  /// Closes the tree and waits until the whole file is durable.
  func finish() throws(BlockStoreError) -> UnixFSFile {
    if let error { throw error }
    var nodes: [ContentBlock] = []
    let root = tree.withLock { $0.layout.finish(into: &nodes) }
    try store(nodes)
    if let store {
      let digests = tree.withLock(\.digests) + nodes.compactMap(\.cid.digest)
      let pinned = PinnedBlocks(root.cid, .recursive, holding: digests)
      try store.commitBlocking(.store([], pinning: isPinning ? [pinned] : []), ticket: ticket)
    }
    return UnixFSFile(root)
  }
}
