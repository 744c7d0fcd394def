package import Cryptography
package import Peering
import Primitives

extension PeerHost {
  /// Makes a connection over a connected socket and counts it.
  func connection(
    over socket: Socket, role: NoiseRole, expecting peer: PeerID?
  ) throws(PeerError) -> PeerConnection {
    let remote = socket.remoteAddress.multiaddr
    let direction: Peering.Direction = role == .initiator ? .outbound : .inbound
    let origin = origin(of: remote)
    do { try budget.begin(direction, address: origin.address, network: origin.network) } catch {
      throw .refusedByUs(error)
    }
    var message = ownIdentify()
    message.observedAddress = remote?.bytes ?? []
    let machine = ConnectionMachine(
      role: role, identity: identity, staticKey: staticKey,
      ephemeralKey: NoiseKeyPair(privateKey: SystemRandom.bytes(X25519.byteCount)),
      expectedPeer: peer, protocols: served.map(\.id), identify: message)
    let privacy = settings.privateNetwork.map {
      PrivateNetworkCipher(key: $0, nonce: SystemRandom.bytes(XSalsa20Stream.nonceByteCount))
    }
    let connection = PeerConnection(
      machine: machine, socket: socket, direction: direction, origin: origin, host: self,
      privacy: privacy)
    connections[ObjectIdentifier(connection)] = connection
    return connection
  }

  /// What the budget counts together with connections from an address.
  private func origin(of address: Multiaddr?) -> ConnectionOrigin {
    guard let address else { return ConnectionOrigin(address: 0, network: 0) }
    guard settings.limitsLoopback else {
      return ConnectionOrigin(
        address: AddressGroup.host(of: address), network: AddressGroup.diversity(of: address))
    }
    return ConnectionOrigin(
      address: AddressGroup.hostOfAny(address), network: AddressGroup.networkOfAny(address))
  }

  /// Carries a connection over a socket that somebody else made: one end of a relayed or punched
  /// path. Throws once it failed; it is served by the host from then on.
  package func adopt(
    _ socket: Socket, role: NoiseRole, expecting peer: PeerID?
  ) async throws(PeerError) -> PeerConnection {
    guard !isStopped else {
      socket.close()
      throw .closed
    }
    let connection: PeerConnection
    do throws(PeerError) {
      connection = try self.connection(over: socket, role: role, expecting: peer)
    } catch {
      socket.close()
      throw error
    }
    try serve(connection)
    try await connection.established()
    return connection
  }

  /// Moves a connection's bytes from now on.
  func serve(_ connection: PeerConnection) throws(PeerError) {
    let began = nursery.begin {
      await connection.run()
      await self.forget(connection)
    }
    guard began else {
      connection.assumeIsolated { $0.end(.overloaded(limit: PeerLimits.tasksMax)) }
      forget(connection)
      throw .overloaded(limit: PeerLimits.tasksMax)
    }
  }

  /// Counts a connection as its peer's; returns why it has to end instead.
  func proven(_ connection: PeerConnection, as peer: PeerID) -> PeerError? {
    let address = connection.remoteAddress.multiaddr
    do throws(PeerError) {
      if let refusal = filter.refusal(of: peer) { throw .filtered(refusal) }
      do { try budget.prove(peer) } catch { throw .refusedByUs(error) }
    } catch {
      note(.refusedConnection(error), peer: peer, address: address)
      return error
    }
    let handle = book.intern(peer, now: loop.now)
    if let address { book.met(handle, at: address) }
    book.learn(publicKey: connection.assumeIsolated { $0.machine.remoteKey } ?? [], of: handle)
    book.tag(handle, PeerTag.connected)
    connectionsByPeer[peer, default: []].append(connection)
    note(.connected(connection.direction), peer: peer, address: address)
    if connectionsByPeer[peer]?.count == 1 { tell(.connected(handle)) }
    return nil
  }

