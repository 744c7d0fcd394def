import Primitives

extension SWIMMachine {
  mutating func receive(
    _ message: SWIMMessage<PeerHandle>, from sender: PeerHandle, now: Tick,
    random: inout SplitMix64, notary: some MembershipNotary, effects: inout [SWIMEffect]
  ) {
    if case .syncPiece(let next) = message.verb {
      takePiece(
        message.claims, next: next, from: sender, now: now, random: &random, notary: notary,
        effects: &effects)
      return
    }
    absorb(message.claims, from: sender, now: now, notary: notary, effects: &effects)
    switch message.verb {
    case .ping(let number, let round):
      followMember(sender, round: round)
      let verb = SWIMVerb<PeerHandle>.ack(sequence: number, round: self.round)
      effects.append(.send(SWIMMessage(verb, claims: news(for: sender)), to: sender))
      if !isPresent(sender) { answerStranger(sender, notary: notary, effects: &effects) }
    case .ack(let number, let round):
      followMember(sender, round: round)
      acknowledge(sequence: number, from: sender, now: now, effects: &effects)
    case .nack(let number): noteNack(sequence: number, from: sender)
    case .pingRequest(let number, let target):
      guard isPresent(sender) else { return }
      startRelay(for: sender, sequence: number, target: target, now: now, effects: &effects)
    case .refused(let reason):
      noteRefusal(reason, from: sender, notary: notary, effects: &effects)
    case .gossip: break
    case .join: welcome(message.claims, from: sender, notary: notary, effects: &effects)
    case .syncRequest(let place):
      guard isPresent(sender) else {
        effects.append(.send(SWIMMessage(.refused(.notAMember)), to: sender))
        return
      }
      sendPiece(from: place, to: sender, notary: notary, effects: &effects)
    case .syncPiece: break
    }
  }

  private func isPresent(_ peer: PeerHandle) -> Bool { table[peer]?.status.isPresent ?? false }

  /// Somebody that we do not see counts us among its members.
  private mutating func answerStranger(
    _ sender: PeerHandle, notary: some MembershipNotary, effects: inout [SWIMEffect]
  ) {
    // A group that we once joined to ours may count us, and take itself to be admitted.
    if let reason = notary.refusal(of: sender) {
      effects.append(.send(SWIMMessage(.refused(reason)), to: sender))
      return
    }
    // Or the news that it joined, or came back, missed us and would not come again: what is said
    // against an old counter, or one of zero, makes it say the present one. The dead have heard
    // already, with our answer.
    let known = table[sender]
    guard phase == .member, known?.status != .dead, budget.corrections > 0 else { return }
    budget.corrections -= 1
    let question =
      known.map { claim(about: $0, origin: local) }
      ?? SWIMClaim(member: sender, incarnation: 0, status: .dead, origin: local, proof: [])
    effects.append(.send(SWIMMessage(.gossip, claims: [question]), to: sender))
  }

  private mutating func followMember(_ sender: PeerHandle, round: UInt32) {
    if isPresent(sender) { follow(round: round) }
  }

  mutating func join(
    via seeds: [PeerHandle], now: Tick, notary: some MembershipNotary,
    effects: inout [SWIMEffect]
  ) {
    let asked = seeds.filter { $0 != local }.prefix(SWIMLimits.seedsMax)
    guard phase == .outside, !asked.isEmpty else { return }
    phase = .joining(seeds: Array(asked), attempts: 0, nextPlace: 0, retryAt: now)
    retryJoin(now: now, notary: notary, effects: &effects)
  }

  mutating func retryJoin(
    now: Tick, notary: some MembershipNotary, effects: inout [SWIMEffect]
  ) {
    guard case .joining(let seeds, let attempts, let place, let retryAt) = phase, retryAt <= now
    else { return }
    guard attempts < SWIMLimits.joinAttemptsMax else {
      phase = .outside
      effects.append(.joinFailed(nil))
      return
    }
    phase = .joining(
      seeds: seeds, attempts: attempts + 1, nextPlace: place,
      retryAt: now.advanced(by: SWIMLimits.probeInterval))
    let seed = seeds[attempts % seeds.count]
    // Another seed keeps its members in another order, so the pieces begin again.
    let message =
      place == 0 || seeds.count > 1
      ? SWIMMessage<PeerHandle>(.join, claims: [ownClaim(notary: notary)])
      : SWIMMessage<PeerHandle>(.syncRequest(from: place))
    effects.append(.send(message, to: seed))
  }

  private mutating func noteRefusal(
    _ reason: SWIMRefusal, from sender: PeerHandle, notary: some MembershipNotary,
    effects: inout [SWIMEffect]
  ) {
    if phase == .member {
      if reached.removeValue(forKey: sender) != nil {
        effects.append(.turnedAway(reason))
      } else if isPresent(sender) {
        // It came to us, and never heard by what right we are here.
        reached[sender] = 0
        effects.append(
          .send(SWIMMessage(.join, claims: [ownClaim(notary: notary)]), to: sender))
      }
    }
    guard case .joining(let seeds, let attempts, _, let retryAt) = phase,
      seeds.contains(sender)
    else { return }
    let others = seeds.filter { $0 != sender }
    guard !others.isEmpty else {
      phase = .outside
      effects.append(.joinFailed(reason))
      return
    }
    phase = .joining(seeds: others, attempts: attempts, nextPlace: 0, retryAt: retryAt)
  }

