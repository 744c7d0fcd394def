public import ContentStore
import Cryptography
public import Primitives
import Telemetry

/// A file that arrives piece by piece on an event loop, as an HTTP body does.
///
/// Hashing and disk run on the store's threads; each `append` waits for the hashing and for room in
/// the writer's queue, so a fast sender is held back. Used by one task at a time. `finish` waits
/// until everything is durable and pins the root, as `ContentAdder` does; without it no CID was
/// given out, and a collection forgets the blocks once the upload is gone.
public final class ContentUpload: Sendable {
  private struct State {
    var builder: UnixFSBuilder
    var digests: [Digest] = []
  }

  private let store: BlockStore
  private let ticket: BlockStoreTicket
  private let state: Lock<State>

  /// Starts an empty file.
  public init(
    store: BlockStore, layout: UnixFSLayout = UnixFSProfile.v1In2025.layout
  ) {
    self.store = store
    ticket = BlockStoreTicket(store.sequences)
    state = Lock(State(builder: UnixFSBuilder(layout)))
  }

  deinit { ticket.end() }

  /// Adds bytes.
  public func append(_ bytes: Bytes) async throws(BlockStoreError) {
    try await build { $0.append(bytes, into: &$1) }
  }

  /// Ends the file and returns its name once everything is durable. One that is not pinned stays
  /// until the next collection. The pin's name is for people.
  public func finish(
    isPinned: Bool = true, name: String = ""
  ) async throws(BlockStoreError) -> UnixFSFile {
    let file = try await build { $0.finish(into: &$1) }
    let pinned = PinnedBlocks(
      file.cid, .recursive, name: name, holding: state.withLock(\.digests))
    try await store.submit(.store([], pinning: isPinned ? [pinned] : []), ticket: ticket)
    return file
  }

  /// Changes the builder on the reader thread and hands the blocks that come out to the writer.
  private func build<Value: Sendable>(
    _ change: @escaping @Sendable (inout UnixFSBuilder, inout [ContentBlock]) -> Value
  ) async throws(BlockStoreError) -> Value {
    let (state, ticket) = (state, ticket)
    return try await store.onReaderThread { store throws(BlockStoreError) in
      let (value, blocks) = state.withLock { state in
        var blocks: [ContentBlock] = []
        let value = change(&state.builder, &blocks)
        state.digests += blocks.compactMap(\.cid.digest)
        return (value, blocks)
      }
      if !blocks.isEmpty {
        try store.submitBlocking(.store(store.compressedRecords(of: blocks)), ticket: ticket)
      }
      return value
    }
  }
}
