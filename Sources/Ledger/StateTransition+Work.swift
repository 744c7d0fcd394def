import Cryptography
import Primitives

extension StateTransition {
  mutating func commitWork(
    _ commitment: WorkCommitment, worker: AccountID
  ) throws(LedgerError) {
    let slot = commitment.slot
    var job = try job(slot.job)
    let stake = account(worker).stake
    guard stake >= parameters.minimumStake else {
      throw .insufficientStake(held: stake, needed: parameters.minimumStake)
    }
    guard job.openRounds.contains(slot.round) else {
      throw .roundNotOpen(round: slot.round, open: job.openRounds)
    }
    guard slot.client < job.terms.clients else {
      throw .unknownClient(client: slot.client, clients: job.terms.clients)
    }
    guard (1...LedgerLimits.segmentsMax).contains(commitment.segmentCount) else {
      throw .segmentsOutOfRange(commitment.segmentCount)
    }
    guard linksLeft > 0 else { throw .beaconExhausted }
    var record = self.slot(slot) ?? SlotRecord()
    guard record.accepted == nil else { throw .slotAlreadyAccepted }
    guard record.index(attempt: commitment.attempt, worker: worker) == nil else {
      throw .commitmentExists
    }
    guard record.works.count < LedgerLimits.commitmentsPerSlotMax else {
      throw .tooManyCommitments(limit: LedgerLimits.commitmentsPerSlotMax)
    }
    record.works.append(
      CommittedWork(
        worker: worker, commitment: commitment, height: height, outcome: nil, isSlashed: false))
    set(record, for: slot)
    job.unjudged = try counted(job.unjudged)
    set(job, for: slot.job)
    noteCommitment()
  }

  mutating func judge(_ verdict: WorkVerdict, validator: AccountID) throws(LedgerError) {
    let slot = verdict.work.slot
    var job = try job(slot.job)
    guard base.isValidator(validator) else { throw .notValidator }
    var (record, index) = try committed(verdict.work)
    let work = record.works[index]
    guard work.outcome == nil else { throw .verdictExists }
    // The block after the commitment reveals the link that draws the samples.
    guard height > work.height + 1 else { throw .verdictBeforeBeacon(notBefore: work.height + 2) }
    guard verdict.segmentsReplayed <= work.commitment.segmentCount else {
      throw .segmentsOutOfRange(verdict.segmentsReplayed)
    }
    let open = record.unjudged
    var worker = account(work.worker)
    switch verdict.outcome {
    case .accepted:
      guard record.accepted == nil else { throw .slotAlreadyAccepted }
      guard !work.isSlashed else { throw .alreadySlashed }
      record.accepted = index
      worker.accepted = try counted(worker.accepted)
    case .rejected:
      worker.rejected = try counted(worker.rejected)
    }
    set(worker, for: work.worker)
    record.works[index].outcome = verdict.outcome
    job.unjudged = job.unjudged + record.unjudged - open
    if !record.isCheckPaid {
      record.isCheckPaid = true
      try payFromEscrow(job.terms.checkPrice, to: validator, from: &job)
    }
    set(record, for: slot)
    set(job, for: slot.job)
  }

  mutating func slash(
    _ key: WorkKey, _ evidence: SlashEvidence, validator: AccountID
  ) throws(LedgerError) {
    var job = try job(key.slot.job)
    guard base.isValidator(validator) else { throw .notValidator }
    var (record, index) = try committed(key)
    guard !record.works[index].isSlashed else { throw .alreadySlashed }
    try evidence.check(against: record.works[index].commitment)
    record.works[index].isSlashed = true
    // A slashed worker is not paid; what it was paid before stays, its stake answers for it.
    let open = record.unjudged
    if record.accepted == index, !record.isPaid { record.accepted = nil }
    job.unjudged = job.unjudged + record.unjudged - open
    set(record, for: key.slot)
    set(job, for: key.slot.job)
    try slashStake(of: key.worker)
  }

  /// Links that the blocks after this one can reveal.
  var linksLeft: UInt32 {
    let used = base.chain.beaconIndex + (base.chain.isBeaconDue ? 1 : 0)
    return base.genesis.beacon.count - min(used, base.genesis.beacon.count)
  }

  private func committed(_ key: WorkKey) throws(LedgerError) -> (SlotRecord, Int) {
    guard let record = slot(key.slot),
      let index = record.index(attempt: key.attempt, worker: key.worker)
    else { throw .unknownCommitment }
    return (record, index)
  }

  private func counted(_ count: UInt64) throws(LedgerError) -> UInt64 {
    let (next, overflow) = count.addingReportingOverflow(1)
    if overflow { throw .amountOverflow }
    return next
  }
}
