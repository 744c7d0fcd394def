import Cryptography
import Primitives

extension StateTransition {
  mutating func submit(
    _ submission: JobSubmission, sender: AccountID
  ) throws(LedgerError) {
    let id = submission.jobID(submitter: sender)
    guard !hasJob(id) else { throw .jobExists(id) }
    try check(submission)
    let escrow = try submission.escrow()
    try debit(escrow, from: sender)
    set(
      Job(submitter: sender, terms: submission, escrow: escrow, settledRounds: 0, unjudged: 0),
      for: id)
  }

  private func check(_ submission: JobSubmission) throws(LedgerError) {
    guard (1...LedgerLimits.roundsMax).contains(Int(submission.rounds)) else {
      throw .invalidJob(reason: "rounds must be 1 to \(LedgerLimits.roundsMax)")
    }
    guard (1...LedgerLimits.clientsMax).contains(Int(submission.clients)) else {
      throw .invalidJob(reason: "clients must be 1 to \(LedgerLimits.clientsMax)")
    }
    guard Int(submission.rounds) * Int(submission.clients) <= LedgerLimits.clientRoundsMax else {
      throw .invalidJob(reason: "more than \(LedgerLimits.clientRoundsMax) client-rounds")
    }
    guard submission.auditPartsPerMillion <= LedgerParameters.whole else {
      throw .invalidJob(reason: "the audit rate is above one")
    }
    guard submission.evaluator != nil || submission.evaluationPrice == .zero else {
      throw .invalidJob(reason: "an evaluation price without an evaluator")
    }
    guard submission.deadline > height else {
      throw .invalidJob(reason: "the deadline has passed")
    }
  }

  mutating func settle(_ settlement: Settlement, sender: AccountID) throws(LedgerError) {
    var job = try job(settlement.job)
    guard sender == job.terms.coordinator else { throw .notCoordinator }
    guard settlement.round == job.settledRounds, settlement.round < job.terms.rounds else {
      let next = job.settledRounds
      throw .roundNotOpen(
        round: settlement.round, open: next..<(next < job.terms.rounds ? next + 1 : next))
    }
    var previous: UInt32?
    for payment in settlement.payments {
      guard previous.map({ $0 < payment.client }) ?? true else {
        throw .paymentMismatch(client: payment.client, reason: "clients are not in order")
      }
      previous = payment.client
      try check(payment, of: settlement, price: job.terms.workPrice)
      try pay(
        WorkSlot(job: settlement.job, round: settlement.round, client: payment.client), from: &job)
    }
    if let evaluator = job.terms.evaluator {
      try payFromEscrow(job.terms.evaluationPrice, to: evaluator, from: &job)
    }
    job.settledRounds += 1
    set(job, for: settlement.job)
  }

  private func check(
    _ payment: Payment, of settlement: Settlement, price: Amount
  ) throws(LedgerError) {
    let slot = WorkSlot(job: settlement.job, round: settlement.round, client: payment.client)
    guard let record = self.slot(slot), let work = record.acceptedWork else {
      throw .paymentMismatch(client: payment.client, reason: "no work was accepted")
    }
    guard !record.isPaid else {
      throw .paymentMismatch(client: payment.client, reason: "it is paid already")
    }
    guard work.worker == payment.worker else {
      throw .paymentMismatch(client: payment.client, reason: "another worker was accepted")
    }
    guard payment.amount == price else {
      throw .paymentMismatch(client: payment.client, reason: "the amount is not the job's price")
    }
  }

  /// Pays the accepted attempt of a slot, once.
  private mutating func pay(_ slot: WorkSlot, from job: inout Job) throws(LedgerError) {
    guard var record = self.slot(slot), let work = record.acceptedWork, !record.isPaid else {
      return
    }
    record.isPaid = true
    set(record, for: slot)
    try payFromEscrow(job.terms.workPrice, to: work.worker, from: &job)
  }

  mutating func payFromEscrow(
    _ amount: Amount, to recipient: AccountID, from job: inout Job
  ) throws(LedgerError) {
    let escrow = job.escrow
    job.escrow = try money { () throws(AmountError) in try escrow.subtracting(amount) }
    try credit(amount, to: recipient)
  }

  /// Ends a job: accepted work that no settlement listed is paid, the rest goes back.
  mutating func close(_ id: JobID, sender: AccountID) throws(LedgerError) {
    var job = try job(id)
    let isParty = sender == job.terms.coordinator || sender == job.submitter
    guard height >= job.terms.deadline || (isParty && job.unjudged == 0) else {
      throw .mayNotClose(deadline: job.terms.deadline, unjudged: job.unjudged)
    }
    for round in 0..<job.openRounds.upperBound {
      for client in 0..<job.terms.clients {
        let slot = WorkSlot(job: id, round: round, client: client)
        guard self.slot(slot) != nil else { continue }
        try pay(slot, from: &job)
        set(nil, for: slot)
      }
    }
    try credit(job.escrow, to: job.submitter)
    set(Job?.none, for: id)
  }
}
