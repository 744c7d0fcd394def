package import Cryptography
package import Primitives

/// One step of the way from a member to the root: a cluster's digest and the proof of what is
/// below.
package struct AnchorLink: Hashable, Sendable {
  /// The digest.
  package let digest: CapabilityDigest
  /// That the leaf below is under the digest's anchor.
  package let inclusion: MerkleProof

  /// A step of these parts.
  package init(digest: CapabilityDigest, inclusion: MerkleProof) {
    self.digest = digest
    self.inclusion = inclusion
  }

  /// Whether a leaf is anchored through each of the links, each signed and of the cluster above the
  /// one before. Who the leaders are is for the caller to know.
  package static func anchors(_ leaf: Digest, through links: [AnchorLink], now: UInt64) -> Bool {
    guard !links.isEmpty, links.count <= ClusterLevel.allCases.count else { return false }
    var leaf = leaf
    var cluster: ClusterID?
    for link in links {
      if let cluster, link.digest.cluster != cluster { return false }
      guard (try? link.digest.check(of: link.digest.cluster, now: now)) != nil,
        link.inclusion.proves(leaf, under: link.digest.anchor)
      else { return false }
      leaf = link.digest.anchorLeaf
      cluster = link.digest.cluster.parent
    }
    return true
  }
}

/// A node's part in the hierarchy: member of a local group, and of the cluster above each one that
/// it leads.
package struct HierarchyMachine: Sendable {
  /// What the shell does.
  package enum Effect: Sendable, Equatable {
    /// Find the other members of a cluster, by its name in the DHT, and begin membership there.
    case enter(ClusterID)
    /// Leave the membership of a cluster.
    case exit(ClusterID)
    /// What a cluster's machine wants done.
    case within(ClusterID, ClusterEffect)
  }

  /// Ourselves.
  package let local: PeerHandle
  /// Whether this node may lead: those of mobile networks only follow.
  package let mayLead: Bool
  /// From below; each but the first is the parent of the one before, which we lead.
  package private(set) var clusters: [ClusterMachine]
  /// Whether clusters wait for `ClusterEvent.entered` before they take part.
  package let waitsForEntry: Bool
  private var kinds: [Bytes] = []
  private var ballots: BallotBook

  /// A node that enters one local group. One that waits for entry has just started, and may have
  /// voted in its last life: it waits as long as such a vote may hold.
  package init(
    local: PeerHandle, group: ClusterID, mayLead: Bool, waitsForEntry: Bool = false, now: Tick,
    effects: inout [Effect]
  ) {
    precondition(group.level == .local)
    self.local = local
    self.mayLead = mayLead
    self.waitsForEntry = waitsForEntry
    ballots = BallotBook(
      votesFrom: waitsForEntry ? now.advanced(by: ClusterLimits.lease) : now)
    clusters = [
      ClusterMachine(
        cluster: group, local: local, now: now, mayLead: mayLead, hasEntered: !waitsForEntry,
        votesFrom: ballots.votesFrom)
    ]
    effects.append(.enter(group))
  }

  /// When the machine wants its next tick.
  package func nextWake(after now: Tick) -> Tick? {
    clusters.map { $0.nextWake(after: now) }.min()
  }

  /// Ticks each cluster.
  package mutating func tick(
    now: Tick, directory: some ClusterDirectory, effects: inout [Effect]
  ) {
    // From above, since a level may vanish while the one below it moves.
    for cluster in clusters.map(\.cluster).reversed() {
      handle(.tick, in: cluster, now: now, directory: directory, effects: &effects)
    }
  }

  /// What this node offers, in whatever group it is.
  package mutating func offer(
    _ kinds: [Bytes], now: Tick, directory: some ClusterDirectory, effects: inout [Effect]
  ) {
    self.kinds = kinds
    let group = clusters[0].cluster
    handle(.offers(kinds), in: group, now: now, directory: directory, effects: &effects)
  }

  /// Moves one cluster's machine by one event; one that we are not in is ignored.
  package mutating func handle(
    _ event: ClusterEvent, in cluster: ClusterID, now: Tick, directory: some ClusterDirectory,
    effects: inout [Effect]
  ) {
    guard let place = clusters.firstIndex(where: { $0.cluster == cluster }) else { return }
    var inner: [ClusterEffect] = []
    clusters[place].handle(event, now: now, directory: directory, effects: &inner)
    for effect in inner {
      effects.append(.within(cluster, effect))
      follow(effect, of: cluster, now: now, directory: directory, effects: &effects)
    }
  }

  private mutating func follow(
    _ effect: ClusterEffect, of cluster: ClusterID, now: Tick,
    directory: some ClusterDirectory, effects: inout [Effect]
  ) {
    switch effect {
    case .leads:
      guard let parent = cluster.parent, !clusters.contains(where: { $0.cluster == parent })
      else { return }
      clusters.append(machine(of: parent, now: now))
      effects.append(.enter(parent))
    case .leadsNoMore: dropAbove(cluster, now: now, effects: &effects)
    case .signed(let digest):
      guard let parent = cluster.parent else { return }
      handle(
        .digestBelow(digest), in: parent, now: now, directory: directory, effects: &effects)
    case .moves(let target):
      guard clusters[0].cluster == cluster else { return }
      dropAbove(cluster, now: now, effects: &effects)
      effects.append(.exit(cluster))
      ballots.keep(clusters[0], now: now)
      clusters = [machine(of: target, now: now)]
      effects.append(.enter(target))
      handle(.offers(kinds), in: target, now: now, directory: directory, effects: &effects)
    case .siblings(let groups):
      let group = clusters[0].cluster
      handle(.siblings(groups), in: group, now: now, directory: directory, effects: &effects)
    case .send, .follows, .anchored, .disgraced, .refusedDigest: return
    }
  }

  private func machine(of cluster: ClusterID, now: Tick) -> ClusterMachine {
    ClusterMachine(
      cluster: cluster, local: local, now: now, mayLead: mayLead, hasEntered: !waitsForEntry,
      votesFrom: ballots.votesFrom, ballot: ballots.ballot(in: cluster))
  }

  /// Leaders that we know, from our own group's upwards: where a search begins.
  package func leadersUpwards(at now: Tick) -> [PeerHandle] {
    var leaders: [PeerHandle] = []
    for cluster in clusters {
      guard let leader = cluster.leader(at: now), !leaders.contains(leader) else { continue }
      leaders.append(leader)
    }
    return leaders
  }

  /// What we answer to whoever looks for a kind: members of the group that we lead, leaders below
  /// us in whose clusters somebody may offer it, and last the leader above us.
  package func offering(
    _ kind: Bytes, nearTo asker: PeerHandle?, now: Tick, directory: some ClusterDirectory
  ) -> (members: [PeerHandle], leaders: [PeerHandle]) {
    var (members, leaders): ([PeerHandle], [PeerHandle]) = ([], [])
    for cluster in clusters where cluster.isLeader {
      let found = cluster.offering(kind, nearTo: asker, directory: directory)
      members += found.members
      leaders += found.leaders.filter { $0 != local && !leaders.contains($0) }
    }
    leaders = Array(leaders.prefix(ClusterLimits.poolAnswersMax - 1))
    if let above = clusters.last?.leader(at: now), above != local, !leaders.contains(above) {
      leaders.append(above)
    }
    return (members, leaders)
  }

  private mutating func dropAbove(
    _ cluster: ClusterID, now: Tick, effects: inout [Effect]
  ) {
    guard let place = clusters.firstIndex(where: { $0.cluster == cluster }) else { return }
    for machine in clusters[(place + 1)...].reversed() {
      ballots.keep(machine, now: now)
      effects.append(.exit(machine.cluster))
    }
    clusters.removeSubrange((place + 1)...)
  }
}
