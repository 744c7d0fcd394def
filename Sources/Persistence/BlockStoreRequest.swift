import ContentStore
import Cryptography
import Primitives
import Telemetry

/// What the writer thread is asked to do.
struct BlockStoreRequest: Sendable {
  enum Work: Sendable {
    /// Write records, to which nothing refers yet; then set pins and count one reference more for
    /// each of their blocks, unless they stand already.
    case store([SegmentRecord], pinning: [PinnedBlocks] = [])
    /// Remove a pin of this kind and count one reference less for each of its blocks.
    case unpin(CID, ContentPin.Kind, [Digest])
    /// Write copies of records and let the index point to these.
    case move([SegmentMove])
    /// Forget blocks that nothing refers to.
    case collect(CollectionStep)
    /// Forget other names of blocks that are gone.
    case forgetNames([Bytes])
    /// Begin a new segment where most of the current one is dead.
    case leaveSegment
    /// Forget a segment that the index does not point to.
    case forgetSegment(UInt32)
  }

  let work: Work
  let ticket: BlockStoreTicket
  /// Called on the writer thread once everything of the ticket is durable, or with its error.
  let acknowledge: (@Sendable (Result<Void, BlockStoreError>) -> Void)?
}

/// A pin and the blocks that it holds, each once.
struct PinnedBlocks: Sendable {
  let pin: ContentPin
  let digests: [Digest]

  /// A pin of the blocks with `digests`, which may repeat.
  init(_ cid: CID, _ kind: ContentPin.Kind, name: String = "", holding digests: [Digest]) {
    var seen = Set<Digest>()
    self.digests = digests.filter { seen.insert($0).inserted }
    pin = ContentPin(cid: cid, kind: kind, name: name, blockCount: self.digests.count)
  }
}

/// A record and the place it is moved from.
struct SegmentMove: Sendable {
  let record: SegmentRecord
  let source: SegmentLocation
}

/// One step of a collection, and what came of it.
final class CollectionStep: Sendable {
  struct Outcome: Sendable {
    /// Where the next step goes on; nil at the end.
    var last: Digest?
    var byteCount: UInt64 = 0
    /// The blocks that are gone.
    var forgotten: [Digest] = []
  }

  /// What the step looks at.
  enum Part: Sendable {
    /// The blocks behind this one, as many as one transaction takes.
    case after(Digest?)
    case only(Digest)
  }

  let part: Part
  private let state = Lock(Outcome())

  init(_ part: Part) { self.part = part }

  var outcome: Outcome {
    get { state.withLock { $0 } }
    set { state.withLock { $0 = newValue } }
  }
}

/// Ties the requests of one caller together: if one of them fails, all later answers say so.
///
/// While a ticket lives, no block is collected that was stored or seen under it: new blocks are
/// safe until they are pinned or their add has ended.
final class BlockStoreTicket: Sendable {
  private let failure = Lock<BlockStoreError?>(nil)
  /// Where the ticket is known as living; nil once it has ended.
  private let protection: Lock<BlockStoreSequences?>
  private let begin: UInt64

  /// A ticket; one without sequences protects nothing.
  init(_ sequences: BlockStoreSequences?) {
    protection = Lock(sequences)
    begin = sequences?.begin() ?? 0
  }

  deinit { end() }

  /// Protects nothing from here on, also where requests under it still wait.
  func end() { protection.withLock { $0.take() }?.end(begin) }

  /// The first failure, if any.
  var error: BlockStoreError? { failure.withLock { $0 } }

  /// Keeps the first failure.
  func fail(_ error: BlockStoreError) { failure.withLock { $0 = $0 ?? error } }
}

/// The numbers of commits, and from which of them on tickets protect what they see.
final class BlockStoreSequences: Sendable {
  private struct State {
    var current: UInt64 = 0
    /// How many living tickets began at a number.
    var living: [UInt64: Int] = [:]
  }

  private let state = Lock(State())

  /// Continues behind the last commit of an earlier process.
  func resume(after last: UInt64) { state.withLock { $0.current = last } }

  /// The number of the next commit.
  func advance() -> UInt64 {
    state.withLock { state in
      state.current += 1
      return state.current
    }
  }

  /// Blocks that lost their last reference before this number belong to no ticket.
  var horizon: UInt64 { state.withLock { $0.living.keys.min() ?? .max } }

  fileprivate func begin() -> UInt64 {
    state.withLock { state in
      state.living[state.current, default: 0] += 1
      return state.current
    }
  }

  fileprivate func end(_ begin: UInt64) {
    state.withLock { state in
      let count = (state.living[begin] ?? 0) - 1
      state.living[begin] = count > 0 ? count : nil
    }
  }
}

extension BlockStoreRequest.Work {
  /// What the work weighs in the queue.
  var byteCount: Int {
    switch self {
    case .store(let records, let pinned):
      records.reduce(0) { $0 + $1.byteCount }
        + pinned.reduce(0) { $0 + $1.digests.count * Digest.byteCount }
    case .unpin(_, _, let digests): digests.count * Digest.byteCount
    case .move(let moves): moves.reduce(0) { $0 + $1.record.byteCount }
    case .collect, .forgetNames, .leaveSegment, .forgetSegment: 0
    }
  }

  /// Whether it runs in a transaction of its own, behind what came before.
  var standsAlone: Bool {
    switch self {
    case .store, .unpin, .move: false
    case .collect, .forgetNames, .leaveSegment, .forgetSegment: true
    }
  }
}
