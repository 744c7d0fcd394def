import Cryptography
import Primitives

extension StateTransition {
  /// Mints the reward of a win to its worker. That the segment replays to these roots, and that the
  /// zero-nonce block was committed in time, is the proposer's word, as with evidence.
  mutating func mint(_ coinbase: Coinbase) throws(LedgerError) {
    guard let terms = base.genesis.mining, var state = overlay.mining else {
      throw .miningNotAllowed
    }
    guard var record = slot(coinbase.work.slot), let work = record.acceptedWork,
      work.worker == coinbase.work.worker, work.commitment.attempt == coinbase.work.attempt
    else { throw .minedWorkNotAccepted }
    guard coinbase.segment < work.commitment.segmentCount else {
      throw .segmentsOutOfRange(coinbase.segment)
    }
    guard !record.mined.contains(coinbase.segment) else {
      throw .segmentAlreadyMined(coinbase.segment)
    }
    let hash = coinbase.hash
    guard state.difficulty.target.isMet(by: hash) else { throw .targetMissed(hash) }
    record.mined.append(coinbase.segment)
    record.mined.sort()
    set(record, for: coinbase.work.slot)
    let reward = terms.coinbase.reward(afterMined: state.blocks)
    try credit(reward, to: coinbase.work.worker)
    var worker = account(coinbase.work.worker)
    let mined = worker.mined
    worker.mined = try money { () throws(AmountError) in try mined.adding(reward) }
    set(worker, for: coinbase.work.worker)
    let minted = state.minted
    state.minted = try money { () throws(AmountError) in try minted.adding(reward) }
    // A block a nanosecond for five centuries: no overflow.
    state.blocks += 1
    state.difficulty.note(minedAtMilliseconds: timeMilliseconds)
    noteMined(state)
  }
}
