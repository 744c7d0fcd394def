import ContentStore
import Glibc
import Primitives
import Telemetry

/// Chunks of a file in order.
struct ContentSource {
  let descriptor: Int32
  let path: String
  let chunkByteCount: Int
  /// Counts the bytes that are read.
  var meter: WorkMeter?

  /// Returns the next chunk, shorter only at the end, empty behind it.
  func next() throws(BlockStoreError) -> Bytes { try next(max: chunkByteCount) }

  /// Returns the first chunk of a file that had `byteCount` bytes a moment ago: a whole chunk of
  /// one that has more by now.
  func next(about byteCount: Int) throws(BlockStoreError) -> Bytes {
    let start = try next(max: byteCount + 1)
    guard start.count > byteCount else { return start }
    return start + (try next(max: max(0, chunkByteCount - start.count)))
  }

  private func next(max: Int) throws(BlockStoreError) -> Bytes {
    var failure: Int32 = 0
    let chunk = Bytes(unsafeUninitializedCapacity: max) { buffer, filled in
      while filled < max {
        let count = read(descriptor, buffer.baseAddress! + filled, max - filled)
        if count < 0, errno == EINTR { continue }
        if count < 0 { failure = errno }
        if count <= 0 { break }
        filled += count
        meter?.advance(by: UInt64(count))
      }
    }
    if failure == EISDIR { throw .notAFile(path: path) }
    guard failure == 0 else { throw .failed("reading", path, failure) }
    return chunk
  }
}

/// One file on its way into the store. Leaves may come from several threads and in any order.
final class FileAddition: Sendable {
  private struct Tree {
    var layout: BalancedLayout
    /// Leaves that came before their turn; at most two a hashing thread.
    var early: [Int: UnixFSSubtree] = [:]
    var next = 0
  }

  private let layout: UnixFSLayout
  private let session: ContentSession
  private let tree: Lock<Tree>

  init(layout: UnixFSLayout, session: ContentSession) {
    self.layout = layout
    self.session = session
    tree = Lock(Tree(layout: BalancedLayout(layout)))
  }

  /// Reads chunks on this thread and lets the others hash them.
  func add(
    _ source: ContentSource, on workers: ContentWorkers
  ) throws(BlockStoreError) -> UnixFSFile {
    var chunk = try source.next()
    if chunk.count < layout.chunkByteCount {
      try add(chunk, [], at: 0)
      return try finish()
    }
    let jobs = ContentJobGroup()
    // The threads hold this file until they are done with it, whatever happens here.
    defer { jobs.wait() }
    var index = 0
    while !chunk.isEmpty, session.error == nil {
      let (number, first, second) = (index, chunk, try source.next())
      // The session keeps a failure, which the reader sees.
      workers.run(jobs) { try? self.add(first, second, at: number) }
      guard !second.isEmpty else { break }
      chunk = try source.next()
      index += 2
    }
    jobs.wait()
    return try finish()
  }

  /// Hashes and stores the leaves of chunk number `index` and, unless it is empty, of the next one,
  /// and the inner nodes that they complete.
  private func add(_ first: Bytes, _ second: Bytes, at index: Int) throws(BlockStoreError) {
    let leaves = second.isEmpty ? [layout.leaf(first)] : layout.leaves(first, second)
    try session.store(leaves.map(\.block))
    let nodes = tree.withLock { tree in
      var nodes: [ContentBlock] = []
      for (place, leaf) in leaves.enumerated() { tree.early[index + place] = leaf.subtree }
      while let leaf = tree.early.removeValue(forKey: tree.next) {
        tree.layout.append(leaf, into: &nodes)
        tree.next += 1
      }
      return nodes
    }
    try session.store(nodes)
  }

  /// Closes the tree.
  private func finish() throws(BlockStoreError) -> UnixFSFile {
    if let error = session.error { throw error }
    var nodes: [ContentBlock] = []
    let root = tree.withLock { $0.layout.finish(into: &nodes) }
    try session.store(nodes)
    return UnixFSFile(root)
  }
}
