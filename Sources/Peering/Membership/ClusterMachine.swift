package import Primitives

/// One member of one cluster at one level: election of a leader, digests upward, splits and merges.
///
/// What a cluster's leader orders can be undone or audited; money is never decided here.
/// docs/specs/membership.md §3 describes it.
package struct ClusterMachine: Sendable {
  /// What we are.
  package enum Role: Sendable, Equatable {
    case follower
    case candidate(grants: [PeerHandle], until: Tick)
    case leader(grants: [PeerHandle], until: Tick)
  }

  /// A member, as we see it.
  struct Member: Sendable {
    let handle: PeerHandle
    /// Since when we see it: what it says of its own age counts for nothing.
    let since: Tick
    var kinds: [Bytes] = []
  }

  /// A cluster below, by the digest that its leader carried up.
  struct Child: Sendable {
    let digest: CapabilityDigest
    let leader: PeerHandle
  }

  /// Our vote: given to one member for one epoch and one lease.
  struct Vote: Sendable {
    let leader: PeerHandle
    let until: Tick
    /// Whether it said that it leads; a mere candidate may never do so.
    let leads: Bool
  }

  /// Where a leader goes after those that it sent.
  struct Move: Sendable {
    let target: ClusterID
    let at: Tick
  }

  /// A digest in which we are, which our leader owes us.
  struct Debt: Sendable {
    let leader: PeerHandle
    var since: Tick
  }

  /// The cluster.
  package let cluster: ClusterID
  /// Ourselves.
  package let local: PeerHandle
  /// Whether we stand for election.
  package let mayLead: Bool
  /// Highest epoch that we stood for or voted in.
  package internal(set) var epoch: UInt64
  /// What we are.
  package internal(set) var role = Role.follower

  /// In order of handles.
  var members: [Member]
  var vote: Vote?
  /// Whom we voted for in `epoch`, whether or not the lease still runs: nobody else gets that vote.
  var votedInEpoch: PeerHandle?
  /// Highest epoch that a member declined us with.
  var declinedWith: UInt64 = 0
  /// How often we stood in vain since there was a leader.
  var vainCandidacies: UInt64 = 0
  var askedAt = Tick.zero
  var debt: Debt?
  var published: CapabilityDigest?
  var move: Move?
  /// Since when we follow nobody that leads, whomever we voted for meanwhile: the longer, the more
  /// candidates are good enough.
  var leaderlessSince: Tick
  /// Since when we wait for our turn to stand.
  var standingSince: Tick
  var disgraced: [PeerHandle: Tick] = [:]
  var children: [Child] = []
  var below: CapabilityDigest?
  /// The digest before `below`: one of our leader's that crossed the newest on its way has this.
  var belowBefore: CapabilityDigest?
  var siblings: [GroupPlan.Sibling] = []
  var digestSequence: UInt64 = 0
  var nextRenewal = Tick.zero
  var nextDigest = Tick.zero
  var wasReassigned = false
  /// Whether the failure detector has let us in; until then we take no part.
  private(set) var hasEntered: Bool
  /// Before this we only follow who leads already: we may have voted before we restarted.
  let votesFrom: Tick
  /// Epoch of the last majority that we had.
  var confirmedEpoch: UInt64
  /// Epochs that members named while ours is too far behind theirs to follow.
  var epochsHeard: [PeerHandle: UInt64] = [:]
  var askedEpochsAt: Tick?

  /// A member alone in its cluster; others come by `present`. One that does not take part yet
  /// begins with `entered`; one that was there before brings its ballot.
  package init(
    cluster: ClusterID, local: PeerHandle, now: Tick, mayLead: Bool = true,
    hasEntered: Bool = true, votesFrom: Tick = .zero, ballot: Ballot? = nil
  ) {
    self.cluster = cluster
    self.mayLead = mayLead
    self.hasEntered = hasEntered
    self.votesFrom = votesFrom
    self.local = local
    members = [Member(handle: local, since: now)]
    leaderlessSince = now
    standingSince = max(now, votesFrom)
    epoch = ballot?.epoch ?? 0
    votedInEpoch = ballot?.choice
    // An epoch of an earlier stay is not stood for again: the grants of then may be under way.
    confirmedEpoch = epoch
    if let lease = ballot?.lease, now < lease.until { vote = lease }
  }

  /// Members that are present, ourselves among them, in order.
  package var present: [PeerHandle] { members.map(\.handle) }

  /// Whether we lead.
  package var isLeader: Bool {
    if case .leader = role { true } else { false }
  }

  /// Whom we follow: ourselves if we lead, nobody once its lease is over.
  package func leader(at now: Tick) -> PeerHandle? {
    if isLeader { return local }
    guard let vote, now < vote.until, vote.leader != local else { return nil }
    return vote.leader
  }

  /// When the machine wants its next `tick`.
  package func nextWake(after now: Tick) -> Tick {
    switch role {
    case .leader(_, let until): min(until, min(nextRenewal, nextDigest))
    case .candidate(_, let until): until
    case .follower: now.advanced(by: ClusterLimits.standingDelay)
    }
  }

  /// Moves the machine by one event.
  package mutating func handle(
    _ event: ClusterEvent, now: Tick, directory: some ClusterDirectory,
    effects: inout [ClusterEffect]
  ) {
    switch event {
    case .entered: enter(now: now)
    case .tick: tick(now: now, directory: directory, effects: &effects)
    case .present(let peer): insert(peer, now: now)
    case .absent(let peer): remove(peer, now: now, effects: &effects)
    case .received(let message, let sender):
      guard hasEntered, index(of: sender) != nil, sender != local else { return }
      receive(message, from: sender, now: now, directory: directory, effects: &effects)
    case .offers(let kinds):
      guard let place = index(of: local) else { return }
      members[place].kinds = Self.acceptable(kinds) ?? []
      sendOffer(now: now, effects: &effects)
    case .digestBelow(let digest):
      (belowBefore, below) = (below, digest)
      sendOffer(now: now, effects: &effects)
    case .siblings(let groups): siblings = Array(groups.prefix(ClusterLimits.childrenMax))
    }
  }

  private mutating func enter(now: Tick) {
    guard !hasEntered else { return }
    hasEntered = true
    leaderlessSince = now
    standingSince = max(now, votesFrom)
  }

  private mutating func tick(
    now: Tick, directory: some ClusterDirectory, effects: inout [ClusterEffect]
  ) {
    guard hasEntered else { return }
    if let move, move.at <= now {
      self.move = nil
      effects.append(.moves(to: move.target))
      return
    }
    elect(now: now, directory: directory, effects: &effects)
    guard isLeader, nextDigest <= now else { return }
    nextDigest = now.advanced(by: ClusterLimits.digestInterval)
    publish(directory: directory, effects: &effects)
    tellSiblings(now: now, directory: directory, effects: &effects)
    regroup(now: now, directory: directory, effects: &effects)
  }

  private mutating func receive(
    _ message: ClusterMessage, from sender: PeerHandle, now: Tick,
    directory: some ClusterDirectory, effects: inout [ClusterEffect]
  ) {
    switch message {
    case .stand(let number):
      consider(
        sender, epoch: number, leads: false, now: now, directory: directory, effects: &effects)
    case .renew(let number):
      consider(
        sender, epoch: number, leads: true, now: now, directory: directory, effects: &effects)
    case .grant(let number): count(sender, epoch: number, now: now, effects: &effects)
    case .decline(let known):
      noteDecline(known: known)
      catchUp(with: sender, at: known, now: now, effects: &effects)
    case .offer(let kinds):
      guard let place = index(of: sender), let kinds = Self.acceptable(kinds) else { return }
      members[place].kinds = kinds
    case .childDigest(let bytes):
      takeChild(bytes, from: sender, directory: directory, effects: &effects)
    case .published(let bytes, let inclusion):
      takePublished(
        bytes, inclusion: inclusion, from: sender, now: now, directory: directory,
        effects: &effects)
    case .siblings(let groups):
      guard cluster.level == .city, leader(at: now) == sender else { return }
      effects.append(.siblings(Array(groups.prefix(ClusterLimits.childrenMax))))
    case .assign(let number, let target):
      guard number == epoch, leader(at: now) == sender, target.level == cluster.level,
        target.place == cluster.place, target != cluster
      else { return }
      effects.append(.moves(to: target))
    }
  }

  func index(of peer: PeerHandle) -> Int? {
    var (low, high) = (0, members.count)
    while low < high {
      let middle = (low + high) / 2
      if members[middle].handle < peer { low = middle + 1 } else { high = middle }
    }
    return low < members.count && members[low].handle == peer ? low : nil
  }

  private mutating func insert(_ peer: PeerHandle, now: Tick) {
    guard index(of: peer) == nil, members.count < SWIMLimits.membersMax else { return }
    let place = members.firstIndex { peer < $0.handle } ?? members.count
    members.insert(Member(handle: peer, since: now), at: place)
  }

  private mutating func remove(
    _ peer: PeerHandle, now: Tick, effects: inout [ClusterEffect]
  ) {
    guard peer != local, let place = index(of: peer) else { return }
    members.remove(at: place)
    children.removeAll { $0.leader == peer }
    disgraced[peer] = nil
    epochsHeard[peer] = nil
    if vote?.leader == peer { loseVote(now: now) }
  }

  /// Kinds that a member may offer, sorted; nil if there are too many or one is no name.
  private static func acceptable(_ kinds: [Bytes]) -> [Bytes]? {
    guard kinds.count <= ClusterLimits.kindsPerMemberMax,
      kinds.allSatisfy({ (1...ClusterLimits.kindBytesMax).contains($0.count) })
    else { return nil }
    return kinds.sorted { $0.lexicographicallyPrecedes($1) }
  }
}
