public import Cryptography
internal import Primitives

extension SessionMachine {
  /// Gives every idle client to the least loaded worker that may work.
  mutating func assignIdle(now: Tick) -> [SessionEffect] {
    guard case .training = phase, round != nil else { return [] }
    var effects: [SessionEffect] = []
    for client in round!.clients.indices {
      guard case .unassigned = round!.clients[client], let worker = leastLoaded() else { continue }
      effects.append(assign(client, to: worker, now: now))
    }
    return effects
  }

  private mutating func assign(_ client: Int, to worker: PeerID, now: Tick) -> SessionEffect {
    let assignment = Assignment(
      round: round!.number, client: client, attempt: round!.attempts[client], worker: worker)
    round!.attempts[client] += 1
    round!.clients[client] = .training(assignment, since: now)
    return .assign(assignment, base: round!.base)
  }

  /// Workers that may get work of this session, in ascending order.
  public var eligibleWorkers: [PeerID] {
    workers.filter {
      !banned.contains($0) && failures[$0, default: 0] < SessionLimits.failuresPerWorkerMax
    }
  }

  private func leastLoaded(except excluded: PeerID? = nil) -> PeerID? {
    guard let round else { return nil }
    let candidates = eligibleWorkers.filter { $0 != excluded }
    // `min` keeps the first of equals: the order of ids breaks ties.
    return candidates.min { round.load(of: $0) < round.load(of: $1) }
  }

  mutating func receive(_ update: Update, now: Tick) -> [SessionEffect] {
    guard case .training(let assignment, let since) = phase(of: update.assignment),
      assignment == update.assignment
    else { return [] }
    arrivals.append(now.duration(since: since))
    if arrivals.count > SessionLimits.arrivalsKept { arrivals.removeFirst() }
    round!.clients[assignment.client] = .checking(update)
    return [.check(update)]
  }

  /// The phase of the client of an assignment, if the assignment is of the running round.
  func phase(of assignment: Assignment) -> ClientPhase? {
    guard case .training = phase, let round, round.number == assignment.round,
      round.clients.indices.contains(assignment.client)
    else { return nil }
    return round.clients[assignment.client]
  }

  mutating func fail(
    _ assignment: Assignment, reason: String, now: Tick
  ) -> [SessionEffect] {
    switch phase(of: assignment) {
    case .training(assignment, _): break
    // Its commitment can no longer reach the ledger.
    case .checking(let update) where update.assignment == assignment: break
    case .training, .checking, .accepted, .unassigned, nil: return []
    }
    failures[assignment.worker, default: 0] += 1
    round!.rejected.append(RejectedUpdate(assignment: assignment, reason: reason))
    round!.clients[assignment.client] = .unassigned
    return assignIdle(now: now)
  }

  mutating func accept(_ assignment: Assignment) -> [SessionEffect] {
    guard case .checking(let update) = phase(of: assignment), update.assignment == assignment
    else { return [] }
    round!.clients[assignment.client] = .accepted(update)
    failures[assignment.worker] = nil
    return finishTraining()
  }

  /// A rejected worker is out of the session, with all that it still had in hand.
  mutating func reject(
    _ assignment: Assignment, reason: String, now: Tick
  ) -> [SessionEffect] {
    guard case .checking(let update) = phase(of: assignment), update.assignment == assignment
    else { return [] }
    ban(assignment.worker)
    round!.rejected.append(RejectedUpdate(assignment: assignment, reason: reason))
    round!.clients[assignment.client] = .unassigned
    var effects: [SessionEffect] = []
    for client in round!.clients.indices {
      guard case .training(let other, _) = round!.clients[client],
        other.worker == assignment.worker
      else { continue }
      effects.append(.cancel(other))
      round!.clients[client] = .unassigned
    }
    return effects + assignIdle(now: now)
  }

  /// Gives clients whose worker is late to another one. Without another worker, a client stays
  /// where it is until the hard deadline, then the try is void.
  mutating func expire(now: Tick) -> [SessionEffect] {
    guard case .training = phase, round != nil else { return [] }
    let soft = SessionLimits.softDeadline(after: arrivals)
    var effects: [SessionEffect] = []
    for client in round!.clients.indices {
      guard case .training(let assignment, let since) = round!.clients[client] else { continue }
      let age = now.duration(since: since)
      let expired = age >= SessionLimits.hardDeadline
      let other = leastLoaded(except: assignment.worker)
      guard expired || (age >= soft && other != nil) else { continue }
      effects.append(.cancel(assignment))
      round!.rejected.append(RejectedUpdate(assignment: assignment, reason: "late"))
      failures[assignment.worker, default: 0] += 1
      round!.clients[client] = .unassigned
      if let other { effects.append(assign(client, to: other, now: now)) }
    }
    return effects + assignIdle(now: now)
  }

  /// What the session waits for, in words; nil when it waits for nothing.
  public var waitingFor: String? {
    switch phase {
    case .created: return "a start"
    case .recruiting:
      let missing = rules.minParticipants - workers.count
      return missing == 1 ? "1 more worker with stake" : "\(missing) more workers with stake"
    case .training:
      let idle = round?.clients.indices.filter { round?.clients[$0] == .unassigned } ?? []
      if !idle.isEmpty {
        let names = idle.map(String.init).joined(separator: ", ")
        return "a worker with stake for logical client \(names) of round \(round?.number ?? 0)"
      }
      let training = round?.clients.count { if case .training = $0 { true } else { false } } ?? 0
      return training > 0 ? "\(training) updates" : "the validator's verdicts"
    case .aggregating: return "the mean of the updates"
    case .settling: return "the ledger to settle the round"
    case .done, .cancelled: return nil
    }
  }

  /// Whether the round cannot go on because nobody may do the idle part.
  public var isPaused: Bool {
    guard case .training = phase, let round else { return false }
    return round.clients.contains(.unassigned) && eligibleWorkers.isEmpty
  }
}
