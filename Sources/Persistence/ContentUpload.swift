public import ContentStore
import Cryptography
public import Primitives
import Telemetry

/// A file that arrives piece by piece on an event loop, as an HTTP body does.
///
/// Hashing and disk run on the store's threads; each `append` waits for them, so a fast sender is
/// held back. Used by one task at a time. `finish` retains every block, as `ContentAdder` does;
/// without it no CID was given out and the blocks stay unreferenced.
public final class ContentUpload: Sendable {
  private let store: BlockStore
  private let builder: Lock<UnixFSBuilder>
  private let digests = Lock<[Digest]>([])

  /// Starts an empty file.
  public init(
    store: BlockStore, layout: UnixFSLayout = UnixFSProfile.v1In2025.layout
  ) {
    self.store = store
    builder = Lock(UnixFSBuilder(layout))
  }

  /// Adds bytes; the blocks they complete are durable on return.
  public func append(_ bytes: Bytes) async throws(BlockStoreError) {
    let builder = builder
    let blocks = try await store.onReaderThread { _ throws(BlockStoreError) in
      builder.withLock { builder in
        var blocks: [ContentBlock] = []
        builder.append(bytes, into: &blocks)
        return blocks
      }
    }
    if !blocks.isEmpty { try await put(blocks) }
  }

  private func put(_ blocks: [ContentBlock]) async throws(BlockStoreError) {
    try await store.put(blocks)
    digests.withLock { $0 += blocks.compactMap(\.cid.digest) }
  }

  /// Ends the file and returns its name once everything is durable.
  public func finish() async throws(BlockStoreError) -> UnixFSFile {
    let builder = builder
    let (file, blocks) = try await store.onReaderThread { _ throws(BlockStoreError) in
      builder.withLock { builder in
        var blocks: [ContentBlock] = []
        let file = builder.finish(into: &blocks)
        return (file, blocks)
      }
    }
    try await put(blocks)
    try await store.retain(digests.withLock { $0 })
    return file
  }
}
