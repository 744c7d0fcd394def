import Cryptography
import Peering
import Primitives

/// Runs a node's part in the hierarchy of clusters on its host: elections, digests, groups that
/// split and merge, and searches for kinds of resources. Lives on the host's loop.
package actor ClusterShell {
  /// A search that a user waits for.
  struct Search {
    var machine: PoolSearch
    let kind: Bytes
    let continuation: UnsafeContinuation<[PeerHandle], Never>
    var wakeTimer = WakeTimer()
  }

  /// Everything of the shell runs here.
  package nonisolated let loop: EventLoop
  nonisolated package var unownedExecutor: UnownedSerialExecutor {
    loop.asUnownedSerialExecutor()
  }

  nonisolated let host: PeerHost
  nonisolated let swim: SWIMShell
  nonisolated let streams: MemberStreams
  let settings: GroupSettings
  let local: PeerHandle
  var hierarchy: HierarchyMachine
  private var pending: [HierarchyMachine.Effect]
  private var wakeTimer = WakeTimer()
  var frames = SecondCounts<PeerID>()
  var finds = SecondCounts<PeerID>()
  var searches: [UInt32: Search] = [:]
  var nextSearch: UInt32 = 0
  /// The newest digest of each cluster that we are anchored in.
  private(set) var anchored: [ClusterID: (digest: CapabilityDigest, proof: MerkleProof)] = [:]
  /// Why no group takes us in, while none does.
  private(set) var refusal: SWIMRefusal?
  private var isStopped = false

  /// A node's part in the clusters of its place; `start` begins it.
  package init(host: PeerHost, kademlia: KademliaShell, settings: GroupSettings) async {
    let relay = GroupEventRelay()
    loop = host.loop
    self.host = host
    self.settings = settings
    streams = MemberStreams(host: host, protocolID: ClusterProtocol.name)
    swim = await SWIMShell(
      host: host, kademlia: kademlia, profile: settings.profile, invitation: settings.invitation,
      stake: settings.stake
    ) { cluster, event in relay.tell(cluster, event) }
    local = await host.ownHandle()
    var effects: [HierarchyMachine.Effect] = []
    hierarchy = HierarchyMachine(
      local: local, group: ClusterID(.local, of: settings.place),
      mayLead: settings.profile.networkClass.membersLead, waitsForEntry: true, now: loop.now,
      effects: &effects)
    pending = effects
    relay.shell = self
  }

  /// Serves the protocols and enters the group of our place.
  package func start() async {
    await swim.start()
    await host.serve(servedProtocol())
    perform(pending)
    pending = []
    offer(settings.kinds)
  }

  /// Leaves all clusters; returns when the others had time to hear it.
  package func stop() async {
    guard !isStopped else { return }
    isStopped = true
    wakeTimer.cancel(on: loop)
    for id in searches.keys.sorted() { finish(id, with: []) }
    await swim.stop()
    await host.stopServing(ClusterProtocol.name)
    try? await loop.sleep(for: MembershipLimits.farewell)
    await swim.close()
    await streams.closeAll()
  }

  /// What we offer from now on.
  package func offer(_ kinds: [String]) {
    let names = kinds.map { Bytes($0.utf8) }
    var effects: [HierarchyMachine.Effect] = []
    hierarchy.offer(names, now: loop.now, directory: directory, effects: &effects)
    perform(effects)
  }

  // MARK: The machine

  var directory: HostDirectory { HostDirectory(shell: self, identity: identity) }
  private var identity: SigningKey { host.assumeIsolated { $0.identity } }

  func handle(_ event: ClusterEvent, in cluster: ClusterID) {
    var effects: [HierarchyMachine.Effect] = []
    hierarchy.handle(
      event, in: cluster, now: loop.now, directory: directory, effects: &effects)
    perform(effects)
  }

  private func tick() {
    var effects: [HierarchyMachine.Effect] = []
    hierarchy.tick(now: loop.now, directory: directory, effects: &effects)
    perform(effects)
  }

  private func perform(_ effects: [HierarchyMachine.Effect]) {
    for effect in effects {
      switch effect {
      case .enter(let cluster): swim.assumeIsolated { $0.enter(cluster) }
      case .exit(let cluster):
        anchored[cluster] = nil
        swim.assumeIsolated { $0.exit(cluster) }
      case .within(let cluster, .send(let message, let peer)):
        send(.within(cluster, message), to: peer)
      case .within(let cluster, .anchored(let digest, let proof)):
        anchored[cluster] = (digest, proof)
      case .within: break
      }
    }
    scheduleWake()
  }

  private func scheduleWake() {
    guard !isStopped, let moment = hierarchy.nextWake(after: loop.now) else { return }
    wakeTimer.advance(to: moment, on: loop) { [weak self] in
      self?.assumeIsolated {
        $0.wakeTimer.rang()
        $0.tick()
      }
    }
  }

  /// What failure detection sees.
  func observed(_ cluster: ClusterID, _ event: GroupEvent) {
    guard !isStopped else { return }
    switch event {
    case .entered(let alone):
      if cluster.level == .local { refusal = nil }
      handle(.entered(alone: alone), in: cluster)
    case .appeared(let peer): handle(.present(peer), in: cluster)
    case .vanished(let peer, _): handle(.absent(peer), in: cluster)
    case .refused(let reason): if cluster.level == .local { refusal = reason }
    }
  }

  // MARK: Frames

  func send(_ frame: ClusterFrame, to peer: PeerHandle) {
    let bytes = frame.encoded()
    guard bytes.count <= ClusterLimits.frameBytesMax else { return }
    streams.assumeIsolated { $0.send(bytes, to: peer) }
  }

  private func servedProtocol() -> StreamProtocol {
    StreamProtocol(
      ClusterProtocol.name,
      limits: StreamLimits(inboundPerPeerMax: 2, inboundMax: MembershipLimits.streamsMax)
    ) { [weak self] stream in
      while let bytes = try await stream.readMessage(limit: ClusterLimits.frameBytesMax) {
        guard let self else { return }
        try await self.received(bytes, from: stream.peer)
      }
    }
  }

  /// Hears a frame; throws, which resets the stream, when it is none.
  private func received(_ bytes: Bytes, from sender: PeerID) async throws {
    guard
      frames.allows(sender, max: MembershipLimits.framesPerSecondMax, now: loop.now)
    else { return }
    switch try ClusterFrame.decode(bytes) {
    case .within(let cluster, let message):
      take(message, from: sender, in: cluster)
    case .find(let query, let kind, let invitation):
      guard finds.allows(sender, max: MembershipLimits.findsPerSecondMax, now: loop.now),
        await swim.admits(sender, with: invitation)
      else { return }
      answer(query, kind, to: sender)
    case .found(let query, let members, let leaders):
      found(query, members: members, leaders: leaders, from: sender)
    }
  }

}

