package import Cryptography
package import Peering
import Primitives

/// Says what stands behind a peer's identity, from chain state or the id itself.
package typealias KademliaAdmissionCheck = @Sendable (PeerID) -> KademliaAdmission

/// Runs one Kademlia network on a host: carries the machine's requests over streams, and answers
/// those of peers. Lives on the host's loop.
package actor KademliaShell {
  /// Everything of the shell runs here.
  package nonisolated let loop: EventLoop
  nonisolated package var unownedExecutor: UnownedSerialExecutor {
    loop.asUnownedSerialExecutor()
  }
  /// The network's name on the wire.
  package nonisolated let protocolID: String

  nonisolated let host: PeerHost
  let admission: KademliaAdmissionCheck
  var machine: KademliaMachine
  private var random: SplitMix64
  private var wakeTimer = WakeTimer()
  /// Streams of requests under way, so that one nobody waits for can be given up.
  private var requests: [UInt32: PeerStream?] = [:]
  var replies: [UInt32: Result<KademliaResponse, KademliaRefusal>] = [:]
  var nextServed: UInt32 = 0
  private var nextOperation: UInt32 = 0
  private var operations: [UInt32: UnsafeContinuation<KademliaOutcome, Never>] = [:]
  /// The peers that operations look for: each ends when an address of its peer is known.
  private var sought: [UInt32: PeerHandle] = [:]
  /// Who waits for the first peer of the table.
  var peerWaiters: [UInt32: UnsafeContinuation<Void, Never>] = [:]
  var nextWaiter: UInt32 = 0

  /// A node of the network that `protocolID` names; `start` makes it one.
  package init(
    host: PeerHost, protocolID: String, settings: KademliaSettings,
    admission: @escaping KademliaAdmissionCheck = { _ in .none }
  ) async {
    loop = host.loop
    self.host = host
    self.protocolID = protocolID
    self.admission = admission
    random = SplitMix64(seed: SystemRandom.bytes(8).reduce(0) { $0 << 8 | UInt64($1) })
    let local = await host.ownHandle()
    machine = KademliaMachine(
      local: local, key: KademliaKey(host.peerID.bytes), settings: settings)
  }

  /// Serves the network, where the settings say so, and takes in peers that speak it. `anchors` are
  /// peers of an earlier run, to begin with.
  package func start(anchors: [PeerHandle] = []) async {
    if machine.settings.serves { await host.serve(servedProtocol()) }
    await host.observe { [weak self] event in
      self?.assumeIsolated { $0.observed(event) }
    }
    for handle in await host.connectedHandles() { learn(of: handle) }
    handle(.begin(anchors: anchors))
  }

  /// Connects to peers and finds its own place in the network.
  package func bootstrap(from addresses: [Multiaddr]) async throws(PeerError) -> KademliaOutcome {
    var lastError: PeerError?
    var reached = 0
    for address in addresses {
      guard let peer = address.peer else { continue }
      do throws(PeerError) {
        let connection = try await host.connect(to: peer, at: [address])
        await connection.waitUntilIdentified()
        reached += 1
      } catch {
        lastError = error
      }
    }
    if reached == 0, let lastError { throw lastError }
    return await run(.bootstrap)
  }

  /// Does something in the network; ends early, with what it has, when the task is cancelled, or
  /// when it has found an address of the peer that is `sought`.
  package func run(
    _ operation: KademliaOperation, seeking peer: PeerHandle? = nil
  ) async -> KademliaOutcome {
    let id = nextOperation
    nextOperation &+= 1
    sought[id] = peer
    defer { sought[id] = nil }
    return await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        operations[id] = continuation
        handle(.start(operation, id: id))
        if Task.isCancelled { cancel(id) }
      }
    } onCancel: {
      loop.execute { self.assumeIsolated { $0.cancel(id) } }
    }
  }

  private func cancel(_ id: UInt32, ending: KademliaOutcome.Ending = .exhausted) {
    guard let continuation = operations.removeValue(forKey: id) else { return }
    handle(.cancel(id: id))
    continuation.resume(returning: KademliaOutcome(ending: ending))
  }

  /// An answer has come: the operations that it satisfies need no other.
  private func endSatisfied() {
    guard !sought.isEmpty else { return }
    for (id, peer) in sought where hasAddress(of: peer) { cancel(id, ending: .complete) }
  }

  /// A key is no longer provided by this node.
  package func stopProviding(_ key: KademliaKey) { handle(.stopProviding(key.point)) }

  /// The host's book as it stands, to look results up in.
  package func bookOfHost() async -> PeerBook { await host.book }

  /// Provider records kept here for others.
  package var storedProviders: Int { machine.providerStore.count }

  /// Values kept here for others.
  package var storedValues: Int { machine.valueStore.count }

  // MARK: The machine

  func handle(_ event: KademliaEvent) {
    for effect in effects(of: event) { perform(effect) }
  }

  /// A function of its own, so that the book's copy is gone before anything changes the book.
  private func effects(of event: KademliaEvent) -> [KademliaEffect] {
    var effects: [KademliaEffect] = []
    let book = host.assumeIsolated { $0.book }
    machine.handle(event, now: loop.now, random: &random, directory: book, effects: &effects)
    return effects
  }

  private func perform(_ effect: KademliaEffect) {
    switch effect {
    case .send(let request, let peer, let call): send(request, to: peer, call: call)
    case .abandon(let call): abandon(call)
    case .reply(let response, _, let call): replies[call] = .success(response)
    case .refuse(let refusal, let peer, let call):
      replies[call] = .failure(refusal)
      host.assumeIsolated { $0.note(.refusedKademlia(refusal), peer: $0.book.peer(of: peer)) }
    case .found: break
    case .finished(let outcome, let id):
      operations.removeValue(forKey: id)?.resume(returning: outcome)
    case .inserted(let peer):
      host.assumeIsolated { $0.book.tag(peer, Self.tableTag) }
      wakePeerWaiters()
    case .removed(let peer): host.assumeIsolated { $0.book.untag(peer, Self.tableTag) }
    // Whoever keeps them asks for them when it has something new to keep.
    case .anchors: break
    case .wake(let moment): wake(at: moment)
    }
  }

  private static let tableTag = "kad"

  private func wake(at moment: Tick) {
    wakeTimer.set(at: moment, on: loop) { [weak self] in
      self?.assumeIsolated { $0.handle(.tick) }
    }
  }

  // MARK: Peers

  private func observed(_ event: PeerEvent) {
    if case .identified(let peer) = event { learn(of: peer) }
  }

  private func learn(of peer: PeerHandle) {
    guard let record = host.assumeIsolated({ $0.book.record(of: peer) }) else { return }
    if record.protocols.contains(protocolID) {
      handle(.identified(peer, admission: admission(record.peer)))
    } else if !record.protocols.isEmpty {
      handle(.withdrawn(peer))
    }
  }

  private func admission(of peer: PeerHandle) -> KademliaAdmission {
    host.assumeIsolated { $0.book.peer(of: peer) }.map(admission) ?? .none
  }

  // MARK: Asking

  private func send(_ request: KademliaRequest, to peer: PeerHandle, call: UInt32) {
    requests[call] = .some(nil)
    let began = host.assumeIsolated { host in
      host.begin { await self.carry(request, to: peer, call: call) }
    }
    guard !began else { return }
    requests[call] = nil
    loop.execute { self.assumeIsolated { $0.handle(.failed(call: call)) } }
  }

  private func carry(_ request: KademliaRequest, to peer: PeerHandle, call: UInt32) async {
    do {
      let response = try await exchange(request, with: peer, call: call)
      guard requests.removeValue(forKey: call) != nil else { return }
      handle(.response(response, call: call, admission: admission(of: peer)))
      endSatisfied()
    } catch {
      guard requests.removeValue(forKey: call) != nil else { return }
      handle(.failed(call: call))
    }
  }

  private func exchange(
    _ request: KademliaRequest, with peer: PeerHandle, call: UInt32
  ) async throws -> KademliaResponse {
    guard let id = await host.book.peer(of: peer) else { throw PeerError.closed }
    let connection = try await host.connect(to: id)
    guard requests[call] != nil else { throw PeerError.cancelled }
    let stream = try await connection.openStream([protocolID])
    requests[call]? = stream
    do {
      let message = KademliaMessage(request, peer: describe)
      try await stream.writeMessage(message.encoded())
      var response = KademliaResponse()
      if request.hasAnswer {
        let bytes = try await stream.readMessage(
          limit: KademliaLimits.messageBytesMax, within: KademliaLimits.requestTimeout)
        guard let bytes else { throw PeerError.streamEnded }
        response = try KademliaMessage(decoding: bytes).response(intern: intern)
      }
      await stream.leave()
      return response
    } catch {
      await stream.reset()
      throw error
    }
  }

  private func abandon(_ call: UInt32) {
    guard let entry = requests.removeValue(forKey: call), let stream = entry else { return }
    stream.connection.assumeIsolated { $0.fail(stream.number, .cancelled) }
  }

  // MARK: Names

  /// A peer as a message names it.
  func describe(_ peer: PeerHandle) -> KademliaMessage.Peer {
    let local = machine.local
    return host.assumeIsolated { host in
      if peer == local {
        let addresses = host.ownAddresses().map { $0.withoutOwner.bytes }
        return KademliaMessage.Peer(
          id: host.peerID, addresses: addresses, connection: .connected)
      }
      guard let record = host.book.record(of: peer) else {
        return KademliaMessage.Peer(id: host.peerID)
      }
      return KademliaMessage.Peer(
        id: record.peer,
        addresses: record.addresses.prefix(KademliaLimits.addressesOfPeerMax)
          .map { $0.address.bytes },
        connection: host.isConnected(record.peer) ? .connected : .notConnected)
    }
  }

  /// The handle of a peer that a message names; its addresses are hearsay.
  func intern(_ peer: KademliaMessage.Peer) -> PeerHandle? {
    host.assumeIsolated { host in
      let handle = host.book.intern(peer.id, now: loop.now)
      guard peer.id != host.peerID else { return handle }
      let addresses = peer.addresses.compactMap { try? Multiaddr(bytes: $0) }
      host.book.learn(addresses, of: handle, source: .hearsay, now: loop.now)
      return handle
    }
  }
}
