import Cryptography
package import Peering
import Primitives

/// Registers a host at rendezvous points and discovers others there. Lives on the loop.
package actor RendezvousClient {
  /// How often our own addresses are compared with those that were registered.
  private static let lookInterval: Duration = .seconds(10)

  /// Who registers and discovers.
  package nonisolated let host: PeerHost
  nonisolated package var unownedExecutor: UnownedSerialExecutor {
    host.loop.asUnownedSerialExecutor()
  }
  private let points: [PeerID: [Multiaddr]]
  private let observer: DiscoveryObserver
  private var machine: RendezvousClientMachine
  private var random = SplitMix64(
    seed: SystemRandom.bytes(8).reduce(0) { $0 << 8 | UInt64($1) })
  private var wakeTimer = WakeTimer()
  private var isRunning = false
  /// What the points know of us, and the record that says so.
  private var registered: [Multiaddr] = []
  var record: SignedPeerRecord?
  var lastSequence: UInt64 = 0
  /// Points that read only what has no signature.
  var unsignedPoints: Set<PeerID> = []

  /// A client of `points` (addresses with identity) in `namespaces`; `start` begins. What it finds
  /// goes into the host's book and to `observer`, on the loop.
  package init(
    host: PeerHost, points: [Multiaddr], namespaces: [String],
    settings: RendezvousClientSettings = RendezvousClientSettings(),
    observer: @escaping DiscoveryObserver = { _, _ in }
  ) {
    self.host = host
    self.observer = observer
    var order: [PeerID] = []
    var addresses: [PeerID: [Multiaddr]] = [:]
    for address in points {
      guard let peer = address.peer, peer != host.peerID else { continue }
      if addresses[peer] == nil { order.append(peer) }
      addresses[peer, default: []].append(address)
    }
    self.points = addresses
    machine = RendezvousClientMachine(
      peer: host.peerID, points: order, namespaces: namespaces, settings: settings)
  }

  /// Registers and discovers from now on, until `stop` or the end of the host.
  package func start() {
    guard !isRunning else { return }
    isRunning = true
    registered = host.assumeIsolated { $0.ownAddresses() }
    handle(.begin)
    lookLater()
  }

  /// Takes the registrations back and is silent from now on.
  package func stop() async {
    guard isRunning else { return }
    isRunning = false
    wakeTimer.cancel(on: host.loop)
    for effect in machine.handle(.stop, now: host.loop.now, random: &random) {
      guard case .unregister(let point, let namespace) = effect else { continue }
      // A point that cannot be told forgets us by itself.
      try? await unregister(namespace, at: point, points[point] ?? [])
    }
  }

  /// Registrations that stand.
  package var registrationCount: Int { machine.registrationCount }

  private func lookLater() {
    host.loop.schedule(after: Self.lookInterval) { [weak self] in
      self?.assumeIsolated { $0.look() }
    }
  }

  private func look() {
    guard isRunning, !host.assumeIsolated({ $0.isStopped }) else { return }
    let addresses = host.assumeIsolated { $0.ownAddresses() }
    if addresses != registered {
      registered = addresses
      handle(.addressesChanged)
    }
    lookLater()
  }

  // MARK: The machine

  private func handle(_ event: RendezvousClientEvent) {
    guard isRunning else { return }
    let loop = host.loop
    for effect in machine.handle(event, now: loop.now, random: &random) { perform(effect) }
    wakeTimer.set(at: machine.nextWake, on: loop) { [weak self] in
      self?.assumeIsolated { $0.handle(.tick) }
    }
  }

  private func perform(_ effect: RendezvousClientEffect) {
    switch effect {
    case .register(let point, let namespace, let lifetime):
      begin(.register(point: point, namespace: namespace)) { client in
        let granted = try await client.register(
          namespace, at: point, client.points[point] ?? [], for: lifetime)
        return .registered(point: point, namespace: namespace, for: granted)
      }
    case .discover(let point, let namespace, let cookie, let max):
      begin(.discover(point: point, namespace: namespace)) { client in
        let (page, count) = try await client.discover(
          namespace, at: point, client.points[point] ?? [], max: max, cookie: cookie)
        return .listed(point: point, namespace: namespace, page, count: count)
      }
    case .unregister: break
    case .found(let registration): keep(registration)
    }
  }

  private func begin(
    _ task: RendezvousTask,
    _ body: @escaping @Sendable (isolated RendezvousClient) async throws -> RendezvousClientEvent
  ) {
    let began = host.assumeIsolated { host in
      host.begin { await self.run(task, body) }
    }
    if !began { host.loop.execute { self.assumeIsolated { $0.handle(.failed(task, nil)) } } }
  }

  private func run(
    _ task: RendezvousTask,
    _ body: @Sendable (isolated RendezvousClient) async throws -> RendezvousClientEvent
  ) async {
    do {
      handle(try await body(self))
    } catch PeerError.rendezvousRefused(let status) {
      handle(.failed(task, status))
    } catch {
      handle(.failed(task, nil))
    }
  }

  /// Nothing is proven before a connection; what the peer signed is believed longer than what the
  /// point only says.
  private func keep(_ registration: RendezvousRegistration) {
    let isKept = host.assumeIsolated { host in
      guard host.filter.refusal(of: registration.peer) == nil else { return false }
      let now = host.loop.now
      let handle = host.book.intern(registration.peer, now: now)
      guard let record = registration.record else {
        host.book.learn(registration.addresses, of: handle, source: .hearsay, now: now)
        return true
      }
      let known = host.book.record(of: handle)
      if known?.recordSequence == record.sequence, known?.recordEnvelope == record.envelope {
        host.book.learn(record.addresses, of: handle, source: .signed, now: now)
        return true
      }
      return host.book.learn(
        envelope: record.envelope, sequence: record.sequence, addresses: record.addresses,
        of: handle, now: now)
    }
    if isKept { observer(registration.peer, registration.addresses) }
  }
}
