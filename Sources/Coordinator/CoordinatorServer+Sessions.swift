internal import Consensus
internal import ContentStore
internal import Cryptography
internal import FederatedLearning
internal import Ledger
internal import Networking
internal import NeuralNetworks
internal import Orchestration
internal import Peering
internal import Persistence
internal import Primitives

/// Records that have to be durable before their effects happen.
struct OutboxEntry: Sendable {
  let records: [Bytes]
  let session: Digest?
  let effects: [SessionEffect]
  var whenDurable: CheckedContinuation<Void, any Error>?
}

extension CoordinatorServer {
  // MARK: Events

  /// Applies an event, if it changes anything, and has its effects follow once it is durable.
  func apply(_ event: SessionEvent, to id: Digest, with records: [CoordinatorRecord] = []) {
    enqueue(event, to: id, records: records, continuation: nil)
  }

  /// The same, and returns once the event is durable.
  func applyDurably(
    _ event: SessionEvent, to id: Digest, with records: [CoordinatorRecord]
  ) async throws {
    try await withCheckedThrowingContinuation {
      enqueue(event, to: id, records: records, continuation: $0)
    }
  }

  private func enqueue(
    _ event: SessionEvent, to id: Digest, records: [CoordinatorRecord],
    continuation: CheckedContinuation<Void, any Error>?
  ) {
    guard let before = sessions[id]?.machine else { return continuation?.resume() ?? () }
    // In place: a copy of a long session's submissions for each event would be quadratic.
    for record in records { sessions[id]?.replay(record) }
    let effects = sessions[id]?.machine.handle(event) ?? []
    let isChanged = !effects.isEmpty || sessions[id]?.machine.isSame(as: before) == false
    guard isChanged || continuation != nil else { return }
    sessions[id]?.movedAt = loop.now
    let all = records + [.event(session: id, event)]
    outbox.append(
      OutboxEntry(
        records: all.map { $0.encoded() }, session: id, effects: effects,
        whenDurable: continuation))
    publishChange(of: id, from: before)
    flush()
  }

  /// Stores a record that no machine sees and returns once it is durable.
  func storeDurably(_ record: CoordinatorRecord) async throws {
    try await withCheckedThrowingContinuation {
      outbox.append(
        OutboxEntry(
          records: [record.encoded()], session: nil, effects: [], whenDurable: $0))
      flush()
    }
  }

  /// Writes what waits in one batch; one batch at a time keeps the order of effects.
  private func flush() {
    guard !isFlushing, !outbox.isEmpty else { return }
    // After a failed write the memory is ahead of the disk: nothing more may follow from it.
    if let failure { return abandonOutbox(failure) }
    isFlushing = true
    let batch = nextBatch()
    do {
      try log.append(batch.flatMap(\.records)) { result in
        self.loop.execute { self.assumeIsolated { $0.written(batch, result.map { _ in }) } }
      }
    } catch {
      written(batch, .failure(error))
    }
  }

  /// As many entries as one frame of the log takes, at least one.
  private func nextBatch() -> [OutboxEntry] {
    var byteCount = 0
    var count = 0
    for entry in outbox {
      byteCount += entry.records.reduce(0) { $0 + $1.count + Limits.frameOverhead }
      guard count == 0 || byteCount <= WriteAheadLogLimits.frameBytesMax else { break }
      count += 1
    }
    defer { outbox.removeFirst(count) }
    return Array(outbox.prefix(count))
  }

  private func abandonOutbox(_ error: any Error) {
    let waiting = outbox
    outbox = []
    for entry in waiting { entry.whenDurable?.resume(throwing: error) }
  }

  private func written(_ batch: [OutboxEntry], _ result: Result<Void, WriteAheadLogError>) {
    isFlushing = false
    switch result {
    case .failure(let error):
      failure = error
      for entry in batch { entry.whenDurable?.resume(throwing: error) }
      abandonOutbox(error)
    case .success:
      for entry in batch {
        entry.whenDurable?.resume()
        guard let session = entry.session else { continue }
        for effect in entry.effects { perform(effect, of: session) }
      }
      flush()
    }
  }

  // MARK: Effects

  func perform(_ effect: SessionEffect, of id: Digest) {
    switch effect {
    case .assign(let assignment, let base): begin { await self.order(assignment, base, of: id) }
    case .cancel(let assignment): begin { await self.cancel(assignment, of: id) }
    case .check(let update): check(update, of: id)
    case .aggregate(let round, let terms):
      begin { await self.aggregate(terms, round: round, of: id) }
    case .settle(let round, let model): settle(round: round, model: model, of: id)
    case .evaluate(let round, let model):
      begin { await self.evaluate(model, round: round, of: id) }
    case .finish: closeJob(of: id)
    }
  }

  private func order(_ assignment: Assignment, _ base: Digest, of id: Digest) async {
    guard let session = sessions[id], let cid = session.models[base] else { return }
    let order = WorkOrder(
      session: id, job: session.creation.job, specification: session.creation.reference,
      assignment: assignment, base: ContentReference(cid: cid, digest: base))
    // A worker that is gone is no worker that failed: its departure gives the client to another.
    guard let node = nodes[assignment.worker] else { return }
    do {
      _ = try await node.connection.request(
        method: RPCMethod.assign, body: order.encoded(), deadline: Limits.orderDeadline)
    } catch {
      guard nodes[assignment.worker]?.connection === node.connection,
        error != .closed && error != .cancelled
      else { return }
      apply(.workFailed(assignment, reason: "not reached", now: loop.now), to: id)
    }
  }

  private func cancel(_ assignment: Assignment, of id: Digest) async {
    let name = OrderName(session: id, assignment: assignment)
    _ = try? await nodes[assignment.worker]?.connection.request(
      method: RPCMethod.cancel, body: name.encoded())
  }

  private func check(_ update: Update, of id: Digest) {
    guard let stored = sessions[id]?.submissions[update.assignment],
      let commitment = try? Transaction(decoding: stored.commitment)
    else { return }
    forward(commitment)
  }

  private func settle(round number: Int, model: Digest, of id: Digest) {
    guard let session = sessions[id], let round = session.round(number) else { return }
    if let job = chain.state.jobs[session.ledger.job], job.settledRounds >= UInt32(number) {
      return apply(.settled(round: number, now: loop.now), to: id)
    }
    guard let terms = chain.state.jobs[session.ledger.job]?.terms else { return }
    submit(
      session.ledger.settlement(of: round, aggregate: model, price: terms.workPrice),
      signedBy: identity)
  }

  func closeJob(of id: Digest) {
    guard let session = sessions[id] else { return }
    submit(.closeJob(session.ledger.job), signedBy: client)
  }
}

extension HostedSession {
  func submission(of term: AcceptedUpdate, round: Int) -> StoredSubmission? {
    submissions.values.first {
      $0.update.assignment.round == round && $0.update.assignment.client == term.client
        && $0.update.assignment.worker == term.worker
        && $0.update.parameters == term.parameters
    }
  }
}

/// Why the coordinator could not do what was asked.
package enum CoordinatorError: Error, Equatable {
  case notConnected
  /// Too much waits for a block already.
  case busy
  case unknownSession
  case unknownModel
  case sessionExists
  /// The chain's beacon has fewer links left than the session needs.
  case beaconTooShort(left: UInt64)
  /// Nothing more happens in it.
  case isOver
  /// The price does not fit an amount.
  case unpayable
  /// The ledger refused the escrow.
  case refused(String)
  /// An `Idempotency-Key` came with another order than before.
  case orderKeyReused
  /// No settlement pays this client's round.
  case unpaid
}