extension ClusterShell {
  /// What a member says; who is none is not heard by the machine.
  private func take(_ message: ClusterMessage, from sender: PeerID, in cluster: ClusterID) {
    guard let handle = host.assumeIsolated({ $0.book.handle(of: sender) }) else { return }
    self.handle(.received(message, from: handle), in: cluster)
  }
}

/// Hands what happens in groups on to the shell of clusters; on the loop only.
private final class GroupEventRelay: Sendable {
  // Set once, before anything can happen, and read on the loop.
  nonisolated(unsafe) weak var shell: ClusterShell?

  func tell(_ cluster: ClusterID, _ event: GroupEvent) {
    shell?.assumeIsolated { $0.observed(cluster, event) }
  }
}

/// What the machines of clusters ask of the host; used on the loop only.
struct HostDirectory: ClusterDirectory {
  let shell: ClusterShell
  let identity: SigningKey

  func stake(of peer: PeerHandle) -> UInt64 {
    id(of: peer).map { peer in shell.assumeIsolated { $0.settings.stake(peer) } } ?? 0
  }

  func ringPoint(of peer: PeerHandle) -> UInt64 {
    shell.host.assumeIsolated { $0.book.key(of: peer).words.0 }
  }

  func publicKey(of peer: PeerHandle) -> PublicKey? { id(of: peer)?.publicKey }

  func coordinate(of peer: PeerHandle) -> NetworkCoordinate {
    shell.swim.assumeIsolated { $0.coordinate(of: peer) }
  }

  var signingKey: SigningKey { identity }
  var unixSeconds: UInt64 { WallClock.milliseconds() / 1_000 }

  private func id(of peer: PeerHandle) -> PeerID? {
    shell.host.assumeIsolated { $0.book.peer(of: peer) }
  }
}
