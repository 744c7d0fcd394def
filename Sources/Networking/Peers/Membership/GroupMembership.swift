package import Cryptography
package import Peering
package import Primitives

/// What a node brings into the groups of a network.
package struct GroupSettings: Sendable {
  /// The network: its name, class and rule of admission.
  package var profile: NetworkProfile
  /// Where the node says it is.
  package var place: DeclaredPlace
  /// Kinds of resources that it offers, such as `gpu`.
  package var kinds: [String]
  /// Its right to be in the network, where the network asks for one.
  package var invitation: NetworkInvitation?
  /// Stakes, as the node itself knows them from the chain; nil of a node that follows none.
  package var stake: (@Sendable (PeerID) -> Amount)?

  /// What a node brings.
  package init(
    profile: NetworkProfile, place: DeclaredPlace, kinds: [String] = [],
    invitation: NetworkInvitation? = nil,
    stake: (@Sendable (PeerID) -> Amount)? = nil
  ) {
    self.profile = profile
    self.place = place
    self.kinds = kinds
    self.invitation = invitation
    self.stake = stake
  }
}

/// A member of our group.
package struct GroupMember: Equatable, Sendable {
  /// Who.
  package let peer: PeerID
  /// Whether somebody got no answer from it lately.
  package let isSuspected: Bool
  /// Whether it is this node.
  package let isLocal: Bool
  /// Expected round trip; nil to ourselves.
  package let roundTrip: Duration?
}

/// What a node sees of one cluster that it is in.
package struct ClusterReport: Equatable, Sendable {
  /// Which.
  package let cluster: ClusterID
  /// Its members, ourselves among them.
  package let members: Int
  /// Whom we follow there.
  package let leader: PeerID?
  /// The leader's epoch.
  package let epoch: UInt64
  /// Members of all groups below, by the last digest in which we are.
  package let membersBelow: UInt64?
}

/// A node's membership: its group, the clusters above that it leads others into, and the search for
/// resources in all of them. Lives on the host's loop.
package actor GroupMembership {
  /// Everything of it runs here.
  package nonisolated let loop: EventLoop
  nonisolated package var unownedExecutor: UnownedSerialExecutor {
    loop.asUnownedSerialExecutor()
  }

  private nonisolated let shell: ClusterShell
  private nonisolated let host: PeerHost

  private init(shell: ClusterShell) {
    loop = shell.loop
    host = shell.host
    self.shell = shell
  }

  /// Begins membership on a host that runs and is in a DHT; returns at once, and enters the group
  /// of its place as soon as that is found.
  package static func start(
    on host: PeerHost, kademlia: KademliaShell, settings: GroupSettings
  ) async -> GroupMembership {
    let shell = await ClusterShell(host: host, kademlia: kademlia, settings: settings)
    await shell.start()
    return GroupMembership(shell: shell)
  }

  /// Leaves all groups; returns when the others had time to hear it, within
  /// `MembershipLimits.farewell`.
  package func leave() async { await shell.stop() }

  /// Changes what we offer.
  package func offer(_ kinds: [String]) { shell.assumeIsolated { $0.offer(kinds) } }

  /// The local group that we are in.
  package func group() -> ClusterID { shell.assumeIsolated { $0.hierarchy.clusters[0].cluster } }

  /// Why no group takes us in, while none does.
  package func refusal() -> SWIMRefusal? { shell.assumeIsolated { $0.refusal } }

  /// The members of our group, ourselves among them, in the order in which we heard of them.
  package func members() -> [GroupMember] {
    let cluster = group()
    let own = shell.assumeIsolated { $0.local }
    return shell.swim.assumeIsolated { swim in
      let center = swim.coordinate(of: own)
      return swim.present(in: cluster).compactMap { handle in
        guard let peer = swim.peer(of: handle) else { return nil }
        let seconds = swim.coordinate(of: handle).distance(to: center)
        return GroupMember(
          peer: peer, isSuspected: swim.member(handle, in: cluster)?.status == .suspect,
          isLocal: handle == own, roundTrip: handle == own ? nil : .seconds(seconds))
      }
    }
  }

  /// What our group says of a peer, of one that is dead or has left too; nil of strangers.
  package func status(of peer: PeerID) -> SWIMStatus? {
    let cluster = group()
    guard let handle = host.assumeIsolated({ $0.book.handle(of: peer) }) else { return nil }
    return shell.swim.assumeIsolated { $0.member(handle, in: cluster)?.status }
  }

  /// Whom we follow at a level; nil where nobody leads, and at levels that we are not in.
  package func leader(of level: ClusterLevel) -> PeerID? {
    clusters().first { $0.cluster.level == level }?.leader
  }

  /// The clusters that we are in, from our own group upwards.
  package func clusters() -> [ClusterReport] {
    let now = loop.now
    return shell.assumeIsolated { shell in
      shell.hierarchy.clusters.map { machine in
        ClusterReport(
          cluster: machine.cluster, members: machine.present.count,
          leader: machine.leader(at: now).flatMap { handle in
            shell.host.assumeIsolated { $0.book.peer(of: handle) }
          }, epoch: machine.epoch,
          membersBelow: shell.anchored[machine.cluster]?.digest.memberCount)
      }
    }
  }

  func hostBook() async -> PeerBook { await host.book }

  /// Peers that offer a kind, in our group and in all others, nearest first as their leaders say.
  /// Their addresses are in the host's book; whether they really offer it, they are to be asked.
  package func find(kind: String, wanted: Int = 8) async -> [PeerID] {
    let found = await shell.find(kind, wanted: wanted)
    let book = await host.book
    return found.compactMap { book.peer(of: $0) }
  }
}
