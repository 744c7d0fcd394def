import Primitives

/// What decides a member's place in line.
private struct Standing {
  let minutes: UInt64
  let stake: Amount
  let point: UInt64
  let handle: PeerHandle
}

extension ClusterMachine {
  /// The first in line leads: those we have seen longest, by whole minutes, since views differ by
  /// seconds; then those with the highest stake; then by place on the ring.
  func line(now: Tick, directory: some ClusterDirectory) -> [PeerHandle] {
    let standings = members.compactMap { member -> Standing? in
      if let until = disgraced[member.handle], now < until { return nil }
      return Standing(
        minutes: member.since.nanoseconds / 60_000_000_000,
        stake: directory.stake(of: member.handle),
        point: directory.ringPoint(of: member.handle), handle: member.handle)
    }
    return standings.sorted { left, right in
      if left.minutes != right.minutes { return left.minutes < right.minutes }
      if left.stake != right.stake { return left.stake > right.stake }
      return (left.point, left.handle) < (right.point, right.handle)
    }.map(\.handle)
  }

  private func isMajority(_ grants: [PeerHandle]) -> Bool {
    grants.filter { index(of: $0) != nil }.count * 2 > members.count
  }

  mutating func elect(
    now: Tick, directory: some ClusterDirectory, effects: inout [ClusterEffect]
  ) {
    switch role {
    case .leader(_, let until):
      if until <= now {
        stepDown(now: now, effects: &effects)
      } else if nextRenewal <= now {
        renewEpoch()
        role = .leader(grants: [local], until: until)
        askAll(now: now, effects: &effects)
        countOwnMajority(now: now, effects: &effects)
      }
    case .candidate(_, let until):
      if until <= now {
        vainCandidacies &+= 1
        stepDown(now: now, effects: &effects)
      }
    case .follower: standIfDue(now: now, directory: directory, effects: &effects)
    }
  }

  /// Members that were cut off may have counted further; an epoch above theirs takes them back.
  private mutating func renewEpoch() {
    let (next, isOver) = declinedWith.addingReportingOverflow(ClusterLimits.epochLead)
    guard declinedWith >= epoch, !isOver else { return }
    epoch = next
    votedInEpoch = local
    digestSequence = 0
  }

  private mutating func askAll(now: Tick, effects: inout [ClusterEffect]) {
    askedAt = now
    nextRenewal = now.advanced(by: ClusterLimits.renewal)
    let question: ClusterMessage =
      isLeader && confirmedEpoch == epoch ? .renew(epoch: epoch) : .stand(epoch: epoch)
    for member in members where member.handle != local {
      effects.append(.send(question, to: member.handle))
    }
  }

  private mutating func loseLeaderIfDue(now: Tick, effects: inout [ClusterEffect]) {
    guard let current = vote else { return }
    if let debt, debt.leader == current.leader,
      ClusterLimits.digestPatience < now.duration(since: debt.since)
    {
      disgraced[debt.leader] = now.advanced(by: ClusterLimits.disgrace)
      effects.append(.disgraced(debt.leader))
      self.debt = nil
    } else if now < current.until {
      return
    }
    loseVote(now: now)
  }

  /// Candidates that stand in vain, one after another, must not keep us from growing less choosy.
  mutating func loseVote(now: Tick) {
    if vote?.leads ?? false { leaderlessSince = now }
    vote = nil
    standingSince = now
  }

  private mutating func standIfDue(
    now: Tick, directory: some ClusterDirectory, effects: inout [ClusterEffect]
  ) {
    loseLeaderIfDue(now: now, effects: &effects)
    guard vote == nil, mayLead, votesFrom <= now,
      let rank = line(now: now, directory: directory).firstIndex(of: local),
      ClusterLimits.standingDelay * (rank + 1) + hesitation(directory: directory)
        <= now.duration(since: standingSince)
    else { return }
    // An epoch in which we stood in vain is still ours, unless somebody voted for another in it;
    // one in which we led is over.
    if votedInEpoch != local || declinedWith >= epoch || confirmedEpoch == epoch {
      let (next, isOver) = max(epoch, declinedWith).addingReportingOverflow(1)
      guard !isOver else { return }
      epoch = next
    }
    votedInEpoch = local
    vote = Vote(leader: local, until: now.advanced(by: ClusterLimits.lease), leads: false)
    role = .candidate(grants: [local], until: now.advanced(by: ClusterLimits.renewal))
    askAll(now: now, effects: &effects)
    countOwnMajority(now: now, effects: &effects)
  }

  /// Candidates that split the votes would do so again and again, each at its place in line by its
  /// own view; who stood in vain waits longer by chance (Raft §5.2). The chance comes from the own
  /// place on the ring, which differs from the rival's.
  private func hesitation(directory: some ClusterDirectory) -> Duration {
    guard vainCandidacies > 0 else { return .zero }
    var chance = SplitMix64(seed: directory.ringPoint(of: local) &+ vainCandidacies)
    let longest = UInt64(ClusterLimits.hesitationMax / .milliseconds(1))
    return .milliseconds(Int64(chance.next() % longest))
  }

