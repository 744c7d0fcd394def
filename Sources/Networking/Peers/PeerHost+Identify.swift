import Cryptography
package import Peering
import Primitives

extension PeerHost {
  /// Changes of ours within this time are told to peers together.
  private static let pushDelay: Duration = .milliseconds(200)

  /// The addresses we tell peers, with our identity: where we listen, on each interface; what the
  /// settings announce; and what enough independent peers see.
  package func ownAddresses() -> [Multiaddr] {
    var own: [Multiaddr] = []
    for address in listenAddresses.flatMap(InterfaceAddresses.expand)
      + settings.announcedAddresses.map(\.withoutOwner) + observed.confirmed(now: loop.now)
      + circuitAddresses.map(\.withoutOwner)
    where !own.contains(address) {
      own.append(address)
    }
    return own.prefix(SignedPeerRecord.addressesMax).map { $0.naming(peerID) }
  }

  /// What we say of ourselves, without what only one peer is told.
  func ownIdentify() -> IdentifyMessage {
    if let ownMessage { return ownMessage }
    let addresses = ownAddresses().map(\.withoutOwner)
    var message = IdentifyMessage()
    message.publicKey = identity.publicKey.protobuf
    message.listenAddresses = addresses.map(\.bytes)
    message.protocols = protocolIDs
    message.protocolVersion = "martlet/1.0.0"
    message.agentVersion = settings.agentVersion
    if settings.identifiesPeers {
      lastRecordSequence = max(lastRecordSequence + 1, WallClock.milliseconds())
      message.signedPeerRecord =
        SignedPeerRecord(sequence: lastRecordSequence, addresses: addresses, by: identity)
        .envelope
    }
    ownMessage = message
    return message
  }

  /// The connections answer differently from now on, and peers are told.
  func selfChanged() {
    ownMessage = nil
    let message = ownIdentify()
    let names = served.map(\.id)
    for connection in connections.values {
      connection.assumeIsolated { $0.serve(names, identify: message) }
    }
    schedulePush()
  }

  // MARK: What peers say

  /// Asks a peer what it is, and keeps the answer in the book.
  func learn(from connection: PeerConnection) async {
    guard let message = try? await connection.identify() else { return }
    learn(message, from: connection)
  }

  /// Keeps what a message says; what it leaves out stays as it was.
  func learn(_ message: IdentifyMessage, from connection: PeerConnection) {
    guard let peer = connection.assumeIsolated({ $0.provenPeer }) else { return }
    let handle = book.intern(peer, now: loop.now)
    if !message.protocols.isEmpty { book.learn(protocols: message.protocols, of: handle) }
    if !message.agentVersion.isEmpty { book.learn(agent: message.agentVersion, of: handle) }
    let addresses = message.listenAddresses.compactMap { try? Multiaddr(bytes: $0) }
    if let record = try? SignedPeerRecord(decoding: message.signedPeerRecord), record.peer == peer {
      _ = book.learn(
        envelope: record.envelope, sequence: record.sequence, addresses: record.addresses,
        of: handle, now: loop.now)
    }
    book.learn(addresses, of: handle, source: .identified, now: loop.now)
    noteObserved(message.observedAddress, by: connection)
    note(.identified(protocols: message.protocols.count), peer: peer)
    tell(.identified(handle))
  }

  /// A connection that we made from a port of its own only shows our IP address, and we listen
  /// there on other ports; one that we made from where we listen shows what a NAT made of that
  /// port.
  private func noteObserved(_ bytes: Bytes, by connection: PeerConnection) {
    guard let seen = try? Multiaddr(bytes: bytes), seen.dialTarget != nil, let ip = seen.ipBytes,
      let observer = connection.remoteAddress.multiaddr
    else { return }
    let group = AddressGroup.network(of: observer)
    var isFromListenPort = false
    if case .tcp(_, let port) = connection.socket.localAddress {
      isFromListenPort = listenAddresses.contains { $0.port == port }
    }
    let ports =
      connection.isOutgoing && !isFromListenPort
      ? listenAddresses.filter { $0.ipBytes?.count == ip.count }.compactMap(\.port)
      : [seen.port].compactMap { $0 }
    let before = observed.confirmed(now: loop.now)
    for port in ports {
      observed.observe(Multiaddr([seen.components[0], .tcp(port)]), by: group, now: loop.now)
    }
    if observed.confirmed(now: loop.now) != before { selfChanged() }
  }

  // MARK: Push

  private func schedulePush() {
    guard settings.identifiesPeers, !pushIsScheduled, !connectionsByPeer.isEmpty else { return }
    pushIsScheduled = true
    let began = nursery.begin { [loop] in
      try? await loop.sleep(for: Self.pushDelay)
      await self.push()
    }
    if !began { pushIsScheduled = false }
  }

  private func push() {
    pushIsScheduled = false
    let encoded = ownIdentify().encoded()
    for (peer, connections) in connectionsByPeer {
      guard let connection = connections.first, let handle = book.handle(of: peer),
        let protocols = book.record(of: handle)?.protocols,
        protocols.contains(IdentifyMessage.pushProtocolID)
      else { continue }
      _ = nursery.begin {
        let names = [IdentifyMessage.pushProtocolID]
        guard let stream = try? await connection.openStream(names) else { return }
        try? await stream.writeMessage(encoded)
        await stream.leave()
      }
    }
  }
}

extension StreamProtocol {
  /// Takes in what a peer tells of itself after a change.
  static let identifyPush = StreamProtocol(
    IdentifyMessage.pushProtocolID,
    limits: StreamLimits(inboundPerPeerMax: 2, inboundMax: 1_024)
  ) { stream in
    let message = try await stream.connection.readIdentify(from: stream.number)
    await stream.connection.host.learn(message, from: stream.connection)
  }
}
