internal import ContentStore
internal import Cryptography
internal import FederatedLearning
internal import Ledger
internal import Networking
internal import NeuralNetworks
internal import Orchestration
internal import Peering
internal import Primitives
internal import Telemetry
internal import UsefulWork

/// The coordinator as referee between a worker and the validator that rejected its update
/// (docs/specs/useful-work.md §3). No session waits for it.
extension CoordinatorServer {
  /// Takes up the rejections in a new block: the first of each worker in a session.
  func openDisputes(in block: Block) {
    for transaction in block.transactions {
      guard case .verdict(let verdict) = transaction.body, verdict.outcome.isDisputable,
        let id = session(of: verdict.work.slot.job), let session = sessions[id]
      else { continue }
      let assignment = verdict.work.assignment
      let isFirst = !session.disputes.keys.contains { $0.worker == assignment.worker }
      let rejection = Rejection(
        session: id, assignment: assignment, validator: transaction.sender)
      guard session.submissions[assignment] != nil, isFirst, disputes.add(rejection)
      else { continue }
      sessions[id]?.disputes[assignment] = .open
    }
    holdDisputes()
  }

  private func holdDisputes() {
    while let rejection = disputes.next() {
      begin { await self.hold(rejection) }
    }
  }

  private func hold(_ rejection: Rejection) async {
    defer {
      disputes.finish()
      holdDisputes()
    }
    let (id, assignment) = (rejection.session, rejection.assignment)
    do {
      let stored = try await rule(on: rejection)
      try await storeDurably(.dispute(session: id, stored))
      sessions[id]?.disputes[assignment] = .ruled(stored)
      if stored.ruling.isValidatorWrong { reportWrongValidator(stored, in: id) }
    } catch {
      // Without its data or a free thread there is no referee; the verdict stands as it is.
      sessions[id]?.disputes[assignment] = nil
      disputeLog(.warning, "no dispute was held over \(assignment.worker): \(error)")
    }
    publishDispute(over: assignment, in: id)
  }

  private var disputeLog: Log { Log(source: "disputes") }

  /// Nothing here takes a verdict back: whoever runs this network has to know.
  private func reportWrongValidator(_ stored: StoredRuling, in id: Digest) {
    let why = stored.ruling.grounds.second?.sentence ?? ""
    disputeLog(
      .error,
      "the validator \(stored.validator.peerID) rejected work of \(stored.assignment.worker) "
        + "and is wrong: \(why)",
      [
        "session": id.hex, "round": stored.assignment.round,
        "client": stored.assignment.client,
      ])
  }

  /// Returns once no dispute with a worker is open: until then it has to keep its work.
  func disputeIsOver(of worker: PeerID, in id: Digest) async {
    while !Task.isCancelled,
      sessions[id]?.disputes.contains(where: { $0.key.worker == worker && $0.value == .open })
        ?? false
    { try? await loop.sleep(for: Limits.tickInterval) }
  }

  // MARK: Judging

  private func rule(on rejection: Rejection) async throws -> StoredRuling {
    let referral = try await referral(of: rejection)
    func stored(_ ruling: DisputeRuling, _ transcript: CID? = nil) -> StoredRuling {
      StoredRuling(
        assignment: rejection.assignment, validator: rejection.validator, ruling: ruling,
        transcript: transcript)
    }
    if let ruling = referral.opening.rulingOnRecord { return stored(ruling) }
    let asked = loop.now
    let size = referral.opening.openingBytesMax
    guard size <= DisputeLimits.inputsMax else { throw DisputeRefusal.openingTooLarge(size) }
    let stand = await stand(of: referral)
    // A coordinator that ends must not take its own silence for a party's.
    try Task.checkCancellation()
    let timeout =
      answerTimeout(afterTrainingFor: loop.now.duration(since: asked))
      + TransferTime.allowance(for: size)
    var transcript = DisputeTranscript(
      work: referral.work, validator: rejection.validator, stand: stand)
    let ruling = try await settle(
      referral, stand: stand, timeout: timeout, into: &transcript)
    let bytes = transcript.encoded()
    let isKept = bytes.count <= DisputeTranscript.limits.bytesMax
    return stored(ruling, isKept ? try await content.add(bytes) : nil)
  }

