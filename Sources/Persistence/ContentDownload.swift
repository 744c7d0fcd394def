public import ContentStore
public import Primitives
import Telemetry

/// A file that leaves piece by piece on an event loop, as an HTTP body does.
///
/// Disk and hashing run on the store's reader thread; a piece is read when it is asked for, so a
/// slow receiver costs one chunk of memory. Used by one task at a time.
public final class ContentDownload: Sendable {
  private let store: BlockStore
  private let walk: Lock<UnixFSWalk>

  /// Starts at the root of a file; nothing is read yet.
  public init(
    store: BlockStore, cid: CID, limits: UnixFSWalkLimits = UnixFSWalkLimits()
  ) {
    self.store = store
    walk = Lock(UnixFSWalk(root: cid, limits: limits))
  }

  /// The size that the root declares; nil before the first piece.
  public var fileSize: UInt64? { walk.withLock { $0.fileSize } }

  /// Returns the next bytes of the file (one leaf), or nil at its end.
  ///
  /// Throws `ContentError` for a CID that is not a file, not stored or damaged.
  public func next() async throws -> Bytes? {
    let walk = walk
    let piece: Result<Bytes?, any Error> = try await store.onReaderThread {
      store throws(BlockStoreError) in
      Result { try Self.next(walk, store) }
    }
    return try piece.get()
  }

  private static func next(_ walk: Lock<UnixFSWalk>, _ store: BlockStore) throws -> Bytes? {
    while let cid = walk.withLock({ $0.wanted }) {
      let block = try store.block(cid)
      do throws(ContentError) {
        let bytes = try walk.withLock { walk throws(ContentError) in try walk.supply(block) }
        if !bytes.isEmpty { return bytes }
      } catch {
        if case .digestMismatch = error, let digest = cid.digest { store.noteDamage(digest) }
        throw error
      }
    }
    return nil
  }
}
