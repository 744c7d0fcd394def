public import Cryptography
internal import Primitives

/// Where a session stands.
public enum SessionPhase: Hashable, Sendable {
  /// Created, not started.
  case created
  /// Waiting for `minParticipants` workers.
  case recruiting
  case training
  /// All updates of the round are accepted; the mean is being computed.
  case aggregating
  /// The ledger is paying the round.
  case settling
  case done(model: Digest)
  case cancelled
}

/// A federated session as one event-logged reducer: same events, same state, same effects.
///
/// Every logical client enters every round exactly once, and its update depends only on the session
/// (seed, round, client index) and the base model. So it does not matter which worker computes it,
/// how often it was reassigned, or in which order updates arrive: the model is the same to the bit.
public struct SessionMachine: Sendable {
  /// The rules.
  public let rules: SessionRules
  /// Where the session stands.
  public private(set) var phase: SessionPhase = .created
  /// The running round, nil before the first and after the last.
  public internal(set) var round: Round?
  /// Settled rounds in order.
  public private(set) var history: [Round] = []
  /// The model that the next round starts from.
  public private(set) var model: Digest
  /// Connected workers in ascending order of their id.
  public private(set) var workers: [PeerID] = []
  /// Workers that were caught; they get no more work in this session.
  public private(set) var banned: Set<PeerID> = []
  var failures: [PeerID: Int] = [:]
  var arrivals: [Duration] = []

  /// A session that starts from `initialModel`.
  public init(rules: SessionRules, initialModel: Digest) {
    self.rules = rules
    model = initialModel
  }

  /// Applies one event and returns what has to be done. An event that no longer fits is ignored:
  /// late and doubled messages are ordinary.
  public mutating func handle(_ event: SessionEvent) -> [SessionEffect] {
    switch event {
    case .started(let now): return start(now: now)
    case .restarted(let now): return restart(now: now)
    case .workerJoined(let worker, let now): return join(worker, now: now)
    case .workerLeft(let worker, let now): return leave(worker, now: now)
    case .updateReceived(let update, let now): return receive(update, now: now)
    case .workFailed(let assignment, let reason, let now):
      return fail(assignment, reason: reason, now: now)
    case .updateAccepted(let assignment, _): return accept(assignment)
    case .updateRejected(let assignment, let reason, let now):
      return reject(assignment, reason: reason, now: now)
    case .aggregated(let number, let model): return aggregated(round: number, model: model)
    case .settled(let number, let now): return settled(round: number, now: now)
    case .evaluated(let number, let score):
      evaluated(round: number, score)
      return []
    case .tick(let now): return expire(now: now)
    case .cancelled: return cancel()
    }
  }

  private mutating func start(now: Tick) -> [SessionEffect] {
    guard phase == .created else { return [] }
    phase = .recruiting
    return beginIfReady(now: now)
  }

  /// Nobody is connected after a crash. Checked and unchecked updates stay: they were logged and
  /// stored before they were acknowledged.
  private mutating func restart(now: Tick) -> [SessionEffect] {
    workers = []
    for client in round?.clients.indices ?? 0..<0 {
      if case .training = round!.clients[client] { round!.clients[client] = .unassigned }
    }
    return pendingEffects()
  }

  private mutating func join(_ worker: PeerID, now: Tick) -> [SessionEffect] {
    guard !workers.contains(worker) else { return [] }
    workers.append(worker)
    workers.sort()
    if case .recruiting = phase { return beginIfReady(now: now) }
    return assignIdle(now: now)
  }

  private mutating func leave(_ worker: PeerID, now: Tick) -> [SessionEffect] {
    workers.removeAll { $0 == worker }
    guard case .training = phase, round != nil else { return [] }
    for client in round!.clients.indices {
      if case .training(let assignment, _) = round!.clients[client], assignment.worker == worker {
        round!.clients[client] = .unassigned
      }
    }
    return assignIdle(now: now)
  }

  private mutating func beginIfReady(now: Tick) -> [SessionEffect] {
    guard case .recruiting = phase, workers.count >= rules.minParticipants else { return [] }
    return beginRound(1, now: now)
  }

  mutating func beginRound(_ number: Int, now: Tick) -> [SessionEffect] {
    round = Round(number: number, base: model, clientCount: rules.clients, now: now)
    phase = .training
    return assignIdle(now: now)
  }

  private mutating func aggregated(round number: Int, model: Digest) -> [SessionEffect] {
    guard case .aggregating = phase, round?.number == number else { return [] }
    round!.aggregate = model
    phase = .settling
    return [.settle(round: number, model: model), .evaluate(round: number, model: model)]
  }

  private mutating func settled(round number: Int, now: Tick) -> [SessionEffect] {
    guard case .settling = phase, var done = round, done.number == number,
      let aggregate = done.aggregate
    else { return [] }
    done.settledAt = now
    history.append(done)
    model = aggregate
    guard number < rules.totalRounds else {
      round = nil
      phase = .done(model: aggregate)
      return [.finish(model: aggregate)]
    }
    return beginRound(number + 1, now: now)
  }

  private mutating func evaluated(round number: Int, _ score: RoundScore) {
    if round?.number == number { round!.score = score }
    if let index = history.firstIndex(where: { $0.number == number }) {
      history[index].score = score
    }
  }

  private mutating func cancel() -> [SessionEffect] {
    if case .done = phase { return [] }
    phase = .cancelled
    guard let round else { return [] }
    return round.clients.compactMap { client in
      if case .training(let assignment, _) = client { .cancel(assignment) } else { nil }
    }
  }

  mutating func ban(_ worker: PeerID) { banned.insert(worker) }

  /// What is outstanding now: for a coordinator that came back and lost its effects.
  public func pendingEffects() -> [SessionEffect] {
    let unevaluated = history.filter { $0.score == nil }.compactMap { past in
      past.aggregate.map { SessionEffect.evaluate(round: past.number, model: $0) }
    }
    guard let round else {
      if case .done(let model) = phase { return unevaluated + [.finish(model: model)] }
      return unevaluated
    }
    switch phase {
    case .training:
      return unevaluated
        + round.clients.compactMap { client in
          if case .checking(let update) = client { .check(update) } else { nil }
        }
    case .aggregating: return unevaluated + aggregateEffect(of: round)
    case .settling:
      guard let aggregate = round.aggregate else { return unevaluated }
      return unevaluated + [
        .settle(round: round.number, model: aggregate),
        .evaluate(round: round.number, model: aggregate),
      ]
    case .created, .recruiting, .done, .cancelled: return unevaluated
    }
  }

  /// Whether nothing more will happen.
  public var isOver: Bool {
    switch phase {
    case .done, .cancelled: true
    case .created, .recruiting, .training, .aggregating, .settling: false
    }
  }

  /// Whether nothing that is logged differs; for skipping events without consequence.
  public func isSame(as other: SessionMachine) -> Bool {
    phase == other.phase && round == other.round && workers == other.workers
      && banned == other.banned && failures == other.failures && history == other.history
  }

  mutating func finishTraining() -> [SessionEffect] {
    guard case .training = phase, let round, round.acceptedUpdates != nil else { return [] }
    phase = .aggregating
    return aggregateEffect(of: round)
  }

  private func aggregateEffect(of round: Round) -> [SessionEffect] {
    guard let updates = round.acceptedUpdates else { return [] }
    let terms = updates.map { update in
      AcceptedUpdate(
        client: update.assignment.client, worker: update.assignment.worker,
        parameters: update.parameters, examples: rules.examples[update.assignment.client])
    }
    return [.aggregate(round: round.number, terms)]
  }
}