  /// Takes everything back that a connection held.
  func forget(_ connection: PeerConnection) {
    guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
    let (peer, reason) = connection.assumeIsolated { ended in
      ended.giveMemoryBack()
      return (ended.countedPeer, ended.closeReason ?? .closed)
    }
    let over = connection.assumeIsolated { $0.traffic }
    traffic.add(over)
    let origin = connection.origin
    budget.end(
      connection.direction, address: origin.address, network: origin.network, peer: peer)
    guard let peer else { return }
    note(.disconnected(reason), peer: peer, address: connection.remoteAddress.multiaddr)
    connectionsByPeer[peer]?.removeAll { $0 === connection }
    guard connectionsByPeer[peer]?.isEmpty == true else { return }
    connectionsByPeer[peer] = nil
    let handle = book.intern(peer, now: loop.now)
    book.untag(handle, PeerTag.connected)
    tell(.disconnected(handle))
  }

  /// The open connection with a peer that streams are opened on: a direct one rather than a relayed
  /// one, one we dialled rather than one it dialled, and the oldest of those.
  package func connection(with peer: PeerID) -> PeerConnection? {
    let open = (connectionsByPeer[peer] ?? []).filter { connection in
      connection.assumeIsolated { $0.closeReason == nil }
    }
    let direct = open.filter { !$0.isRelayed }
    let best = direct.isEmpty ? open : direct
    return best.first { $0.isOutgoing } ?? best.first
  }

  /// The handle of this node itself.
  package func ownHandle() -> PeerHandle {
    let handle = book.intern(peerID, now: loop.now)
    book.tag(handle, PeerTag.own)
    return handle
  }

  /// The connected peers, in the order in which they were first heard of.
  package func connectedHandles() -> [PeerHandle] { book.handles(tagged: PeerTag.connected) }

  /// The connected peers that speak one of these protocols.
  package func connectedPeers(speaking names: [String]) -> [PeerID] {
    connectedHandles().compactMap { book.record(of: $0) }.filter { record in
      names.contains { record.protocols.contains($0) }
    }.map(\.peer)
  }

  /// What is known of a peer.
  package func record(of peer: PeerID) -> PeerRecord? {
    book.handle(of: peer).flatMap { book.record(of: $0) }
  }

  /// Whether a peer is connected.
  package func isConnected(_ peer: PeerID) -> Bool { connection(with: peer) != nil }

  /// When no inbound slot is left, the inbound connection that has been without streams the
  /// longest gives its own up, unless its peer is marked; what we dialled is never touched.
  func makeRoom() {
    let inboundMax = settings.limits.connectionsMax - settings.limits.outboundReserved
    guard budget.inbound >= inboundMax else { return }
    var idlest: (connection: PeerConnection, idle: Duration)?
    for connection in connections.values where !connection.isOutgoing {
      guard let idle = connection.assumeIsolated({ $0.idleTime }),
        idle >= PeerLimits.evictableIdle, !isMarked(connection)
      else { continue }
      if idlest.map({ $0.idle < idle }) ?? true { idlest = (connection, idle) }
    }
    guard let (connection, idle) = idlest else { return }
    note(
      .evicted(idle: idle), peer: connection.assumeIsolated { $0.provenPeer },
      address: connection.remoteAddress.multiaddr)
    connection.assumeIsolated { $0.close() }
    forget(connection)
  }

  private func isMarked(_ connection: PeerConnection) -> Bool {
    guard let peer = connection.assumeIsolated({ $0.provenPeer }),
      let handle = book.handle(of: peer)
    else { return false }
    return book.record(of: handle)?.tags.contains { $0 != PeerTag.connected } ?? false
  }
}

/// The address and the network that a connection counts for; 0 where it counts for none.
struct ConnectionOrigin: Sendable {
  let address: UInt64
  let network: UInt32
}

/// Marks that the host itself puts on peers.
package enum PeerTag {
  /// There is a connection.
  package static let connected = "connected"
  /// The peer is this node.
  package static let own = "own"
}

extension SocketAddress {
  /// The address as peers write it; nil for a file.
  package var multiaddr: Multiaddr? {
    guard case .tcp(let host, let port) = self else { return nil }
    let kind = host.contains(":") ? "ip6" : "ip4"
    let zone = host.firstIndex(of: "%")
    return try? Multiaddr("/\(kind)/\(host[..<(zone ?? host.endIndex)])/tcp/\(port)")
  }
}
