import ContentStore
import Persistence
import Primitives
import Telemetry

/// The walk over what is fetched: it knows which block comes next, takes blocks from the store and
/// from the network, and keeps what came. All of it blocks; it runs on threads for that.
///
/// Nothing is kept that the walk did not want: each block is named by its parent.
final class FetchWalk: Sendable {
  /// What a walk lacks.
  struct Step: Sendable {
    /// Whether everything is there.
    let isFinished: Bool
    /// What is wanted next and not at hand, the most urgent first.
    let missing: [CID]
  }

  private struct State {
    var export: DagExport
    /// Blocks that came before their turn.
    var early: [CID: ContentBlock] = [:]
    /// What the store is known to lack.
    var absent: Set<CID> = []
    var counts = FetchCounts()
    /// Blocks that the walk gave so far: what an archive of the same request has in front.
    var given: UInt64 = 0
    /// Bytes of the blocks that were passed, wherever they came from.
    var walked: UInt64 = 0
    var isMeasured = false
  }

  private let store: BlockStore
  private let session: ContentSession
  let progress: FetchProgress?
  private let state: Lock<State>

  init(
    _ export: DagExport, in store: BlockStore, session: ContentSession,
    progress: FetchProgress? = nil
  ) {
    self.store = store
    self.session = session
    self.progress = progress
    state = Lock(State(export: export))
  }

  /// What came of it so far.
  var counts: FetchCounts { state.withLock { $0.counts } }
  /// Blocks of the walk so far.
  var given: UInt64 { state.withLock { $0.given } }
  /// Where a path led.
  var resolved: ResolvedPath? { state.withLock { $0.export.resolved } }

  /// Takes blocks that came, and goes on as far as those and the store's reach. `looksAgain` where
  /// somebody else may have stored what was missing.
  func advance(adding blocks: [ContentBlock] = [], looksAgain: Bool = false) throws -> Step {
    try state.withLock { state in
      if looksAgain { state.absent = [] }
      for block in blocks { state.early[block.cid] = block }
      var fresh: [ContentBlock] = []
      var local = 0
      while let cid = state.export.wanted, local < ExchangeLimits.localBlocksPerStep {
        if let block = state.early.removeValue(forKey: cid) {
          try take(block, &state)
          fresh.append(block)
        } else if try takeLocal(cid, &state) {
          local += 1
        } else {
          break
        }
      }
      try session.store(fresh)
      return step(&state)
    }
  }

  /// Takes the next block of an archive, which must be the one that the walk wants; throws
  /// `ContentError.digestMismatch` otherwise.
  func append(_ blocks: [ContentBlock]) throws {
    try state.withLock { state in
      for block in blocks {
        guard let wanted = state.export.wanted else {
          throw ContentError.malformedArchive(
            .trailingBytes(what: "the wanted blocks", count: block.bytes.count))
        }
        guard wanted == block.cid else { throw ContentError.digestMismatch(wanted) }
        try take(block, &state)
      }
      try session.store(blocks)
    }
  }

  /// Whether nothing is wanted any more.
  var isFinished: Bool { state.withLock { $0.export.wanted == nil } }

  private func take(_ block: ContentBlock, _ state: inout State) throws {
    if try state.export.supply(verified: block) { state.given += 1 }
    measure(block.cid, block.bytes, &state)
    pass(block.bytes.count, isFetched: true, &state)
    state.counts.blocks += 1
    state.counts.bytes += UInt64(block.bytes.count)
  }

  /// Takes the wanted block from the store; false where it is not there, or not what it was.
  private func takeLocal(_ cid: CID, _ state: inout State) throws -> Bool {
    guard try isStored(cid, &state) else { return false }
    if cid.codec == .raw {
      try state.export.passOverLeaf()
      state.given += 1
      if progress != nil { pass(try store.storedByteCount(cid), isFetched: false, &state) }
    } else {
      let block = try store.block(cid)
      do {
        if try state.export.supply(block) { state.given += 1 }
        measure(cid, block, &state)
        pass(block.count, isFetched: false, &state)
      } catch ContentError.digestMismatch(let damaged) where damaged == cid {
        state.absent.insert(cid)
        if let digest = try store.digest(of: cid) { store.noteDamage(digest) }
        return false
      }
    }
    state.counts.localBlocks += 1
    return true
  }

  /// The first block behind the path says how much there is.
  private func measure(_ cid: CID, _ block: Bytes, _ state: inout State) {
    guard let progress, !state.isMeasured, state.export.resolved?.cid == cid else { return }
    state.isMeasured = true
    progress.found(cid.declaredByteCount(block) ?? 0, behind: state.walked)
  }

  private func pass(_ byteCount: Int, isFetched: Bool, _ state: inout State) {
    state.walked += UInt64(byteCount)
    progress?.passed(byteCount, walked: state.walked, isFetched: isFetched)
  }

  private func isStored(_ cid: CID, _ state: inout State) throws -> Bool {
    guard !state.absent.contains(cid) else { return false }
    if let digest = try store.digest(of: cid), try store.contains(digest) { return true }
    state.absent.insert(cid)
    return false
  }

  private func step(_ state: inout State) -> Step {
    let upcoming = state.export.upcoming(ExchangeLimits.lookaheadMax)
    let missing = upcoming.filter { cid in
      guard state.early[cid] == nil else { return false }
      return (try? isStored(cid, &state)) != true
    }
    return Step(isFinished: state.export.wanted == nil, missing: missing)
  }
}

/// What a fetch brought.
package struct FetchCounts: Equatable, Sendable {
  /// Blocks that came from others.
  package var blocks = 0
  /// Their bytes.
  package var bytes: UInt64 = 0
  /// Blocks that were here already.
  package var localBlocks = 0

  static func += (left: inout FetchCounts, right: FetchCounts) {
    left.blocks += right.blocks
    left.bytes += right.bytes
    left.localBlocks += right.localBlocks
  }
}
