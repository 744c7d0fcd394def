import Primitives

extension SWIMMachine {
  /// Waits of a member that doubts itself are longer (Lifeguard §IV.A).
  private func scaled(_ duration: Duration) -> Duration { duration * (1 + localHealth) }

  /// Members start at different moments of the interval, so that load is even.
  mutating func scheduleFirstProbe(now: Tick, random: inout SplitMix64) {
    let (seconds, attoseconds) = SWIMLimits.probeInterval.components
    let span = seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    nextProbe = now.advanced(by: .nanoseconds(Int64.random(in: 0..<span, using: &random)))
    nextGossip = now
  }

  mutating func beginPeriod(
    now: Tick, random: inout SplitMix64, notary: some MembershipNotary,
    effects: inout [SWIMEffect]
  ) {
    endProbe(now: now, notary: notary, effects: &effects)
    budget = Budget()
    periods &+= 1
    nextProbe = now.advanced(by: scaled(SWIMLimits.probeInterval))
    if !roundWasAdvanced { round &+= 1 }
    roundWasAdvanced = false
    if let target = table.target(inRound: round) { ping(target, now: now, effects: &effects) }
    if periods % SWIMLimits.reconnectPeriods == 0 {
      table.forgetTombstones(now: now)
      tryAgain(random: &random, effects: &effects)
    }
  }

  private mutating func nextSequence() -> UInt32 {
    sequence &+= 1
    return sequence
  }

  private mutating func ping(_ target: PeerHandle, now: Tick, effects: inout [SWIMEffect]) {
    let number = nextSequence()
    probe = Probe(
      target: target, sequence: number, sentAt: now,
      timeoutAt: now.advanced(by: scaled(roundTrip.timeout)))
    let claims = news(for: target)
    let verb = SWIMVerb<PeerHandle>.ping(sequence: number, round: round)
    effects.append(.send(SWIMMessage(verb, claims: claims), to: target))
  }

  /// The dead may only have been cut off: a ping that says "you are dead" lets one contradict.
  private mutating func tryAgain(random: inout SplitMix64, effects: inout [SWIMEffect]) {
    let dead = table.members.filter { $0.status == .dead }.map(\.handle).sorted()
    guard let target = dead.randomElement(using: &random) else { return }
    let verb = SWIMVerb<PeerHandle>.ping(sequence: nextSequence(), round: round)
    effects.append(.send(SWIMMessage(verb, claims: news(for: target)), to: target))
  }

  /// News for a message; what is said against the receiver comes first (Lifeguard §IV.C, buddy).
  mutating func news(for receiver: PeerHandle) -> [SWIMClaim<PeerHandle>] {
    var claims: [SWIMClaim<PeerHandle>] = []
    if let member = table[receiver], member.status == .suspect || member.status == .dead {
      claims.append(claim(about: member, origin: local))
    }
    let room = SWIMLimits.claimsPerMessage - claims.count
    return claims
      + broadcasts.take(
        room, sendsMax: SWIMBroadcasts.sendsMax(present: table.presentCount))
  }

  func claim(about member: SWIMMember, origin: PeerHandle) -> SWIMClaim<PeerHandle> {
    SWIMClaim(
      member: member.handle, incarnation: member.incarnation, status: member.status,
      origin: origin, proof: member.proof)
  }

  mutating func probeIndirectlyIfDue(
    now: Tick, random: inout SplitMix64, effects: inout [SWIMEffect]
  ) {
    guard let current = probe, !current.isAnswered, !current.isIndirect,
      current.timeoutAt <= now
    else { return }
    let relays = table.draw(SWIMLimits.indirectProbes, except: current.target, random: &random)
    probe?.isIndirect = true
    probe?.relays = relays
    for relay in relays {
      let verb = SWIMVerb<PeerHandle>.pingRequest(
        sequence: current.sequence, target: current.target)
      effects.append(.send(SWIMMessage(verb, claims: news(for: relay)), to: relay))
    }
  }

