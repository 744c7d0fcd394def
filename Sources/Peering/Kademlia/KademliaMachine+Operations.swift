import Primitives

extension KademliaMachine {
  mutating func start(
    _ operation: KademliaOperation, id: UInt32?, seeds: [PeerHandle] = [], now: Tick,
    directory: some PeerDirectory, effects: inout [KademliaEffect]
  ) {
    if id != nil, operations.count(where: { $0.id != nil }) >= KademliaLimits.operationsMax {
      refuse(.refused(limit: KademliaLimits.operationsMax), id: id, effects: &effects)
      return
    }
    let key: KademliaKey
    switch operation {
    case .findNode(let wanted), .findProviders(let wanted, _), .getValue(let wanted):
      key = wanted
    case .provide(let wanted):
      key = wanted
      let next = now.advanced(by: KademliaLimits.republishInterval)
      guard provided.add(key, next: next) else {
        refuse(.refused(limit: KademliaLimits.providedKeysMax), id: id, effects: &effects)
        return
      }
    case .putValue(let record): key = record.key
    case .bootstrap: key = self.key
    }
    var running = RunningOperation(
      serial: nextSerial, id: id, operation: operation, key: key, startedAt: now,
      main: lookup(key.point, for: operation, seeds: seeds, directory: directory))
    nextSerial &+= 1
    if let fault = keepOwn(&running, now: now, effects: &effects) {
      refuse(.invalidRecord(fault), id: id, effects: &effects)
      return
    }
    operations.append(running)
    drive(
      .tick, place: operations.count - 1, phase: .lookup, index: 0, now: now,
      directory: directory, effects: &effects)
  }

  mutating func startInternal(
    _ operation: KademliaOperation, seeds: [PeerHandle] = [], now: Tick,
    directory: some PeerDirectory, effects: inout [KademliaEffect]
  ) {
    start(
      operation, id: nil, seeds: seeds, now: now, directory: directory, effects: &effects)
  }

  private func refuse(
    _ ending: KademliaOutcome.Ending, id: UInt32?, effects: inout [KademliaEffect]
  ) {
    if let id { effects.append(.finished(KademliaOutcome(ending: ending), id: id)) }
  }

  private func lookup(
    _ point: DistanceKey, for operation: KademliaOperation, seeds: [PeerHandle],
    directory: some PeerDirectory
  ) -> LookupMachine {
    var plan = LookupMachine.Plan()
    switch operation {
    case .findProviders, .getValue: plan.paths = settings.disjointPaths
    case .findNode, .provide, .putValue, .bootstrap: break
    }
    return LookupMachine(
      target: point, seeds: seeds + table.seeds(for: point, directory: directory), plan: plan,
      local: local, roundTrips: roundTrips, directory: directory)
  }

  /// What this node itself holds takes part like any other peer's answer.
  private mutating func keepOwn(
    _ running: inout RunningOperation, now: Tick, effects: inout [KademliaEffect]
  ) -> KademliaRecordFault? {
    let point = running.key.point
    switch running.operation {
    case .findProviders:
      let own = running.add(providers: providerStore.providers(of: point, at: now))
      if !own.isEmpty, let id = running.id { effects.append(.found(own, id: id)) }
    case .getValue:
      if let held = valueStore.value(of: point, at: now) {
        running.offer(held.record, sequence: held.sequence)
      }
    case .putValue(let record):
      do throws(KademliaRecordFault) {
        let sequence = try RecordValidator.sequence(of: record)
        if settings.serves {
          // A full store or a newer record here is no reason not to tell the others.
          try? valueStore.put(record, sequence: sequence, from: local, at: now)
        }
      } catch {
        return error
      }
    case .provide:
      if settings.serves {
        try? providerStore.add(local, admission: .staked, to: point, at: now)
      }
    case .findNode, .bootstrap: break
    }
    return nil
  }
}

// MARK: - Progress

