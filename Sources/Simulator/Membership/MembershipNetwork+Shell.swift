import Peering
import Primitives

/// What the product's shells do, on the run's clock.
extension MembershipNetwork {
  mutating func take(_ event: MembershipEvent) {
    switch event {
    case .start(let node): start(node)
    case .crash(let node): crash(node)
    case .cut(let isCut): self.isCut = isCut
    case .lie(let node): lie(about: node)
    case .swim(let message, let sender, let node, let cluster):
      note(1, node, sender)
      guard nodes[node].isRunning else { return }
      group(node, cluster, .received(message, from: PeerHandle(UInt32(sender))))
    case .cluster(let message, let sender, let node, let cluster):
      note(2, node, sender)
      guard nodes[node].isRunning else { return }
      hierarchy(node, .received(message, from: PeerHandle(UInt32(sender))), in: cluster)
    case .wakeGroup(let node, let life, let cluster): wakeGroup(node, life, cluster)
    case .wakeHierarchy(let node, let life): wakeHierarchy(node, life)
    case .enter(let node, let life, let cluster):
      guard isAlive(node, life) else { return }
      enter(node, cluster)
    case .lookAgain(let node, let life, let cluster):
      guard isAlive(node, life) else { return }
      lookAgain(node, cluster)
    }
  }

  private mutating func note(_ kind: Int, _ node: Int, _ sender: Int) {
    outcome.digest.add(kind << 48 | node << 24 | sender)
    outcome.digest.add(queue.now)
  }

  private func isAlive(_ node: Int, _ life: Int) -> Bool {
    nodes[node].isRunning && nodes[node].life == life
  }

  // MARK: Lives

  private mutating func start(_ node: Int) {
    guard !nodes[node].isRunning else { return }
    nodes[node].isRunning = true
    nodes[node].life += 1
    nodes[node].groups = [:]
    nodes[node].wakes = [:]
    nodes[node].hierarchyWake = .max
    nodes[node].anchoredAt = nil
    crashes[node] = nil
    var effects: [HierarchyMachine.Effect] = []
    let place = nodes[node].place
    nodes[node].hierarchy = HierarchyMachine(
      local: PeerHandle(UInt32(node)),
      group: ClusterID(.local, of: place, number: nodes[node].firstGroup), mayLead: true,
      waitsForEntry: true, now: now, effects: &effects)
    perform(effects, of: node)
    effects = []
    nodes[node].hierarchy.offer(
      nodes[node].kinds, now: now, directory: directory(of: node), effects: &effects)
    perform(effects, of: node)
  }

  private mutating func crash(_ node: Int) {
    guard nodes[node].isRunning else { return }
    nodes[node].isRunning = false
    let group = nodes[node].hierarchy.clusters[0].cluster
    let handle = PeerHandle(UInt32(node))
    let unaware = nodes.indices.filter { other in
      nodes[other].isRunning && canHear(node, other)
        && nodes[other].groups[group]?.member(handle)?.status.isPresent ?? false
    }
    if !isCut { crashes[node] = (queue.now, group, Set(unaware)) }
  }

  /// A stranger says of somebody that it has left, with a proof of its own making.
  private mutating func lie(about victim: Int) {
    let cluster = nodes[victim].hierarchy.clusters[0].cluster
    let member = PeerHandle(UInt32(victim))
    for node in nodes.indices where node != victim && nodes[node].isRunning {
      guard nodes[node].groups[cluster] != nil,
        let liar = nodes.indices.first(where: { $0 != victim && $0 != node })
      else { continue }
      let claim = SWIMClaim(
        member: member, incarnation: 1 << 40, status: .left, origin: member,
        proof: Bytes(repeating: 7, count: 8))
      group(
        node, cluster,
        .received(SWIMMessage(.gossip, claims: [claim]), from: PeerHandle(UInt32(liar))))
    }
  }

  // MARK: Groups

  private mutating func group(_ node: Int, _ cluster: ClusterID, _ event: SWIMEvent) {
    guard var machine = nodes[node].groups.removeValue(forKey: cluster) else { return }
    var effects: [SWIMEffect] = []
    machine.handle(
      event, now: now, random: &machineRandom, notary: notary(of: node), effects: &effects)
    nodes[node].groups[cluster] = machine
    for effect in effects { perform(effect, of: node, in: cluster) }
    planGroup(node, cluster)
  }