  /// Judges the probe that is over. Helpers that did not even say "no answer yet" are a sign that
  /// the fault is ours (Lifeguard §IV.A).
  private mutating func endProbe(
    now: Tick, notary: some MembershipNotary, effects: inout [SWIMEffect]
  ) {
    guard let current = probe else { return }
    probe = nil
    guard !current.isAnswered else {
      localHealth = max(0, localHealth - 1)
      return
    }
    let missing = current.relays.count - current.nacks.count
    worsenHealth(by: current.relays.isEmpty ? 1 : missing)
    guard let member = table[current.target], member.status.isPresent else { return }
    suspect(
      member, origin: local, messenger: local, now: now, notary: notary, effects: &effects)
  }

  mutating func worsenHealth(by amount: Int) {
    localHealth = min(SWIMLimits.localHealthMax, localHealth + amount)
  }

  mutating func answerForRelays(now: Tick, effects: inout [SWIMEffect]) {
    guard relays.contains(where: { $0.nackAt <= now }) else { return }
    for relay in relays where relay.nackAt <= now {
      effects.append(
        .send(SWIMMessage(.nack(sequence: relay.requesterSequence)), to: relay.requester))
    }
    relays.removeAll { $0.nackAt <= now }
  }

  mutating func startRelay(
    for requester: PeerHandle, sequence requested: UInt32, target: PeerHandle, now: Tick,
    effects: inout [SWIMEffect]
  ) {
    guard relays.count < SWIMLimits.relaysMax, target != local, target != requester,
      let member = table[target], member.status.isPresent
    else { return }
    let number = nextSequence()
    let wait = SWIMLimits.pingTimeoutMin * SWIMLimits.nackPercent / 100
    relays.append(
      Relay(
        requester: requester, requesterSequence: requested, target: target, sequence: number,
        nackAt: now.advanced(by: wait)))
    let verb = SWIMVerb<PeerHandle>.ping(sequence: number, round: round)
    effects.append(.send(SWIMMessage(verb, claims: news(for: target)), to: target))
  }

  mutating func acknowledge(
    sequence number: UInt32, from sender: PeerHandle, now: Tick, effects: inout [SWIMEffect]
  ) {
    if let current = probe, current.sequence == number, !current.isAnswered,
      sender == current.target || current.relays.contains(sender)
    {
      probe?.isAnswered = true
      if sender == current.target { roundTrip.add(now.duration(since: current.sentAt)) }
      return
    }
    guard
      let place = relays.firstIndex(where: { $0.sequence == number && $0.target == sender })
    else { return }
    let relay = relays.remove(at: place)
    let verb = SWIMVerb<PeerHandle>.ack(sequence: relay.requesterSequence, round: round)
    effects.append(
      .send(SWIMMessage(verb, claims: news(for: relay.requester)), to: relay.requester))
  }

  mutating func noteNack(sequence number: UInt32, from sender: PeerHandle) {
    guard let current = probe, current.sequence == number, current.relays.contains(sender),
      !current.nacks.contains(sender)
    else { return }
    probe?.nacks.append(sender)
  }

  /// Follows the schedule of whoever is ahead, in the order of serial numbers (RFC 1982). A liar
  /// can at worst make the choice of targets random, which is plain SWIM.
  mutating func follow(round other: UInt32) {
    let ahead = other &- round
    guard !isInSchedule || (ahead > 0 && ahead <= SWIMLimits.roundJumpMax) else { return }
    round = other
    roundWasAdvanced = true
    isInSchedule = true
  }

  mutating func gossipIfDue(now: Tick, random: inout SplitMix64, effects: inout [SWIMEffect]) {
    guard !broadcasts.isEmpty, nextGossip <= now else { return }
    nextGossip = now.advanced(by: SWIMLimits.gossipInterval)
    for target in table.draw(SWIMLimits.gossipFanout, except: nil, random: &random) {
      let claims = news(for: target)
      guard !claims.isEmpty else { break }
      effects.append(.send(SWIMMessage(.gossip, claims: claims), to: target))
    }
  }
}
