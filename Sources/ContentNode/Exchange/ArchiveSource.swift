import ContentStore
import Persistence
import Primitives
import Telemetry

/// An archive on its way to a peer: reads the store piece by piece, on a thread for that. Used by
/// one task at a time. The peer hashes every block, so here the record's checksum is enough.
final class ArchiveSource: Sendable {
  private struct State {
    var export: DagExport
    var writer: CARWriter
    /// Blocks that the asker has from an earlier transfer.
    var skipped: UInt64
    var isStarted = false
  }

  private let store: BlockStore
  private let serves: (@Sendable (CID) -> Bool)?
  private let state: Lock<State>

  /// `serves` says what the asker is given; the archive ends before anything else.
  init(
    _ request: ArchiveRequest, from store: BlockStore,
    serves: (@Sendable (CID) -> Bool)? = nil
  ) throws(ContentError) {
    self.store = store
    self.serves = serves
    state = Lock(
      State(
        export: try request.walk(), writer: CARWriter(roots: request.roots),
        skipped: request.skipped))
  }

  /// The next bytes of the archive, or nil at its end; throws where a block is not at hand.
  func next() throws -> Bytes? {
    try state.withLock { state in
      var piece = Bytes()
      piece.reserveCapacity(ExchangeLimits.pieceBytes + BlockLimits.byteCountMax)
      if !state.isStarted { piece += state.writer.header.bytes }
      while piece.count < ExchangeLimits.pieceBytes, let cid = state.export.wanted {
        try append(cid, to: &piece, &state)
      }
      defer { state.isStarted = true }
      return piece.isEmpty ? nil : piece
    }
  }

  private func append(_ cid: CID, to piece: inout Bytes, _ state: inout State) throws {
    if serves?(cid) == false { throw ContentError.missingBlock(cid) }
    if state.skipped > 0, cid.codec == .raw {
      try state.export.passOverLeaf()
      state.skipped -= 1
      return
    }
    let block: ContentBlock
    do { block = try store.storedBlock(cid) } catch BlockStoreError.corrupt {
      throw ContentError.missingBlock(cid)
    }
    guard try state.export.supply(verified: block) else { return }
    guard state.skipped == 0 else {
      state.skipped -= 1
      return
    }
    piece += state.writer.sectionHeader(of: cid, byteCount: block.bytes.count)
    piece += block.bytes
  }
}