  private mutating func takePiece(
    _ claims: [SWIMClaim<PeerHandle>], next: UInt32?, from sender: PeerHandle, now: Tick,
    random: inout SplitMix64, notary: some MembershipNotary, effects: inout [SWIMEffect]
  ) {
    if phase == .member {
      takeReached(claims, next: next, from: sender, now: now, notary: notary, effects: &effects)
      return
    }
    guard case .joining(let seeds, let attempts, let place, _) = phase, seeds.contains(sender)
    else { return }
    // The seed's own claim comes first, and makes the seed a member whose word counts.
    absorb(claims, from: sender, now: now, notary: notary, effects: &effects)
    guard isPresent(sender) else { return }
    guard let next else {
      enter(now: now, random: &random, notary: notary, effects: &effects)
      return
    }
    guard next > place else { return }
    phase = .joining(
      seeds: [sender], attempts: attempts, nextPlace: next,
      retryAt: now.advanced(by: SWIMLimits.probeInterval))
    effects.append(.send(SWIMMessage(.syncRequest(from: next)), to: sender))
  }

  /// Asks members of another part for theirs, as a newcomer would; they take us in on the way.
  mutating func reach(
    _ peers: [PeerHandle], notary: some MembershipNotary, effects: inout [SWIMEffect]
  ) {
    guard phase == .member else { return }
    reached = [:]
    for peer in peers.prefix(SWIMLimits.seedsMax) where peer != local && !isPresent(peer) {
      reached[peer] = 0
      effects.append(
        .send(SWIMMessage(.join, claims: [ownClaim(notary: notary)]), to: peer))
    }
  }

  private mutating func takeReached(
    _ claims: [SWIMClaim<PeerHandle>], next: UInt32?, from sender: PeerHandle, now: Tick,
    notary: some MembershipNotary, effects: inout [SWIMEffect]
  ) {
    guard let place = reached[sender] else { return }
    absorb(claims, from: sender, now: now, notary: notary, effects: &effects)
    guard isPresent(sender), let next, next > place else {
      reached[sender] = nil
      return
    }
    reached[sender] = next
    effects.append(.send(SWIMMessage(.syncRequest(from: next)), to: sender))
  }

  private mutating func enter(
    now: Tick, random: inout SplitMix64, notary: some MembershipNotary,
    effects: inout [SWIMEffect]
  ) {
    phase = .member
    broadcasts.add(ownClaim(notary: notary))
    scheduleFirstProbe(now: now, random: &random)
    effects.append(.joined)
  }

  /// `absorb` has taken the newcomer in if its claim was good.
  private mutating func welcome(
    _ claims: [SWIMClaim<PeerHandle>], from sender: PeerHandle, notary: some MembershipNotary,
    effects: inout [SWIMEffect]
  ) {
    let refusal = isPresent(sender) ? nil : notary.refusal(of: sender)
    guard table[sender] != nil, refusal == nil else {
      let isFull = table.presentCount >= SWIMLimits.membersMax
      let reason = isFull ? .full : refusal ?? .notAdmitted
      effects.append(.send(SWIMMessage(.refused(reason)), to: sender))
      return
    }
    sendPiece(from: 0, to: sender, notary: notary, effects: &effects)
  }

  private mutating func sendPiece(
    from place: UInt32, to receiver: PeerHandle, notary: some MembershipNotary,
    effects: inout [SWIMEffect]
  ) {
    guard budget.pieces > 0, phase == .member else { return }
    budget.pieces -= 1
    var claims: [SWIMClaim<PeerHandle>] = place == 0 ? [ownClaim(notary: notary)] : []
    // A rumour about the receiver itself, so that one that was thought dead can contradict.
    if place == 0, let member = table[receiver], member.status != .alive {
      claims.append(claim(about: member, origin: local))
    }
    var position = min(Int(place), table.members.count)
    while position < table.members.count, claims.count < SWIMLimits.claimsPerPiece {
      let member = table.members[position]
      position += 1
      guard member.status.isPresent, member.handle != receiver else { continue }
      claims.append(claim(about: member, origin: local))
    }
    let next = position < table.members.count ? UInt32(position) : nil
    effects.append(.send(SWIMMessage(.syncPiece(next: next), claims: claims), to: receiver))
  }

  /// Says goodbye at once to a few, and to the others by gossip for one probe interval.
  mutating func leave(
    now: Tick, random: inout SplitMix64, notary: some MembershipNotary,
    effects: inout [SWIMEffect]
  ) {
    guard phase == .member else {
      if phase.isJoining { phase = .outside }
      return
    }
    let (next, isOver) = incarnation.addingReportingOverflow(1)
    if !isOver { incarnation = next }
    phase = .leaving(until: now.advanced(by: SWIMLimits.probeInterval))
    probe = nil
    broadcasts.add(ownClaim(notary: notary))
    nextGossip = now
    gossipIfDue(now: now, random: &random, effects: &effects)
  }
}
