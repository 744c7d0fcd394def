package import Cryptography
package import Peering
import Primitives

/// A node of the peer network: listens, dials, and answers calls. Lives on the loop.
///
/// `run()` serves everything the host does; without it nothing moves.
package actor PeerHost {
  /// The loop everything of the host runs on.
  package nonisolated let loop: EventLoop
  /// Who we are.
  package nonisolated let peerID: PeerID
  nonisolated package var unownedExecutor: UnownedSerialExecutor {
    loop.asUnownedSerialExecutor()
  }

  private let identity: SigningKey
  private let staticKey: NoiseKeyPair
  private let services: PeerServices
  private let onConnection: @Sendable (PeerConnection) async -> Void
  private let nursery: LoopNursery
  private var listeners: [SocketListener] = []
  private var listenAddresses: [Multiaddr] = []
  private var connections: [ObjectIdentifier: PeerConnection] = [:]
  private var isStopped = false

  /// A host. `onConnection` is told of each connection that others open, once its peer is proven.
  package init(
    loop: EventLoop, identity: SigningKey, timeouts: PeerTimeouts = PeerTimeouts(),
    handler: @escaping RPCHandler,
    onConnection: @escaping @Sendable (PeerConnection) async -> Void = { _ in }
  ) {
    self.loop = loop
    self.identity = identity
    self.onConnection = onConnection
    peerID = identity.publicKey.peerID
    staticKey = NoiseKeyPair(privateKey: SystemRandom.bytes(X25519.byteCount))
    services = PeerServices(handler: handler, timeouts: timeouts)
    nursery = LoopNursery(loop: loop, tasksMax: PeerLimits.tasksMax)
  }

  /// Serves the host until `stop()` or cancellation.
  package func run() async {
    await loop.perform { [nursery] in await nursery.run() }
    shutDown()
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

  /// The connections whose peer is proven.
  package var openConnections: [PeerConnection] {
    connections.values.filter { $0.assumeIsolated { $0.provenPeer != nil } }
  }

  // MARK: Listening

  /// Listens on an IP address and TCP port; returns the real address with our identity.
  package func listen(on address: Multiaddr) throws(PeerError) -> Multiaddr {
    guard !isStopped else { throw .closed }
    let target = try Self.socketAddress(of: address)
    let listener: SocketListener
    do throws(SocketError) {
      listener = try SocketListener(at: target, on: loop)
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
    return real.naming(peerID)
  }

  private func accept(from listener: SocketListener) async {
    while !isStopped {
      guard let number = try? await listener.accept() else { break }
      let socket = Socket(number, on: loop)
      guard connections.count < PeerLimits.connectionsMax,
        nursery.begin({ await self.welcome(socket) })
      else {
        socket.close()
        continue
      }
    }
    listener.close()
  }

  private func welcome(_ socket: Socket) async {
    let connection = connect(socket, role: .responder, expecting: nil)
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

  // MARK: Dialling

  /// Connects to an address that ends in `/p2p/ID`; throws
  /// `PeerError.peering(.wrongPeer(expected:actual:))` when somebody else answers.
  package func dial(_ address: Multiaddr) async throws(PeerError) -> PeerConnection {
    guard !isStopped else { throw .closed }
    guard let peer = address.peer else { throw .addressNotUsable(address) }
    guard connections.count < PeerLimits.connectionsMax else {
      throw .overloaded(limit: PeerLimits.connectionsMax)
    }
    let target = try Self.socketAddress(of: address)
    let socket: Socket
    do throws(SocketError) {
      let timeout = services.timeouts.handshake
      socket = try await loop.perform { [loop] () async throws(SocketError) in
        try await Socket.connect(to: target, on: loop, within: timeout)
      }
    } catch {
      throw .socket(error)
    }
    let connection = connect(socket, role: .initiator, expecting: peer)
    let began = nursery.begin {
      await connection.run()
      await self.forget(connection)
    }
    guard began else {
      socket.close()
      forget(connection)
      throw .overloaded(limit: PeerLimits.tasksMax)
    }
    try await connection.established()
    return connection
  }

  private func forget(_ connection: PeerConnection) {
    connections[ObjectIdentifier(connection)] = nil
  }

  private func connect(
    _ socket: Socket, role: NoiseRole, expecting peer: PeerID?
  ) -> PeerConnection {
    let machine = ConnectionMachine(
      role: role, identity: identity, staticKey: staticKey,
      ephemeralKey: NoiseKeyPair(privateKey: SystemRandom.bytes(X25519.byteCount)),
      expectedPeer: peer, protocols: PeerServices.protocols, identify: identify())
    let connection = PeerConnection(
      machine: machine, socket: socket, isOutgoing: role == .initiator, nursery: nursery,
      services: services)
    connections[ObjectIdentifier(connection)] = connection
    return connection
  }

  private func identify() -> IdentifyMessage {
    var message = IdentifyMessage()
    message.publicKey = identity.publicKey.protobuf
    message.listenAddresses = listenAddresses.map(\.bytes)
    message.protocols =
      [PingProtocol.protocolID, IdentifyMessage.protocolID] + PeerServices.protocols
    message.protocolVersion = "martlet/1.0.0"
    message.agentVersion = "martlet"
    return message
  }

  private static func socketAddress(of address: Multiaddr) throws(PeerError) -> SocketAddress {
    let steps = address.withoutPeer.components
    guard steps.count == 2, case .tcp(let port) = steps[1] else {
      throw .addressNotUsable(address)
    }
    switch steps[0] {
    case .ip4, .ip6:
      let host = address.description.split(separator: "/")[1]
      return .tcp(host: String(host), port: port)
    case .dns4, .tcp, .peer:
      throw .addressNotUsable(address)
    }
  }
}
