import Primitives

extension SWIMMachine {
  /// Takes in what a peer says, as far as it may say it.
  mutating func absorb(
    _ claims: [SWIMClaim<PeerHandle>], from messenger: PeerHandle, now: Tick,
    notary: some MembershipNotary, effects: inout [SWIMEffect]
  ) {
    for claim in claims {
      guard claim.proof.count <= SWIMLimits.proofBytesMax else {
        refusedClaims &+= 1
        continue
      }
      if claim.member == local {
        refuteIfNeeded(claim, told: messenger, notary: notary, effects: &effects)
        continue
      }
      // Strangers and the dead may speak of themselves only.
      let mayGossip = table[messenger]?.status.isPresent ?? false
      guard mayGossip || claim.member == messenger else {
        refusedClaims &+= 1
        continue
      }
      apply(claim, from: messenger, now: now, notary: notary, effects: &effects)
    }
  }

  private mutating func apply(
    _ claim: SWIMClaim<PeerHandle>, from messenger: PeerHandle, now: Tick,
    notary: some MembershipNotary, effects: inout [SWIMEffect]
  ) {
    guard let known = table[claim.member] else {
      guard claim.status.isPresent else { return }
      guard admit(claim, now: now, notary: notary, effects: &effects) else { return }
      accuse(claim, from: messenger, now: now, notary: notary, effects: &effects)
      return
    }
    guard claim.incarnation >= known.incarnation else { return }
    if claim.incarnation > known.incarnation {
      guard isProven(claim, notary: notary) else { return }
      renew(claim, now: now, notary: notary, effects: &effects)
    }
    accuse(claim, from: messenger, now: now, notary: notary, effects: &effects)
  }

  /// Only the member itself can sign a counter, so nobody raises another's.
  private mutating func isProven(
    _ claim: SWIMClaim<PeerHandle>, notary: some MembershipNotary
  ) -> Bool {
    guard budget.proofChecks > 0 else { return false }
    budget.proofChecks -= 1
    let isGenuine = notary.isGenuine(
      claim.proof, of: claim.member, incarnation: claim.incarnation,
      leaving: claim.status == .left)
    if !isGenuine { refusedClaims &+= 1 }
    return isGenuine
  }

  private mutating func admit(
    _ claim: SWIMClaim<PeerHandle>, now: Tick, notary: some MembershipNotary,
    effects: inout [SWIMEffect]
  ) -> Bool {
    guard table.presentCount < SWIMLimits.membersMax,
      table.tombstoneCount < SWIMLimits.tombstonesMax * 2, notary.refusal(of: claim.member) == nil,
      isProven(claim, notary: notary)
    else { return false }
    table.insert(
      claim.member, incarnation: claim.incarnation, proof: claim.proof, now: now,
      point: notary.ringPoint(of: claim.member))
    announce(claim.member)
    effects.append(.changed(claim.member, .alive))
    return true
  }

  /// A new proven counter ends every rumour about the old one.
  private mutating func renew(
    _ claim: SWIMClaim<PeerHandle>, now: Tick, notary: some MembershipNotary,
    effects: inout [SWIMEffect]
  ) {
    guard let known = table[claim.member] else { return }
    let status: SWIMStatus = claim.status == .left ? .left : .alive
    let comesBack = !known.status.isPresent && status.isPresent
    // The right to be here may have ended meanwhile.
    guard
      !comesBack
        || table.presentCount < SWIMLimits.membersMax && notary.refusal(of: claim.member) == nil
    else { return }
    table.prove(claim.member, incarnation: claim.incarnation, proof: claim.proof)
    suspicions.removeAll { $0.member == claim.member }
    if known.status != status {
      change(claim.member, to: status, now: now, notary: notary, effects: &effects)
    }
    announce(claim.member)
  }

  /// Passes on what we now know of a member, in the member's own name.
  private mutating func announce(_ handle: PeerHandle) {
    guard let member = table[handle] else { return }
    broadcasts.add(claim(about: member, origin: handle))
  }

  mutating func change(
    _ handle: PeerHandle, to status: SWIMStatus, now: Tick, notary: some MembershipNotary,
    effects: inout [SWIMEffect]
  ) {
    table.set(handle, to: status, now: now, point: notary.ringPoint(of: handle))
    effects.append(.changed(handle, status))
  }