  private func referral(of rejection: Rejection) async throws -> DisputeReferral {
    let assignment = rejection.assignment
    guard let session = sessions[rejection.session],
      let stored = session.submissions[assignment],
      let base = session.round(assignment.round)?.base,
      let worker = assignment.worker.publicKey
    else { throw CoordinatorError.unknownSession }
    let specification = session.specification
    let record = try WorkRecord(
      decoding: await content.read(stored.record, max: Limits.contentBytesMax))
    return DisputeReferral(
      work: DisputedWork(
        job: session.creation.job, assignment: assignment,
        specification: session.creation.reference, base: base),
      opening: DisputeOpening(
        task: try specification.task(
          round: assignment.round, client: assignment.client, base: base),
        record: record, update: stored.update.parameters),
      shard: specification.shards[assignment.client],
      keys: DisputeSides(first: worker, second: rejection.validator))
  }

  /// A party that has kept one start state in all may have to train the task up to the segment;
  /// the validator has just shown how long that takes.
  private func answerTimeout(afterTrainingFor time: Duration) -> Duration {
    max(
      settings.disputeTimeout,
      min(time * DisputeBook.Limits.timeoutTrainings, DisputeTerms.answerTimeoutDefault))
  }

  private func settle(
    _ referral: DisputeReferral, stand: DisputeStand?, timeout: Duration,
    into transcript: inout DisputeTranscript
  ) async throws -> DisputeRuling {
    guard let stand else { return DisputeRuling(.second, .silent) }
    guard stand.isSigned(by: referral.keys.second, for: referral.work) else {
      return DisputeRuling(.second, .otherRecord)
    }
    let (ruling, segment) = referral.opening.next(against: stand.record)
    if let ruling { return ruling }
    let roots = DisputeSides(
      first: referral.opening.record.workRoot, second: stand.record.workRoot)
    let shard = try await content.read(referral.shard.cid, max: Limits.contentBytesMax)
    let task = referral.opening.task
    let (referee, terms) = try await compute.run {
      let referee = TrainingReferee(task: task, dataset: try Dataset(decoding: shard))
      let terms = try referee.terms(workRoots: roots, segment: segment, answerTimeout: timeout)
      return (referee, terms)
    }
    return try await run(
      DisputeMachine(terms: terms), name: referral.work.dispute(over: roots),
      referral: referral, referee: referee, into: &transcript)
  }

  private func run(
    _ start: DisputeMachine, name: Digest, referral: DisputeReferral, referee: TrainingReferee,
    into transcript: inout DisputeTranscript
  ) async throws -> DisputeRuling {
    var machine = start
    var effects = machine.handle(.opened(now: loop.now))
    while let effect = effects.first {
      switch effect {
      case .ask(let round, let query):
        let question = DisputeQuestion(dispute: name, round: round, query: query)
        let deadline = machine.nextDeadline ?? loop.now
        let replies = await ask(question, of: referral, until: deadline)
        try Task.checkCancellation()
        transcript.append(
          DisputeExchange(
            question: question,
            replies: DisputeSides(first: replies.first?.reply, second: replies.second?.reply)))
        effects = []
        for side in DisputeSide.allCases {
          guard let reply = replies[side] else { continue }
          effects += machine.handle(
            .answered(side, round: round, reply.reply.reply.answer, now: reply.at))
        }
        // Whoever has refused by now has nothing to say until the deadline either.
        if effects.isEmpty { effects = machine.handle(.tick(now: max(deadline, loop.now))) }
      case .recompute(let operation):
        let finding = try await compute.run { referee.recompute(operation) }
        effects = machine.handle(.recomputed(finding, now: loop.now))
      case .decided(let outcome):
        return try await compute.run { DisputeRuling(outcome, names: referee.operatorNames) }
      }
    }
    throw CoordinatorError.busy
  }
}

/// Why no dispute is held over a rejected update.
enum DisputeRefusal: Error {
  /// An honest party could not open an operator within the limits of an answer.
  case openingTooLarge(Int)
}

/// A rejected update with everything that its dispute needs.
struct DisputeReferral: Sendable {
  let work: DisputedWork
  let opening: DisputeOpening
  let shard: ContentReference
  /// The worker's and the validator's.
  let keys: DisputeSides<PublicKey>

  /// One answer: the digests of the most operators, and what the last of them reads.
  var answerBytesMax: Int {
    DisputeLimits.answer.bytesMax - DisputeLimits.inputsMax + opening.openingBytesMax
  }
}
