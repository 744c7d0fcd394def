package import Cryptography
package import Peering
import Primitives

/// A node of the peer network: listens, dials, and serves protocols of streams. Lives on the loop.
///
/// `run()` serves everything the host does; without it nothing moves.
package actor PeerHost {
  /// The loop everything of the host runs on.
  package nonisolated let loop: EventLoop
  /// Who we are.
  package nonisolated let peerID: PeerID
  /// How it behaves.
  package nonisolated let settings: PeerHostSettings
  nonisolated package var unownedExecutor: UnownedSerialExecutor {
    loop.asUnownedSerialExecutor()
  }

  /// The peers we know.
  package var book: PeerBook
  /// Whom we talk to at all; connections that are open stay.
  package var filter: PeerFilter
  /// What is held of what may be held.
  package internal(set) var budget: ResourceBudget
  /// Bytes that went over connections and streams.
  package internal(set) var traffic = TrafficMeter()

  nonisolated let nursery: LoopNursery
  /// Where all connections' sockets are read; what is in it is handled before the next read.
  nonisolated let readBuffer = ReadBuffer(byteCount: PeerLimits.readBytesMax)
  let identity: SigningKey
  let staticKey: NoiseKeyPair
  private let onConnection: @Sendable (PeerConnection) async -> Void
  var decisions = DecisionLog()
  var served: [StreamProtocol] = []
  var observers: [@Sendable (PeerEvent) -> Void] = []
  /// What protocols add to the report on a peer.
  var explainers: [(name: String, explain: PeerExplanation)] = []
  var listeners: [SocketListener] = []
  var listenAddresses: [Multiaddr] = []
  var connections: [ObjectIdentifier: PeerConnection] = [:]
  /// Proven connections of a peer, the oldest first.
  var connectionsByPeer: [PeerID: [PeerConnection]] = [:]
  var dialWaiters: [PeerID: [UInt64: UnsafeContinuation<DialResult, Never>]] = [:]
  var lastDialWaiter: UInt64 = 0
  /// What peers say about our own addresses.
  var observed = ObservedAddresses()
  /// Keep the traffic below a rate, where the settings name one.
  var pacers: TrafficPacers?
  /// How addresses through relays are dialled; without it they are not.
  var circuitDialer: CircuitDialer?
  /// Our own addresses through relays.
  var circuitAddresses: [Multiaddr] = []
  var lastRecordSequence: UInt64 = 0
  /// What `ownIdentify` made, until something changes.
  var ownMessage: IdentifyMessage?
  var pushIsScheduled = false
  var isStopped = false

  /// A host that serves `protocols`. `onConnection` is told of each connection that others open,
  /// once its peer is proven.
  package init(
    loop: EventLoop, identity: SigningKey, settings: PeerHostSettings,
    protocols: [StreamProtocol],
    onConnection: @escaping @Sendable (PeerConnection) async -> Void = { _ in }
  ) {
    self.loop = loop
    self.identity = identity
    self.onConnection = onConnection
    self.settings = settings
    peerID = identity.publicKey.peerID
    staticKey = NoiseKeyPair(privateKey: SystemRandom.bytes(X25519.byteCount))
    book = PeerBook(peersMax: settings.bookPeersMax)
    filter = settings.filter
    budget = ResourceBudget(limits: settings.limits)
    nursery = LoopNursery(loop: loop, tasksMax: PeerLimits.tasksMax)
    pacers = settings.bandwidthMax.map { TrafficPacers(rate: $0, now: loop.now) }
    served = protocols
    if settings.identifiesPeers { served.append(.identifyPush) }
  }

  /// A host that answers calls and nothing else.
  package init(
    loop: EventLoop, identity: SigningKey, timeouts: PeerTimeouts = PeerTimeouts(),
    handler: @escaping RPCHandler,
    onConnection: @escaping @Sendable (PeerConnection) async -> Void = { _ in }
  ) {
    var settings = PeerHostSettings()
    settings.timeouts = timeouts
    settings.identifiesPeers = false
    self.init(
      loop: loop, identity: identity, settings: settings, protocols: [.rpc(handler)],
      onConnection: onConnection)
  }

  /// Serves the host until `stop()` or cancellation.
  package func run() async {
    await loop.perform { [nursery] in await nursery.run() }
    shutDown()
    // What serves peers holds the host, and is held by it.
    served = []
    observers = []
    explainers = []
    circuitDialer = nil
  }

  /// Closes all listeners and connections and ends `run()`.
  package func stop() {
    shutDown()
    nursery.stop()
  }

  private func shutDown() {
    isStopped = true
    for listener in listeners { listener.close() }
    for connection in connections.values { connection.assumeIsolated { $0.close() } }
  }

  /// The connections whose peer is proven, the oldest first for each peer.
  package var openConnections: [PeerConnection] { connectionsByPeer.values.flatMap { $0 } }

  /// Begins a task that ends with the host; false when the host is stopped or has too many.
  package func begin(_ body: @escaping @Sendable () async -> Void) -> Bool {
    nursery.begin(body)
  }

  /// Tells `observer` of peers from now on.
  package func observe(_ observer: @escaping @Sendable (PeerEvent) -> Void) {
    observers.append(observer)
  }

  /// Asks `explanation` for the part `name` of each report on a peer from now on.
  package func explain(_ name: String, by explanation: @escaping PeerExplanation) {
    explainers.removeAll { $0.name == name }
    explainers.append((name, explanation))
  }

  func tell(_ event: PeerEvent) {
    for observer in observers { observer(event) }
  }

  func note(_ what: HostDecision.What, peer: PeerID?, address: Multiaddr? = nil) {
    decisions.append(HostDecision(time: loop.now, peer: peer, address: address, what: what))
  }

  /// What was lately decided about a peer, the oldest first.
  package func decisions(about peer: PeerID) -> [HostDecision] {
    decisions.all.filter { $0.peer == peer }
  }

  // MARK: Listening

  /// Listens on an IP address and TCP port; returns the real address with our identity.
  package func listen(on address: Multiaddr) throws(PeerError) -> Multiaddr {
    guard !isStopped else { throw .closed }
    let target = try Self.listenTarget(of: address)
    let listener: SocketListener
    do throws(SocketError) {
      listener = try SocketListener(
        at: target, on: loop, sharesPort: settings.dialsFromListenPort)
    } catch {
      throw .socket(error)
    }
    guard nursery.begin({ await self.accept(from: listener) }) else {
      listener.close()
      throw .overloaded(limit: PeerLimits.tasksMax)
    }
    listeners.append(listener)
    guard case .tcp(_, let port) = listener.address else { throw .addressNotUsable(address) }
    let real = Multiaddr(
      address.withoutPeer.components.map { if case .tcp = $0 { .tcp(port) } else { $0 } })
    listenAddresses.append(real)
    selfChanged()
    return real.naming(peerID)
  }

  private static func listenTarget(of address: Multiaddr) throws(PeerError) -> SocketAddress {
    let steps = address.withoutPeer.components
    guard steps.count == 2, case .tcp(let port) = steps[1], address.ipBytes != nil else {
      throw .addressNotUsable(address)
    }
    let host = address.description.split(separator: "/")[1]
    return .tcp(host: String(host), port: port)
  }

  private func accept(from listener: SocketListener) async {
    while !isStopped {
      guard let number = try? await listener.accept() else { break }
      let socket = Socket(number, on: loop)
      guard let connection = admit(socket) else {
        socket.close()
        continue
      }
      guard nursery.begin({ await self.welcome(connection) }) else {
        socket.close()
        forget(connection)
        continue
      }
    }
    listener.close()
  }

  /// Counts an accepted socket as a connection, unless a list or a limit says no.
  private func admit(_ socket: Socket) -> PeerConnection? {
    let address = socket.remoteAddress.multiaddr
    if let refusal = address.flatMap({ filter.refusal(of: $0) }) {
      note(.refusedConnection(.filtered(refusal)), peer: nil, address: address)
      return nil
    }
    makeRoom()
    do throws(PeerError) {
      return try connection(over: socket, role: .responder, expecting: nil)
    } catch {
      note(.refusedConnection(error), peer: nil, address: address)
      return nil
    }
  }

  private func welcome(_ connection: PeerConnection) async {
    await withDiscardingTaskGroup { group in
      group.addTask(executorPreference: loop.taskExecutor) {
        do { try await connection.established() } catch { return }
        await self.onConnection(connection)
      }
      await connection.run()
      group.cancelAll()
    }
    forget(connection)
  }
}