  /// One vote an epoch; while a lease of ours runs, only for its holder. The longer there is no
  /// leader, the further down the line somebody may stand, so some majority always forms.
  mutating func consider(
    _ peer: PeerHandle, epoch number: UInt64, leads: Bool, now: Tick,
    directory: some ClusterDirectory, effects: inout [ClusterEffect]
  ) {
    guard leads || votesFrom <= now,
      mayVote(for: peer, epoch: number, now: now, directory: directory)
    else {
      effects.append(.send(.decline(known: epoch), to: peer))
      catchUp(with: peer, at: number, now: now, effects: &effects)
      return
    }
    let isNew = vote?.leader != peer || epoch != number
    if case .follower = role {} else { stepDown(now: now, effects: &effects) }
    epoch = number
    votedInEpoch = peer
    vainCandidacies = 0
    let hasLed = vote?.leader == peer && vote?.leads ?? false
    vote = Vote(
      leader: peer, until: now.advanced(by: ClusterLimits.lease), leads: leads || hasLed)
    if debt?.leader != peer { debt = Debt(leader: peer, since: now) }
    effects.append(.send(.grant(epoch: number), to: peer))
    if isNew {
      effects.append(.follows(peer, epoch: number))
      sendOffer(now: now, effects: &effects)
    }
  }

  private func mayVote(
    for peer: PeerHandle, epoch number: UInt64, now: Tick, directory: some ClusterDirectory
  ) -> Bool {
    if let until = disgraced[peer], now < until { return false }
    guard isEpochOpen(number, for: peer) else { return false }
    if let vote, now < vote.until {
      if vote.leader == peer { return true }
      // Our own candidacy binds nobody else, so it gives way.
      guard vote.leader == local, !isLeader else { return false }
    }
    guard let rank = line(now: now, directory: directory).firstIndex(of: peer) else {
      return false
    }
    let waited = now.duration(since: leaderlessSince) / ClusterLimits.renewal
    return rank <= ClusterLimits.rankMax + Int(max(0, min(waited, 1_000)))
  }

  private func isEpochOpen(_ number: UInt64, for peer: PeerHandle) -> Bool {
    // Epoch 0 is a question, not a candidacy.
    guard number > 0 else { return false }
    if number == epoch { return votedInEpoch == nil || votedInEpoch == peer }
    return number > epoch && number - epoch <= ClusterLimits.epochJumpMax
  }

  mutating func count(
    _ peer: PeerHandle, epoch number: UInt64, now: Tick, effects: inout [ClusterEffect]
  ) {
    guard number == epoch else { return }
    switch role {
    case .follower: return
    case .candidate(var grants, let until):
      if !grants.contains(peer) { grants.append(peer) }
      role = .candidate(grants: grants, until: until)
    case .leader(var grants, let until):
      if !grants.contains(peer) { grants.append(peer) }
      role = .leader(grants: grants, until: until)
    }
    countOwnMajority(now: now, effects: &effects)
  }

  private mutating func countOwnMajority(now: Tick, effects: inout [ClusterEffect]) {
    // Our lease ends before the voters' do: theirs begin after we asked.
    let until = askedAt.advanced(by: ClusterLimits.lease - ClusterLimits.renewal)
    switch role {
    case .follower: return
    case .candidate(let grants, _):
      guard isMajority(grants) else { return }
      role = .leader(grants: grants, until: until)
      confirmedEpoch = epoch
      vainCandidacies = 0
      nextDigest = now.advanced(by: ClusterLimits.renewal)
      digestSequence = 0
      wasReassigned = false
      effects.append(.leads(epoch: epoch))
    case .leader(let grants, _):
      guard isMajority(grants) else { return }
      confirmedEpoch = epoch
      role = .leader(grants: grants, until: until)
    }
    vote = Vote(leader: local, until: until, leads: true)
  }

  /// An epoch as high as ours is used up: whoever is in it has voted for another, or will not.
  mutating func noteDecline(known: UInt64) {
    guard known >= epoch, known - epoch <= ClusterLimits.epochJumpMax else { return }
    declinedWith = max(declinedWith, known)
  }

  /// A member whose epoch is too far behind to follow asks all and takes what most say. One liar,
  /// and any minority of them, cannot carry it away.
  mutating func catchUp(
    with peer: PeerHandle, at number: UInt64, now: Tick, effects: inout [ClusterEffect]
  ) {
    guard number > epoch, number - epoch > ClusterLimits.epochJumpMax, role == .follower else {
      return
    }
    epochsHeard[peer] = number
    if epochsHeard.count * 2 > members.count - 1 {
      let sorted = epochsHeard.values.sorted()
      epochsHeard = [:]
      // Below the middle one, so that its leader may be granted; never back to where we voted.
      let middle = sorted[(sorted.count - 1) / 2] - 1
      guard middle > epoch else { return }
      epoch = middle
      votedInEpoch = nil
      return
    }
    if let askedEpochsAt, now < askedEpochsAt.advanced(by: ClusterLimits.renewal) { return }
    askedEpochsAt = now
    for member in members where member.handle != local && epochsHeard[member.handle] == nil {
      effects.append(.send(.stand(epoch: 0), to: member.handle))
    }
  }

  private mutating func stepDown(now: Tick, effects: inout [ClusterEffect]) {
    if isLeader {
      effects.append(.leadsNoMore)
      leaderlessSince = now
    }
    role = .follower
    vote = nil
    standingSince = now
    children = []
    debt = nil
  }
}
