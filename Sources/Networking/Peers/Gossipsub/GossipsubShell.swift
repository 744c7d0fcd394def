package import Cryptography
package import Peering
package import Primitives

/// Judges a message of a topic; runs on the loop, so it is quick.
package typealias GossipValidator = @Sendable (GossipsubWireMessage, PeerID?) -> GossipVerdict

/// Names up to as many peers that may listen to a topic and are not connected.
package typealias GossipPeerSource = @Sendable (_ topic: String, _ wanted: Int) async -> [PeerID]

/// Runs a gossipsub router on a host: a stream to each peer that speaks it, and one from each.
/// Lives on the host's loop.
package actor GossipsubShell {
  /// Bytes that may wait for one slow peer; what comes beyond is not sent to it.
  static let queueBytesMax = 4 * 1_024 * 1_024
  /// Streams to one peer that are tried; one that resets each is not spoken to any more until it
  /// connects again.
  static let attemptsMax = 3

  struct Outgoing {
    let peer: PeerID
    var queue: [Bytes] = []
    var queuedBytes = 0
    var writer: UnsafeContinuation<Void, Never>?
    /// Bytes that were not sent because the peer, or all peers, took too little.
    var droppedBytes = 0
    /// How often each right was refused since the peer came.
    var refusals: [GossipRefusal: Int] = [:]
  }

  /// A message whose verdict is due.
  struct Check: Sendable {
    let id: GossipMessageID
    let message: GossipsubWireMessage
    let peer: PeerHandle
    let asksApplication: Bool
  }

  /// Everything of the shell runs here.
  package nonisolated let loop: EventLoop
  nonisolated package var unownedExecutor: UnownedSerialExecutor {
    loop.asUnownedSerialExecutor()
  }

  nonisolated let host: PeerHost
  private(set) var session: GossipsubSession
  private var random: SplitMix64
  private var wakeTimer = WakeTimer()
  var peers: [PeerHandle: Outgoing] = [:]
  let signatures: ComputePool
  /// Messages whose signatures are to be checked, the oldest first.
  var checks: [Check] = []
  var isChecking = false
  var source: GossipPeerSource?
  private let validate: GossipValidator
  private let deliver: @Sendable (GossipsubWireMessage, PeerID?) -> Void

  /// A router; `deliver` is told of each valid message of a joined topic and of who passed it on.
  /// Signatures are checked on `signatures`.
  package init(
    host: PeerHost, configuration: GossipsubConfiguration,
    signatures: ComputePool = GossipsubShell.signaturePool,
    validate: @escaping GossipValidator = { _, _ in .accept },
    deliver: @escaping @Sendable (GossipsubWireMessage, PeerID?) -> Void
  ) async {
    loop = host.loop
    self.host = host
    self.signatures = signatures
    self.validate = validate
    self.deliver = deliver
    var random = SplitMix64(seed: SystemRandom.bytes(8).reduce(0) { $0 << 8 | UInt64($1) })
    session = GossipsubSession(
      configuration: configuration, identity: host.identity,
      firstSequence: WallClock.milliseconds() * 1_000_000, now: loop.now, random: &random)
    self.random = random
  }

  /// Serves the protocol and speaks to peers that do.
  package func start() async {
    for version in GossipsubVersion.allCases.reversed() {
      await host.serve(servedProtocol(version))
    }
    await host.observe { [weak self] event in
      self?.assumeIsolated { $0.observed(event) }
    }
    await host.explain("gossip") { [weak self] handle in
      self?.assumeIsolated { $0.explanation(of: handle) }
    }
    for handle in await host.connectedHandles() { observed(.identified(handle)) }
    handle(.tick)
  }

  /// Listens to a topic.
  package func join(_ topic: String, kind: UInt8 = 0) { handle(.join(topic, kind: kind)) }

  /// Listens no more.
  package func leave(_ topic: String) { handle(.leave(topic)) }

  /// Says something on a topic.
  package func publish(_ data: Bytes, on topic: String) { handle(.publish(topic, data: data)) }

  /// How many connected peers listen to a topic.
  package func listeners(of topic: String) -> Int { session.subscribers(of: topic).count }

  // MARK: The machine

  func handle(_ event: GossipsubSessionEvent) {
    for effect in effects(of: event) { perform(effect) }
    scheduleWake()
  }

  /// A function of its own, so that the book's copy is gone before anything changes the book.
  private func effects(of event: GossipsubSessionEvent) -> [GossipsubSessionEffect] {
    var effects: [GossipsubSessionEffect] = []
    let book = host.assumeIsolated { $0.book }
    session.handle(event, now: loop.now, random: &random, directory: book, effects: &effects)
    return effects
  }

  private func perform(_ effect: GossipsubSessionEffect) {
    switch effect {
    case .send(let peer, let bytes): enqueue(bytes, to: peer)
    case .validate(let id, let message, let peer, let checkSignature, let asksApplication):
      let check = Check(id: id, message: message, peer: peer, asksApplication: asksApplication)
      if checkSignature { enqueue(check) } else { answer(check, isGenuine: true) }
    case .deliver(let message, let peer): deliver(message, self.peer(peer))
    case .dial(let infos, _): for info in infos { dial(info) }
    case .connect(let peer): if let id = self.peer(peer) { connect(to: id) }
    case .wantsPeers(let topic, let missing): meetMore(missing, listeningTo: topic)
    case .malformed(let peer, _):
      if let id = self.peer(peer) {
        host.assumeIsolated { $0.connection(with: id) }?.assumeIsolated { $0.close() }
      }
    case .refused(let peer, let refusal): if let peer { count(refusal, of: peer) }
    }
  }

  /// Ends a validation.
  func answer(_ check: Check, isGenuine: Bool) {
    let verdict: GossipVerdict =
      !isGenuine
      ? .forged : check.asksApplication ? validate(check.message, peer(check.peer)) : .accept
    handle(.validated(check.id, verdict, of: check.message))
  }

  /// Keeps how often a peer was refused something; the first time of each kind is a decision that
  /// can be asked for.
  private func count(_ refusal: GossipRefusal, of handle: PeerHandle) {
    guard let known = peers[handle] else { return }
    peers[handle]?.refusals[refusal, default: 0] += 1
    guard known.refusals[refusal] == nil else { return }
    host.assumeIsolated { $0.note(.refusedGossip(refusal), peer: known.peer) }
  }

  private func scheduleWake() {
    wakeTimer.advance(to: session.nextWake, on: loop) { [weak self] in
      self?.assumeIsolated {
        $0.wakeTimer.rang()
        $0.handle(.tick)
      }
    }
  }

  private func peer(_ handle: PeerHandle) -> PeerID? {
    host.assumeIsolated { $0.book.peer(of: handle) }
  }

  // MARK: Peers

  private func observed(_ event: PeerEvent) {
    switch event {
    case .connected: break
    case .identified(let handle):
      guard let record = host.assumeIsolated({ $0.book.record(of: handle) }),
        let name = GossipsubVersion.protocolIDs.first(where: record.protocols.contains),
        let version = GossipsubVersion(protocolID: name)
      else { return }
      meet(handle, record.peer, version)
    case .disconnected(let handle):
      guard forget(handle) else { return }
      self.handle(.disconnected(handle))
    }
  }

  /// A peer speaks the protocol: identify said so, or it opened a stream. What it says may come
  /// before our own stream to it is open, so the router knows it from now on.
  private func meet(_ handle: PeerHandle, _ peer: PeerID, _ version: GossipsubVersion) {
    guard peers[handle] == nil,
      let connection = host.assumeIsolated({ $0.connection(with: peer) })
    else { return }
    peers[handle] = Outgoing(peer: peer)
    let weDialled = connection.isOutgoing
    let began = host.assumeIsolated { host in
      host.begin { await self.speak(to: handle, peer, version, weDialled: weDialled) }
    }
    guard began else {
      _ = forget(handle)
      return
    }
    self.handle(.connected(handle, peer, weDialled: weDialled, version: version))
  }

  /// A peer that a PRUNE named, believed when it signed its own record.
  private func dial(_ info: GossipsubRPC.PeerInfo) {
    guard let envelope = info.signedRecord,
      let record = try? SignedPeerRecord(decoding: envelope), record.peer.bytes == info.peerID
    else { return }
    host.assumeIsolated { host in
      let handle = host.book.intern(record.peer, now: loop.now)
      _ = host.book.learn(
        envelope: envelope, sequence: record.sequence, addresses: record.addresses, of: handle,
        now: loop.now)
    }
    connect(to: record.peer)
  }

  func connect(to peer: PeerID) {
    _ = host.assumeIsolated { host in host.begin { _ = try? await host.connect(to: peer) } }
  }

  // MARK: Listening

  private func servedProtocol(_ version: GossipsubVersion) -> StreamProtocol {
    StreamProtocol(
      version.protocolID, limits: StreamLimits(inboundPerPeerMax: 2, inboundMax: 1_024)
    ) { [weak self] stream in
      while let bytes = try await stream.readMessage(
        limit: GossipsubLimits.rpcBytesMax, restWithin: stream.connection.timeouts.message)
      {
        guard let self else { return }
        await self.received(bytes, from: stream.peer, version)
      }
    }
  }

  private func received(_ bytes: Bytes, from peer: PeerID, _ version: GossipsubVersion) {
    let handle = host.assumeIsolated { $0.book.intern(peer, now: loop.now) }
    meet(handle, peer, version)
    self.handle(.received(bytes, from: handle))
  }
}

extension PeerBook: GossipPeerRecords {
  /// The envelope of the peer's signed record.
  package func signedRecord(of peer: PeerHandle) -> Bytes? {
    guard let envelope = record(of: peer)?.recordEnvelope, !envelope.isEmpty else { return nil }
    return envelope
  }
}
