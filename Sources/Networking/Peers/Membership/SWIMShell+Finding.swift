import Cryptography
package import Peering
import Primitives

/// How the members of a cluster find each other: by its name in the DHT.
extension SWIMShell {
  /// Takes part in a cluster's group from now on: joins those that are there, or begins it.
  package func enter(_ cluster: ClusterID) {
    guard !isStopped else { return }
    wanted.insert(cluster)
    guard groups[cluster] == nil else { return }
    // Our counter begins above any that we had there before: clocks outlive processes.
    let seconds = WallClock.milliseconds() / 1_000
    let notary = EntryNotary(
      point: host.assumeIsolated { $0.book.key(of: local).words.0 })
    groups[cluster] = Group(
      SWIMMachine(local: local, incarnation: seconds, notary: notary, random: &random))
    seekEntry(to: cluster)
  }

  /// Says goodbye to a group.
  package func exit(_ cluster: ClusterID) {
    wanted.remove(cluster)
    guard let group = groups[cluster] else { return }
    let point = ClusterProtocol.key(of: cluster, network: network)
    kademlia.assumeIsolated { $0.stopProviding(KademliaKey(point)) }
    group.lookupTimer.cancel(on: loop)
    handle(.leave, in: cluster)
    // One that is not in yet has nobody to say goodbye to.
    if groups[cluster]?.machine.phase == .outside { abandon(cluster) }
  }

  private func abandon(_ cluster: ClusterID) {
    groups.removeValue(forKey: cluster)?.wakeTimer.cancel(on: loop)
  }

  private func seekEntry(to cluster: ClusterID) {
    if let refusal = admission.refusal(of: host.peerID, own: ownInvitation) {
      refused(refusal.wireForm, in: cluster)
      schedule(after: MembershipLimits.refusedRetry, in: cluster) { $0.seekEntry(to: cluster) }
      return
    }
    _ = host.assumeIsolated { host in
      host.begin {
        let members = await self.lookUp(cluster)
        await self.enter(cluster, through: members)
      }
    }
  }

  private func enter(_ cluster: ClusterID, through members: [PeerHandle]) {
    guard let group = groups[cluster], group.machine.phase == .outside else { return }
    if members.isEmpty {
      found(cluster)
    } else {
      handle(.join(via: members), in: cluster)
    }
  }

  /// Nobody took us in. Where nobody answered we begin the group; where we were turned away we do
  /// not, and try again later.
  func joinFailed(_ refusal: SWIMRefusal?, in cluster: ClusterID) {
    switch refusal {
    case nil, .notAMember: found(cluster)
    case .full, .notAdmitted, .notListed, .noInvitation, .invitationExpired,
      .invitationForOther, .unknownIssuer, .badInvitation, .stakeTooSmall:
      if let refusal { refused(refusal, in: cluster) }
      schedule(after: MembershipLimits.refusedRetry, in: cluster) { $0.seekEntry(to: cluster) }
    }
  }

  /// Peers that say in the DHT that they are in a cluster.
  private func lookUp(_ cluster: ClusterID) async -> [PeerHandle] {
    let key = KademliaKey(ClusterProtocol.key(of: cluster, network: network))
    let outcome = await kademlia.run(.findProviders(key, wanted: SWIMLimits.seedsMax))
    return outcome.providers.filter { $0 != local }.shuffled(using: &random)
  }

  /// Says in the DHT that we are in the cluster, and goes on looking for others: two parts of a
  /// group that began apart find each other.
  func announce(_ cluster: ClusterID) {
    _ = host.assumeIsolated { host in
      host.begin {
        let key = ClusterProtocol.key(of: cluster, network: self.network)
        _ = await self.kademlia.run(.provide(KademliaKey(key)))
      }
    }
    scheduleLookup(of: cluster)
  }

  private func scheduleLookup(of cluster: ClusterID) {
    guard let group = groups[cluster] else { return }
    group.lookups += 1
    let usual = min(
      MembershipLimits.lookupInterval * max(group.machine.present.count, group.lookups),
      MembershipLimits.lookupIntervalMax)
    let jitter = Int.random(in: 50...150, using: &random)
    schedule(after: usual * jitter / 100, in: cluster) { shell in
      _ = shell.host.assumeIsolated { host in
        host.begin { [shell] in
          let members = await shell.lookUp(cluster)
          await shell.reach(members, in: cluster)
        }
      }
    }
  }

  private func reach(_ members: [PeerHandle], in cluster: ClusterID) {
    guard let group = groups[cluster], group.machine.phase == .member else { return }
    let machine = group.machine
    // The dead are tried again by the machine itself.
    let strangers = members.filter { machine.member($0) == nil }
    if !strangers.isEmpty { handle(.reach(strangers), in: cluster) }
    // Alone, nobody else would tell the DHT again what it may not have kept the first time; ever
    // more rarely, since the DHT is told by each leader of each level.
    let isPowerOfTwo = group.lookups & (group.lookups - 1) == 0
    if machine.present.count == 1, isPowerOfTwo {
      announce(cluster)
    } else {
      scheduleLookup(of: cluster)
    }
  }

  private func schedule(
    after delay: Duration, in cluster: ClusterID,
    _ body:
      @escaping @Sendable (isolated SWIMShell)
      -> Void
  ) {
    groups[cluster]?.lookupTimer.set(at: loop.now.advanced(by: delay), on: loop) { [weak self] in
      self?.assumeIsolated { shell in
        if shell.groups[cluster] != nil { body(shell) }
      }
    }
  }
}

extension Admission {
  /// Why we ourselves may not be in the network.
  func refusal(of peer: PeerID, own invitation: NetworkInvitation?) -> AdmissionRefusal? {
    profile.refusal(
      of: peer, invitation: invitation, stake: stake(peer),
      now: WallClock.milliseconds() / 1_000)
  }
}

/// What a machine asks while it is made.
private struct EntryNotary: MembershipNotary {
  let point: UInt64

  func attest(incarnation: UInt64, leaving: Bool) -> Bytes { [] }
  func isGenuine(
    _ proof: Bytes, of member: PeerHandle, incarnation: UInt64, leaving: Bool
  ) -> Bool { false }
  func refusal(of member: PeerHandle) -> SWIMRefusal? { nil }
  func ringPoint(of member: PeerHandle) -> UInt64 { point }
}