  private mutating func perform(_ effect: SWIMEffect, of node: Int, in cluster: ClusterID) {
    switch effect {
    case .send(let message, let peer):
      outcome.swimMessages += 1
      let target = Int(peer.index)
      guard let way = way(from: node, to: target) else { return }
      queue.schedule(.swim(message, from: node, to: target, cluster), after: way)
    case .changed(let peer, let status): changed(Int(peer.index), status, by: node, in: cluster)
    case .joined:
      providers[cluster, default: []].append(node)
      hierarchy(node, .entered, in: cluster)
      planLook(node, cluster)
    case .joinFailed(let refusal):
      if refusal == .full {
        queue.schedule(.enter(node: node, life: nodes[node].life, cluster), after: 30_000)
      } else {
        found(node, cluster)
      }
    case .refuted, .turnedAway: break
    case .departed:
      nodes[node].groups[cluster] = nil
      nodes[node].wakes[cluster] = nil
      let isWanted = nodes[node].hierarchy.clusters.contains { $0.cluster == cluster }
      if isWanted { admit(node, to: cluster) }
    }
  }

  private mutating func changed(
    _ member: Int, _ status: SWIMStatus, by node: Int, in cluster: ClusterID
  ) {
    switch status {
    case .alive: hierarchy(node, .present(PeerHandle(UInt32(member))), in: cluster)
    case .suspect: outcome.suspicions += 1
    case .dead, .left:
      if status == .dead, nodes[member].isRunning, canHear(node, member),
        nodes[member].groups[cluster] != nil
      {
        outcome.falseDeaths += 1
      }
      noteDetection(of: member, by: node, in: cluster)
      guard scenario.bug != .hidesDeaths else { return }
      hierarchy(node, .absent(PeerHandle(UInt32(member))), in: cluster)
    }
  }

  private mutating func noteDetection(of member: Int, by node: Int, in cluster: ClusterID) {
    guard var crash = crashes[member], crash.group == cluster else { return }
    crash.unaware.remove(node)
    crash.unaware = crash.unaware.filter { nodes[$0].isRunning }
    crashes[member] = crash
    guard crash.unaware.isEmpty else { return }
    crashes[member] = nil
    outcome.detections.append(queue.now - crash.at)
  }

  private mutating func planGroup(_ node: Int, _ cluster: ClusterID) {
    guard let moment = nodes[node].groups[cluster]?.nextWake else { return }
    let time = max(queue.now, Int((moment.nanoseconds + 999_999) / 1_000_000))
    guard time < nodes[node].wakes[cluster] ?? .max else { return }
    nodes[node].wakes[cluster] = time
    queue.schedule(.wakeGroup(node: node, life: nodes[node].life, cluster), at: time)
  }

  private mutating func wakeGroup(_ node: Int, _ life: Int, _ cluster: ClusterID) {
    guard isAlive(node, life), let time = nodes[node].wakes[cluster], time <= queue.now else {
      return
    }
    nodes[node].wakes[cluster] = nil
    group(node, cluster, .tick)
  }

  // MARK: The DHT

  /// A lookup names those who said that they are there and can be heard of, dead ones too.
  private mutating func lookUp(_ cluster: ClusterID, by node: Int) -> [PeerHandle] {
    var found = (providers[cluster] ?? []).filter { $0 != node && canHear($0, node) }
    machineRandom.shuffle(&found)
    return found.prefix(SWIMLimits.seedsMax).map { PeerHandle(UInt32($0)) }
  }

  private mutating func enter(_ node: Int, _ cluster: ClusterID) {
    guard nodes[node].groups[cluster]?.phase == .outside else { return }
    let members = lookUp(cluster, by: node)
    if members.isEmpty { found(node, cluster) } else { group(node, cluster, .join(via: members)) }
  }

  private mutating func found(_ node: Int, _ cluster: ClusterID) {
    guard var machine = nodes[node].groups.removeValue(forKey: cluster) else { return }
    machine.found(now: now, random: &machineRandom)
    nodes[node].groups[cluster] = machine
    providers[cluster, default: []].append(node)
    hierarchy(node, .entered, in: cluster)
    planGroup(node, cluster)
    planLook(node, cluster)
  }

