public import Ledger
public import Primitives

/// Decides when the next block is sealed: as soon as it moves a round on.
///
/// Everything it knows comes from admitted transactions and committed blocks, in order.
public struct BlockProductionMachine: Sendable {
  /// What happened.
  public enum Event: Sendable {
    /// A transaction entered the mempool.
    case admitted(Transaction, now: Tick)
    /// A block was committed; `waiting` transactions are left in the mempool.
    case committed(Block, waiting: Int, now: Tick)
    /// Sealing failed or nothing could be executed; `waiting` transactions are tried again later.
    case sealingFailed(waiting: Int, now: Tick)
    /// The shell's timer, at least at `nextDeadline`.
    case tick(now: Tick)
  }

  /// What the shell does.
  public enum Effect: Equatable, Sendable {
    /// Propose, sign, store and send the next block, then answer `committed` or `sealingFailed`.
    case seal(SealReason)
  }

  /// Why a block is sealed now, for logs and tests.
  public enum SealReason: Equatable, Sendable {
    case commitmentsComplete
    case verdictsComplete
    case orderPending
    case beaconDue
    case interval
  }

  /// How long ordinary transactions wait for company.
  public static let interval: Duration = .seconds(1)

  private var progress = RoundProgressTable()
  private var isSealing = false
  private var isBeaconDue: Bool
  private var urgent: SealReason?
  private var oldestWaiting: Tick?

  /// A machine that takes over a chain at `state`, with an empty mempool.
  public init(resumingAt state: LedgerState) {
    progress = RoundProgressTable(state: state)
    isBeaconDue = state.chain.isBeaconDue
    urgent = isBeaconDue ? .beaconDue : nil
  }

  /// When `tick` is due, nil while nothing waits.
  public var nextDeadline: Tick? {
    isSealing ? nil : oldestWaiting.map { $0.advanced(by: Self.interval) }
  }

  /// Takes one event in.
  public mutating func handle(_ event: Event) -> [Effect] {
    switch event {
    case .admitted(let transaction, let now):
      oldestWaiting = oldestWaiting ?? now
      urgent = urgent ?? progress.note(pending: transaction)
      return seal(at: now)
    case .committed(let block, let waiting, let now):
      return committed(block, waiting: waiting, now: now)
    case .sealingFailed(let waiting, let now):
      isSealing = false
      urgent = nil
      oldestWaiting = waiting > 0 || isBeaconDue ? now : nil
      return []
    case .tick(let now):
      return seal(at: now)
    }
  }

  private mutating func committed(_ block: Block, waiting: Int, now: Tick) -> [Effect] {
    isSealing = false
    isBeaconDue = progress.apply(block)
    oldestWaiting = waiting > 0 ? now : nil
    // Commitments wait for the link that draws their samples, so an empty block may follow.
    urgent = isBeaconDue ? .beaconDue : waiting > 0 ? progress.pendingReason : nil
    return seal(at: now)
  }

  private var waitingReason: SealReason { isBeaconDue ? .beaconDue : .interval }

  private mutating func seal(at now: Tick) -> [Effect] {
    guard !isSealing else { return [] }
    let isDue = nextDeadline.map { $0 <= now } ?? false
    guard let reason = urgent ?? (isDue ? waitingReason : nil) else { return [] }
    isSealing = true
    urgent = nil
    return [.seal(reason)]
  }
}
