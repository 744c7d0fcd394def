import Peering
import Primitives

extension MembershipNetwork {
  mutating func noteVote(
    _ message: ClusterMessage, of node: Int, for peer: Int, in cluster: ClusterID
  ) {
    switch message {
    case .grant(let epoch): voted(node, for: peer, epoch: epoch, in: cluster)
    case .stand(let epoch), .renew(let epoch):
      // Epoch 0 is a question.
      if epoch > 0 { voted(node, for: node, epoch: epoch, in: cluster) }
    case .decline, .offer, .childDigest, .published, .siblings, .assign: break
    }
  }

  mutating func voted(_ node: Int, for chosen: Int, epoch: UInt64, in cluster: ClusterID) {
    let key = ClusterEpoch(cluster: cluster, epoch: epoch)
    let voter = Voter(node: node, life: nodes[node].life)
    guard let earlier = votes[key]?.updateValue(chosen, forKey: voter) else {
      votes[key, default: [:]][voter] = chosen
      return
    }
    if earlier != chosen {
      fail(
        .oneVoteAnEpoch, node,
        "voted for \(earlier) and \(chosen) in epoch \(epoch) of \(cluster)")
    }
  }

  /// Two that lead one epoch at the same time are on the sides of a cut, or began apart; they have
  /// no voter in common.
  mutating func elected(_ node: Int, epoch: UInt64, in cluster: ClusterID) {
    outcome.elections += 1
    let key = ClusterEpoch(cluster: cluster, epoch: epoch)
    let voters = Set((votes[key] ?? [:]).filter { $0.value == node }.keys)
    for other in elected[key] ?? [] where other.node != node && leads(other.node, key) {
      let shared = other.voters.intersection(voters)
      guard !shared.isEmpty else { continue }
      fail(
        .oneLeaderAnEpoch, node,
        "\(cluster) has \(other.node) and \(node) in epoch \(epoch), both by \(shared.count)")
    }
    elected[key, default: []].append((node, voters))
  }

  private func leads(_ node: Int, _ key: ClusterEpoch) -> Bool {
    guard nodes[node].isRunning,
      let machine = nodes[node].hierarchy.clusters.first(where: { $0.cluster == key.cluster }),
      machine.epoch == key.epoch, case .leader(_, let until) = machine.role
    else { return false }
    return now < until
  }

  /// What must hold once trouble is over and everybody had time.
  mutating func checkEnd() {
    let running = nodes.indices.filter { nodes[$0].isRunning }
    var clusters: [ClusterID: [Int]] = [:]
    for node in running {
      for machine in nodes[node].hierarchy.clusters {
        clusters[machine.cluster, default: []].append(node)
      }
    }
    for cluster in clusters.keys.sorted() {
      let members = clusters[cluster] ?? []
      checkViews(of: cluster, members)
      checkLeader(of: cluster, members)
    }
    checkGroups(clusters)
    checkAnchors(running)
    for node in running.prefix(8) { checkSearch(from: node) }
  }

  private mutating func checkViews(of cluster: ClusterID, _ members: [Int]) {
    for node in members {
      let seen = Set(nodes[node].groups[cluster]?.present.map { Int($0.index) } ?? [])
      for other in members where !seen.contains(other) {
        let own = nodes[node].groups[cluster]
        let theirs = nodes[other].groups[cluster]
        let status = own?.member(PeerHandle(UInt32(other)))?.status
        fail(
          .noFalseDeath, node,
          "does not see \(other) in \(cluster), which is \(status.map { "\($0)" } ?? "unknown")"
            + " to it; they are \(theirs.map { "\($0.phase)" } ?? "out") and "
            + (own.map { "\($0.phase)" } ?? "out"))
      }
      for other in seen.sorted() where !members.contains(other) {
        fail(.deadAreKnown, node, "still sees \(other) in \(cluster)")
      }
    }
  }

  private mutating func checkLeader(of cluster: ClusterID, _ members: [Int]) {
    let machines = members.compactMap { node in
      nodes[node].hierarchy.clusters.first { $0.cluster == cluster }
    }
    let leaders = machines.filter(\.isLeader)
    guard leaders.count == 1 else {
      fail(.oneLeader, members[0], "\(cluster) has \(leaders.count) leaders")
      return
    }
    let leader = leaders[0]
    for machine in machines where machine.leader(at: now) != leader.local {
      fail(
        .oneLeader, Int(machine.local.index),
        "does not follow \(leader.local.index) in \(cluster): it is in epoch \(machine.epoch), "
          + "the leader in \(leader.epoch)")
    }
  }

  private mutating func checkGroups(_ clusters: [ClusterID: [Int]]) {
    let groups = clusters.filter { $0.key.level == .local }
      .sorted { $0.key < $1.key }.map { (cluster: $0.key, count: $0.value.count) }
    for (cluster, count) in groups {
      if count > ClusterLimits.splitAbove { fail(.groupSizes, 0, "\(cluster) has \(count)") }
      guard count < ClusterLimits.mergeBelow else { continue }
      for other in groups
      where other.cluster != cluster && other.cluster.parent == cluster.parent
        && other.count <= ClusterLimits.splitAbove - count
      {
        fail(.groupSizes, 0, "\(cluster) has \(count) beside \(other.cluster) with \(other.count)")
      }
    }
  }

  private mutating func checkAnchors(_ running: [Int]) {
    // Two digests of a quiet time; the second may be under way.
    let patience = 75_000
    for node in running {
      let leads = nodes[node].hierarchy.clusters[0].isLeader
      guard !leads, queue.now - (nodes[node].anchoredAt ?? 0) > patience else { continue }
      fail(
        .anchoredToRoot, node, "is in no digest of its group since \(nodes[node].anchoredAt ?? 0)")
    }
    if outcome.membersAtRoot != running.count {
      fail(
        .anchoredToRoot, 0, "the root counts \(outcome.membersAtRoot) members of \(running.count)")
    }
  }

  private mutating func checkSearch(from node: Int) {
    let owner = PeerHandle(UInt32(scenario.nodes / 2))
    var search = PoolSearch(
      wanted: 1, leadersUpwards: nodes[node].hierarchy.leadersUpwards(at: now))
    var effects = search.start(now: now)
    while !effects.isEmpty {
      switch effects.removeFirst() {
      case .finished(let members):
        if members != [owner] {
          fail(.kindsFound, node, "looks for a kind and finds \(members.count)")
        }
      case .ask(let leader):
        let place = Int(leader.index)
        guard nodes[place].isRunning else { continue }
        let (members, leaders) = nodes[place].hierarchy.offering(
          Self.rareKind, nearTo: PeerHandle(UInt32(node)), now: now, directory: directory(of: place)
        )
        effects += search.found(members, leaders: leaders, from: leader, now: now)
      }
    }
  }
}

/// Runs of membership.
package enum MembershipRun {
  /// The run of a scenario, to its end or to the first invariant that does not hold.
  package static func run(_ scenario: MembershipScenario) -> MembershipOutcome {
    MembershipNetwork.run(scenario)
  }
}