extension KademliaMachine {
  /// Gives one search an event and sends what it asks for; goes on to the next phase at its end.
  mutating func drive(
    _ event: LookupMachine.Event, place: Int, phase: RunningOperation.Phase, index: Int,
    now: Tick, directory: some PeerDirectory, effects: inout [KademliaEffect]
  ) {
    guard operations[place].phase == phase else { return }
    var asks: [PeerHandle] = []
    if phase == .lookup {
      operations[place].main.handle(event, now: now, directory: directory, asks: &asks)
    } else {
      operations[place].searches[index].handle(
        event, now: now, directory: directory, asks: &asks)
    }
    let request = operations[place].request(search: index, local: local)
    let purpose = Call.Purpose.search(
      serial: operations[place].serial, phase: phase, index: index)
    for (position, peer) in asks.enumerated() {
      guard send(request, to: peer, purpose: purpose, now: now, effects: &effects) else {
        // As if the rest could not be dialled; the search may then ask others in vain, once.
        for unsent in asks[position...] {
          setFailed(unsent, place: place, index: index, now: now, directory: directory)
        }
        break
      }
    }
    settle(place: place, now: now, directory: directory, effects: &effects)
  }

  private mutating func setFailed(
    _ peer: PeerHandle, place: Int, index: Int, now: Tick, directory: some PeerDirectory
  ) {
    var ignored: [PeerHandle] = []
    if operations[place].phase == .lookup {
      operations[place].main.handle(
        .failed(peer), now: now, directory: directory, asks: &ignored)
    } else {
      operations[place].searches[index].handle(
        .failed(peer), now: now, directory: directory, asks: &ignored)
    }
  }

  /// Ends an operation that has what it wants, or begins its next phase, or notes its next timeout.
  private mutating func settle(
    place: Int, now: Tick, directory: some PeerDirectory, effects: inout [KademliaEffect]
  ) {
    if case .findProviders(_, let wanted) = operations[place].operation,
      operations[place].providers.count >= wanted
    {
      finish(place: place, ending: .complete, now: now, directory: directory, effects: &effects)
      return
    }
    guard operations[place].isPhaseComplete else {
      let searches =
        operations[place].phase == .lookup
        ? [operations[place].main] : operations[place].searches
      operations[place].nextTimeout = searches.compactMap(\.nextTimeout).min()
      return
    }
    advancePhase(place: place, now: now, directory: directory, effects: &effects)
  }

  mutating func expire(
    serial: UInt32, now: Tick, directory: some PeerDirectory, effects: inout [KademliaEffect]
  ) {
    func place() -> Int? { operations.firstIndex { $0.serial == serial } }
    guard let first = place() else { return }
    let end = operations[first].startedAt.advanced(by: KademliaLimits.operationTimeout)
    if end <= now {
      finish(place: first, ending: .exhausted, now: now, directory: directory, effects: &effects)
      return
    }
    guard let due = operations[first].nextTimeout, due <= now else { return }
    let phase = operations[first].phase
    let count = phase == .lookup ? 1 : operations[first].searches.count
    for index in 0..<count {
      guard let place = place(), operations[place].phase == phase else { return }
      drive(
        .tick, place: place, phase: phase, index: index, now: now, directory: directory,
        effects: &effects)
    }
  }

  /// Takes what an answer says beside closer peers' turn in the search.
  mutating func harvest(
    _ response: KademliaResponse, from peer: PeerHandle, phase: RunningOperation.Phase,
    place: Int, directory: some PeerDirectory, effects: inout [KademliaEffect]
  ) {
    // Only a walk asks past the peers beside the key, so only its answers make members.
    if phase == .walk {
      for named in LookupMachine.diverse(response.closer, directory: directory)
      where named != local {
        operations[place].members?.add(named, directory: directory)
      }
    }
    switch operations[place].operation {
    case .findProviders where phase != .walk:
      let new = operations[place].add(providers: response.providers)
      if !new.isEmpty, let id = operations[place].id { effects.append(.found(new, id: id)) }
    case .getValue where phase != .walk:
      operations[place].add(record: response.record, from: peer)
    case .findNode, .findProviders, .getValue, .provide, .putValue, .bootstrap: break
    }
  }
}