  /// A rumour of suspicion or death about the counter that we know.
  private mutating func accuse(
    _ claim: SWIMClaim<PeerHandle>, from messenger: PeerHandle, now: Tick,
    notary: some MembershipNotary, effects: inout [SWIMEffect]
  ) {
    guard claim.status == .suspect || claim.status == .dead else { return }
    guard let member = table[claim.member], member.incarnation == claim.incarnation,
      member.status.isPresent, claim.origin != claim.member,
      claim.origin == local || table[claim.origin]?.status.isPresent ?? false
    else { return }
    // Our own old words, coming back, confirm nothing.
    guard claim.origin != local else { return }
    suspect(
      member, origin: claim.origin, messenger: messenger, now: now, notary: notary,
      effects: &effects)
    // A report only shortens the wait: no single liar, and nobody at once, can bury a member.
    guard claim.status == .dead,
      let place = suspicions.firstIndex(where: { $0.member == claim.member })
    else { return }
    suspicions[place].reportDeath(messenger: messenger)
  }

  mutating func suspect(
    _ member: SWIMMember, origin: PeerHandle, messenger: PeerHandle, now: Tick,
    notary: some MembershipNotary, effects: inout [SWIMEffect]
  ) {
    if let place = suspicions.firstIndex(where: { $0.member == member.handle }) {
      guard suspicions[place].confirm(origin: origin, messenger: messenger) else { return }
    } else {
      suspicions.append(
        SWIMSuspicion(of: member.handle, at: now, origin: origin, messenger: messenger))
      change(member.handle, to: .suspect, now: now, notary: notary, effects: &effects)
    }
    guard let suspected = table[member.handle] else { return }
    broadcasts.add(claim(about: suspected, origin: origin))
  }

  private mutating func bury(
    _ handle: PeerHandle, now: Tick, notary: some MembershipNotary, effects: inout [SWIMEffect]
  ) {
    suspicions.removeAll { $0.member == handle }
    change(handle, to: .dead, now: now, notary: notary, effects: &effects)
    guard let member = table[handle] else { return }
    broadcasts.add(claim(about: member, origin: local))
  }

  /// Puts a member out. Nobody is told: the others see by the same rule that it may not be here,
  /// and a rumour about it would be one that it may contradict.
  mutating func expel(
    _ handle: PeerHandle, now: Tick, notary: some MembershipNotary, effects: inout [SWIMEffect]
  ) {
    guard table[handle]?.status.isPresent == true else { return }
    suspicions.removeAll { $0.member == handle }
    change(handle, to: .left, now: now, notary: notary, effects: &effects)
  }

  mutating func endSuspicions(
    now: Tick, notary: some MembershipNotary, effects: inout [SWIMEffect]
  ) {
    let over = suspicions.filter { $0.deadline(present: table.presentCount) <= now }
    for suspicion in over {
      bury(suspicion.member, now: now, notary: notary, effects: &effects)
    }
  }

  /// Somebody speaks of us. What is not true is contradicted with a higher counter.
  private mutating func refuteIfNeeded(
    _ claim: SWIMClaim<PeerHandle>, told messenger: PeerHandle, notary: some MembershipNotary,
    effects: inout [SWIMEffect]
  ) {
    guard phase == .member || phase.isJoining else { return }
    guard claim.incarnation >= incarnation else {
      correctIfNeeded(claim, told: messenger, notary: notary, effects: &effects)
      return
    }
    if claim.incarnation > incarnation {
      // Our own signature from before a restart; anybody else's is a lie.
      guard isProven(claim, notary: notary) else { return }
    } else {
      guard claim.status != .alive else { return }
    }
    let (next, isOver) = claim.incarnation.addingReportingOverflow(1)
    guard !isOver else { return }
    incarnation = next
    if !budget.healthIsCharged {
      budget.healthIsCharged = true
      worsenHealth(by: 1)
    }
    let own = ownClaim(notary: notary)
    broadcasts.add(own)
    effects.append(.send(SWIMMessage(.gossip, claims: [own]), to: messenger))
    effects.append(.refuted(incarnation: incarnation))
  }

  /// Somebody holds an old counter of ours for dead, and missed the news of the one we have: it is
  /// told again, or it would never see us.
  private mutating func correctIfNeeded(
    _ claim: SWIMClaim<PeerHandle>, told messenger: PeerHandle, notary: some MembershipNotary,
    effects: inout [SWIMEffect]
  ) {
    guard claim.status != .alive, budget.corrections > 0 else { return }
    budget.corrections -= 1
    let own = ownClaim(notary: notary)
    effects.append(.send(SWIMMessage(.gossip, claims: [own]), to: messenger))
  }

  func ownClaim(notary: some MembershipNotary) -> SWIMClaim<PeerHandle> {
    let isLeaving =
      switch phase {
      case .leaving, .departed: true
      case .outside, .joining, .member: false
      }
    return SWIMClaim(
      member: local, incarnation: incarnation, status: isLeaving ? .left : .alive,
      origin: local, proof: notary.attest(incarnation: incarnation, leaving: isLeaving))
  }
}

extension SWIMMachine.Phase {
  var isJoining: Bool {
    if case .joining = self { true } else { false }
  }
}