  private mutating func planLook(_ node: Int, _ cluster: ClusterID) {
    guard let machine = nodes[node].groups[cluster] else { return }
    nodes[node].lookups[cluster, default: 0] += 1
    let usual = min(
      10_000 * max(machine.present.count, nodes[node].lookups[cluster] ?? 1), 300_000)
    queue.schedule(
      .lookAgain(node: node, life: nodes[node].life, cluster),
      after: usual / 2 + machineRandom.below(usual))
  }

  private mutating func lookAgain(_ node: Int, _ cluster: ClusterID) {
    guard let machine = nodes[node].groups[cluster], machine.phase == .member else { return }
    let strangers = lookUp(cluster, by: node).filter { machine.member($0) == nil }
    if !strangers.isEmpty, scenario.bug != .neverReaches {
      group(node, cluster, .reach(strangers))
    }
    planLook(node, cluster)
  }

  // MARK: Clusters

  private mutating func hierarchy(_ node: Int, _ event: ClusterEvent, in cluster: ClusterID) {
    var effects: [HierarchyMachine.Effect] = []
    nodes[node].hierarchy.handle(
      event, in: cluster, now: now, directory: directory(of: node), effects: &effects)
    perform(effects, of: node)
  }

  private mutating func wakeHierarchy(_ node: Int, _ life: Int) {
    guard isAlive(node, life), nodes[node].hierarchyWake <= queue.now else { return }
    nodes[node].hierarchyWake = .max
    var effects: [HierarchyMachine.Effect] = []
    nodes[node].hierarchy.tick(now: now, directory: directory(of: node), effects: &effects)
    perform(effects, of: node)
  }

  private mutating func perform(_ effects: [HierarchyMachine.Effect], of node: Int) {
    for effect in effects {
      switch effect {
      case .enter(let cluster): admit(node, to: cluster)
      case .exit(let cluster):
        providers[cluster]?.removeAll { $0 == node }
        group(node, cluster, .leave)
        if nodes[node].groups[cluster]?.phase == .outside { nodes[node].groups[cluster] = nil }
      case .within(let cluster, let inner): perform(inner, of: node, in: cluster)
      }
    }
    guard let moment = nodes[node].hierarchy.nextWake(after: now) else { return }
    let time = max(queue.now + 1, Int((moment.nanoseconds + 999_999) / 1_000_000))
    guard time < nodes[node].hierarchyWake else { return }
    nodes[node].hierarchyWake = time
    queue.schedule(.wakeHierarchy(node: node, life: nodes[node].life), at: time)
  }

  private mutating func admit(_ node: Int, to cluster: ClusterID) {
    nodes[node].lookups[cluster] = 0
    // The farewell to an earlier stay there comes first.
    guard nodes[node].groups[cluster] == nil else { return }
    nodes[node].groups[cluster] = SWIMMachine(
      local: PeerHandle(UInt32(node)),
      incarnation: Self.startSeconds + UInt64(queue.now) / 1_000, notary: notary(of: node),
      random: &machineRandom)
    queue.schedule(
      .enter(node: node, life: nodes[node].life, cluster), after: 100 + linkRandom.below(900))
  }

  private mutating func perform(_ effect: ClusterEffect, of node: Int, in cluster: ClusterID) {
    switch effect {
    case .send(let message, let peer):
      outcome.clusterMessages += 1
      noteVote(message, of: node, for: Int(peer.index), in: cluster)
      if isDropped(message) { return }
      let target = Int(peer.index)
      guard let way = way(from: node, to: target) else { return }
      queue.schedule(.cluster(message, from: node, to: target, cluster), after: way)
    case .leads(let epoch):
      voted(node, for: node, epoch: epoch, in: cluster)
      elected(node, epoch: epoch, in: cluster)
    case .anchored: if cluster.level == .local { nodes[node].anchoredAt = queue.now }
    case .signed(let digest):
      if cluster.level == .global { outcome.membersAtRoot = Int(digest.memberCount) }
    case .moves: outcome.moves += 1
    case .leadsNoMore, .follows, .disgraced, .siblings, .refusedDigest: break
    }
  }

  private func isDropped(_ message: ClusterMessage) -> Bool {
    switch (scenario.bug, message) {
    case (.dropsChildDigests, .childDigest), (.dropsRenewals, .renew): true
    default: false
    }
  }
}
