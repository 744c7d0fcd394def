package import Cryptography
package import Peering
import Primitives

/// What happens in a group that a node is in.
package enum GroupEvent: Equatable, Sendable {
  /// The group has taken us in, or we began it alone.
  case entered(alone: Bool)
  /// A member is there.
  case appeared(PeerHandle)
  /// A member is dead or has left.
  case vanished(PeerHandle, SWIMStatus)
  /// The group does not take us in.
  case refused(SWIMRefusal)
}

/// Runs failure detection for each group of one network that a node is in, on its host: messages
/// over long-lived streams, signatures checked away from the loop. Lives on the host's loop.
package actor SWIMShell {
  /// One group.
  final class Group {
    var machine: SWIMMachine
    var wakeTimer = WakeTimer()
    var lookupTimer = WakeTimer()
    /// How often it was looked up in the DHT since we are in it.
    var lookups = 0
    /// Pings under way, for their round trips.
    var pings: [UInt32: (target: PeerHandle, at: Tick)] = [:]
    var ownProof: (incarnation: UInt64, isLeaving: Bool, proof: Bytes)?

    init(_ machine: SWIMMachine) { self.machine = machine }
  }

  /// Everything of the shell runs here.
  package nonisolated let loop: EventLoop
  nonisolated package var unownedExecutor: UnownedSerialExecutor {
    loop.asUnownedSerialExecutor()
  }

  nonisolated let host: PeerHost
  nonisolated let kademlia: KademliaShell
  nonisolated let network: String
  let local: PeerHandle
  let ownInvitation: NetworkInvitation?
  private let onEvent: @Sendable (ClusterID, GroupEvent) -> Void
  nonisolated let streams: MemberStreams
  var admission: Admission
  var random: SplitMix64
  var groups: [ClusterID: Group] = [:]
  /// Clusters that we want to be in: one that we left comes back only after its farewell.
  var wanted: Set<ClusterID> = []
  var proven = ProvenAttestations()
  var frames = SecondCounts<PeerID>()
  var checks = SecondCounts<Int>()
  /// Where members are by latency, and where we are.
  var coordinates: [PeerHandle: NetworkCoordinate] = [:]
  var ownCoordinate = NetworkCoordinate()
  private(set) var isStopped = false

  /// Failure detection in the groups of a network; `onEvent` is told, on the loop, what happens in
  /// them.
  package init(
    host: PeerHost, kademlia: KademliaShell, profile: NetworkProfile,
    invitation: NetworkInvitation? = nil,
    stake: @escaping @Sendable (PeerID) -> UInt64 = { _ in 0 },
    onEvent: @escaping @Sendable (ClusterID, GroupEvent) -> Void
  ) async {
    loop = host.loop
    self.host = host
    self.kademlia = kademlia
    self.onEvent = onEvent
    network = profile.name
    ownInvitation = invitation
    admission = Admission(profile: profile, stake: stake)
    random = SplitMix64(seed: SystemRandom.bytes(8).reduce(0) { $0 << 8 | UInt64($1) })
    streams = MemberStreams(host: host, protocolID: SWIMProtocol.name)
    local = await host.ownHandle()
  }

  /// Serves the protocol from now on.
  package func start() async {
    await host.serve(servedProtocol())
    scheduleUpkeep()
  }

  /// Leaves all groups and serves no more.
  package func stop() async {
    for cluster in groups.keys.sorted() { exit(cluster) }
    isStopped = true
    await host.stopServing(SWIMProtocol.name)
  }

  /// Closes the streams, once the farewells are said.
  package func close() { streams.assumeIsolated { $0.closeAll() } }

  // MARK: What others ask

  /// Members of a group that are there, ourselves among them.
  package func present(in cluster: ClusterID) -> [PeerHandle] {
    groups[cluster]?.machine.present ?? []
  }

  /// What the group says of a member.
  package func member(_ peer: PeerHandle, in cluster: ClusterID) -> SWIMMember? {
    groups[cluster]?.machine.member(peer)
  }

  /// Where a peer is by latency; where nothing is known, at the origin.
  package func coordinate(of peer: PeerHandle) -> NetworkCoordinate {
    peer == local ? ownCoordinate : coordinates[peer] ?? NetworkCoordinate()
  }

  /// Why the network keeps a peer out; nil if it may be in it.
  package func refusal(of peer: PeerID) -> AdmissionRefusal? { admission.refusal(of: peer) }

  // MARK: The machines

  func handle(_ event: SWIMEvent, in cluster: ClusterID) {
    guard let group = groups[cluster] else { return }
    var effects: [SWIMEffect] = []
    let notary = HostNotary(shell: self, cluster: cluster)
    group.machine.handle(
      event, now: loop.now, random: &random, notary: notary, effects: &effects)
    for effect in effects { perform(effect, in: cluster) }
    scheduleWake(of: cluster)
  }

  private func perform(_ effect: SWIMEffect, in cluster: ClusterID) {
    switch effect {
    case .send(let message, let peer): send(message, to: peer, in: cluster)
    case .changed(let peer, let status): changed(peer, status, in: cluster)
    case .joined:
      onEvent(cluster, .entered(alone: false))
      announce(cluster)
    case .joinFailed(let refusal): joinFailed(refusal, in: cluster)
    case .turnedAway(let refusal):
      if refusal != .notAMember { refused(refusal, in: cluster) }
    case .refuted: break
    case .departed: forget(cluster)
    }
  }

  private func changed(_ peer: PeerHandle, _ status: SWIMStatus, in cluster: ClusterID) {
    switch status {
    case .alive:
      host.assumeIsolated { $0.book.tag(peer, Self.tag) }
      onEvent(cluster, .appeared(peer))
    case .suspect: break
    case .dead, .left: onEvent(cluster, .vanished(peer, status))
    }
  }

  private static let tag = "member"

  /// Begins the group of a cluster alone.
  func found(_ cluster: ClusterID) {
    guard let group = groups[cluster] else { return }
    group.machine.found(now: loop.now, random: &random)
    onEvent(cluster, .entered(alone: true))
    announce(cluster)
    scheduleWake(of: cluster)
  }

  func refused(_ refusal: SWIMRefusal, in cluster: ClusterID) {
    onEvent(cluster, .refused(refusal))
  }

  /// Forgets a group that we have left.
  private func forget(_ cluster: ClusterID) {
    guard let group = groups.removeValue(forKey: cluster) else { return }
    group.wakeTimer.cancel(on: loop)
    group.lookupTimer.cancel(on: loop)
    if wanted.contains(cluster) { enter(cluster) }
  }

  private func scheduleWake(of cluster: ClusterID) {
    guard let group = groups[cluster], let moment = group.machine.nextWake else { return }
    group.wakeTimer.advance(to: moment, on: loop) { [weak self] in
      self?.assumeIsolated {
        $0.groups[cluster]?.wakeTimer.rang()
        $0.handle(.tick, in: cluster)
      }
    }
  }

  /// Once a minute: streams and marks that nobody needs are given up.
  private func scheduleUpkeep() {
    guard !isStopped else { return }
    loop.schedule(after: .seconds(60)) { [weak self] in
      self?.assumeIsolated { shell in
        shell.streams.assumeIsolated { $0.closeIdle() }
        shell.forgetStrangers()
        shell.scheduleUpkeep()
      }
    }
  }

  private func forgetStrangers() {
    let marked = host.assumeIsolated { $0.book.handles(tagged: Self.tag) }
    for peer in marked where !groups.values.contains(where: { $0.machine.member(peer) != nil }) {
      host.assumeIsolated { $0.book.untag(peer, Self.tag) }
      coordinates[peer] = nil
    }
  }
}

/// What a group's machine asks of the shell; used on the loop only.
private struct HostNotary: MembershipNotary {
  let shell: SWIMShell
  let cluster: ClusterID

  func attest(incarnation: UInt64, leaving: Bool) -> Bytes {
    shell.assumeIsolated { $0.attest(cluster, incarnation: incarnation, leaving: leaving) }
  }

  func isGenuine(
    _ proof: Bytes, of member: PeerHandle, incarnation: UInt64, leaving: Bool
  ) -> Bool {
    shell.assumeIsolated { shell in
      guard let peer = shell.peer(of: member) else { return false }
      return shell.proven.contains(
        Attestation(
          cluster: cluster, member: peer, incarnation: incarnation, isLeaving: leaving,
          proof: proof))
    }
  }

  func refusal(of member: PeerHandle) -> SWIMRefusal? {
    shell.assumeIsolated { shell in
      guard let peer = shell.peer(of: member) else { return .notAdmitted }
      return shell.admission.refusal(of: peer)?.wireForm
    }
  }

  func ringPoint(of member: PeerHandle) -> UInt64 {
    shell.assumeIsolated { shell in
      shell.host.assumeIsolated { $0.book.key(of: member).words.0 }
    }
  }
}
