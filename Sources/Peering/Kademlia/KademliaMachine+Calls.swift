import Primitives

extension KademliaMachine {
  /// A request under way.
  struct Call: Sendable {
    /// What its answer is for.
    enum Purpose: Sendable, Equatable {
      /// Whether a table entry lives.
      case check
      /// Nothing: a better record is handed to one that had an older.
      case correction
      /// One search of one phase of an operation.
      case search(serial: UInt32, phase: RunningOperation.Phase, index: Int)
    }

    let number: UInt32
    let peer: PeerHandle
    let sentAt: Tick
    let purpose: Purpose
  }

  /// Sends a request unless too many are under way. Returns whether it was sent.
  mutating func send(
    _ request: KademliaRequest, to peer: PeerHandle, purpose: Call.Purpose, now: Tick,
    effects: inout [KademliaEffect]
  ) -> Bool {
    guard calls.count < KademliaLimits.requestsMax else { return false }
    calls.append(Call(number: nextCall, peer: peer, sentAt: now, purpose: purpose))
    effects.append(.send(request, to: peer, call: nextCall))
    nextCall &+= 1
    return true
  }

  /// Takes a call out. Numbers rise, and wrap, so calls are searched by distance from the oldest.
  private mutating func take(call number: UInt32) -> Call? {
    guard let first = calls.first?.number else { return nil }
    let wanted = number &- first
    var low = 0
    var high = calls.count
    while low < high {
      let middle = (low + high) / 2
      if calls[middle].number &- first < wanted { low = middle + 1 } else { high = middle }
    }
    guard low < calls.count, calls[low].number == number else { return nil }
    return calls.remove(at: low)
  }

  mutating func answered(
    _ response: KademliaResponse, call number: UInt32, admission: KademliaAdmission, now: Tick,
    directory: some PeerDirectory, effects: inout [KademliaEffect]
  ) {
    guard let call = take(call: number) else { return }
    guard admission != .none || !settings.requiresAdmission else {
      // It costs nothing to be this peer, so its word counts for nothing.
      lose(call, now: now, directory: directory, effects: &effects)
      return
    }
    let roundTrip = now.duration(since: call.sentAt)
    roundTrips.add(roundTrip)
    table.answered(call.peer, at: now, after: roundTrip, directory: directory)
    guard case .search(let serial, let phase, let index) = call.purpose,
      let place = operations.firstIndex(where: { $0.serial == serial })
    else { return }
    harvest(
      response, from: call.peer, phase: phase, place: place, directory: directory,
      effects: &effects)
    let event = LookupMachine.Event.answered(call.peer, closer: response.closer)
    drive(
      event, place: place, phase: phase, index: index, now: now, directory: directory,
      effects: &effects)
  }

  mutating func failed(
    call number: UInt32, now: Tick, directory: some PeerDirectory,
    effects: inout [KademliaEffect]
  ) {
    guard let call = take(call: number) else { return }
    lose(call, now: now, directory: directory, effects: &effects)
  }

  private mutating func lose(
    _ call: Call, now: Tick, directory: some PeerDirectory, effects: inout [KademliaEffect]
  ) {
    if table.failed(call.peer, directory: directory) { effects.append(.removed(call.peer)) }
    guard case .search(let serial, let phase, let index) = call.purpose,
      let place = operations.firstIndex(where: { $0.serial == serial })
    else { return }
    drive(
      .failed(call.peer), place: place, phase: phase, index: index, now: now,
      directory: directory, effects: &effects)
  }

  /// Gives up requests that nobody answers. They are in order of sending.
  mutating func expireCalls(
    now: Tick, directory: some PeerDirectory, effects: inout [KademliaEffect]
  ) {
    while let oldest = calls.first,
      oldest.sentAt.advanced(by: KademliaLimits.requestTimeout) <= now
    {
      calls.removeFirst()
      effects.append(.abandon(call: oldest.number))
      lose(oldest, now: now, directory: directory, effects: &effects)
    }
  }
}
