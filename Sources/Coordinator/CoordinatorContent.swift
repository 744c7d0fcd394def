internal import ContentStore
internal import Cryptography
internal import Networking
internal import Orchestration
internal import Persistence
internal import Primitives

/// Files and blobs of the coordinator, all by CID; nothing here blocks the loop.
struct CoordinatorContent: Sendable {
  let store: BlockStore
  let compute: ComputePool

  /// Stores bytes durably and returns the root of the default profile.
  func add(_ bytes: Bytes) async throws -> CID {
    let (root, blocks) = try await compute.run {
      var builder = UnixFSBuilder()
      var blocks: [ContentBlock] = []
      builder.append(bytes, into: &blocks)
      let root = builder.finish(into: &blocks).cid
      return (root, blocks)
    }
    try await store.put(blocks)
    return root
  }

  /// Reads a whole file of at most `max` bytes, every block checked.
  func read(_ cid: CID, max: Int) async throws -> Bytes {
    var content = Bytes()
    var walk = UnixFSWalk(root: cid, limits: UnixFSWalkLimits(fileByteCountMax: UInt64(max)))
    while let chunk = try await next(of: &walk) { content += chunk }
    return content
  }

  /// The next piece of a file, nil at its end.
  func next(of walk: inout UnixFSWalk) async throws -> Bytes? {
    while let wanted = walk.wanted {
      let bytes = try walk.supply(try await block(wanted))
      if !bytes.isEmpty { return bytes }
    }
    return nil
  }

  private func block(_ cid: CID) async throws -> Bytes {
    if let block = cid.inlineBlock { return block }
    guard let digest = cid.digest else { throw ContentError.missingBlock(cid) }
    return try await store.read(digest)
  }
}
