package import Cryptography
package import Peering
import Primitives

/// Uses relays for a host: is reached through those that promised it, and dials `/p2p-circuit`
/// addresses. Lives on the loop.
package actor RelayClient {
  /// How long a relay may take for an answer; to reach the other peer it needs a round trip more.
  private static let patience: Duration = .seconds(30)
  /// A reservation is renewed when this share of its life is over.
  private static let renewal = (numerator: 3, denominator: 4)
  /// The pause after a relay refused.
  private static let pause: Duration = .seconds(30)
  /// Relays that promise to reach us at the same time.
  private static let relaysMax = 8
  /// What keeps the connection with a relay of ours.
  private static let tag = "relay"

  /// Whose connections it goes over.
  package nonisolated let host: PeerHost
  nonisolated package var unownedExecutor: UnownedSerialExecutor {
    host.loop.asUnownedSerialExecutor()
  }
  private var reservations: [PeerID: RelayReservation] = [:]
  private let onCircuit: @Sendable (PeerConnection) async -> Void

  /// A client on a host; `onCircuit` is told of each proven connection through a relay that another
  /// peer opened.
  package init(
    host: PeerHost, onCircuit: @escaping @Sendable (PeerConnection) async -> Void = { _ in }
  ) {
    self.host = host
    self.onCircuit = onCircuit
  }

  /// Takes calls through relays, and dials through them, from now on.
  package func start() async {
    await host.dialCircuits { circuit, peer throws(PeerError) in
      try await self.connect(to: peer, through: circuit)
    }
    await host.serve(
      StreamProtocol(RelayProtocol.stop) { stream in
        try await self.serve(stream)
      })
    await host.observe { event in
      guard case .disconnected(let peer) = event else { return }
      self.assumeIsolated { $0.lost(peer) }
    }
  }

  /// The relays that promise to reach us now.
  package var relays: [PeerID] {
    reservations.keys.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
  }

  // MARK: Being reached

  /// Asks a relay to reach us; on success its circuit addresses are ours.
  @discardableResult
  package func reserve(
    at relay: PeerID, addresses: [Multiaddr] = []
  ) async throws(PeerError) -> RelayReservation {
    guard reservations[relay] != nil || reservations.count < Self.relaysMax else {
      throw .overloaded(limit: Self.relaysMax)
    }
    let connection = try await host.connect(to: relay, at: addresses)
    let stream = try await connection.openStream([RelayProtocol.hop])
    let answer = try await ask(RelayMessage(.reserve), on: stream)
    await stream.close()
    guard let reservation = answer.reservation else { throw .relay(.status(0)) }
    if !reservation.voucher.isEmpty {
      let voucher: RelayVoucher
      do { voucher = try RelayVoucher(decoding: reservation.voucher) } catch {
        throw .envelope(error)
      }
      guard voucher.relay == relay, voucher.peer == host.peerID else {
        throw .envelope(.otherPeer(record: voucher.peer, signer: voucher.relay))
      }
    }
    reservations[relay] = reservation
    announce(reservation, of: relay, over: connection)
    return reservation
  }

  /// Keeps a reservation for as long as the task runs: renews it in time, and asks again after a
  /// refusal or a broken connection.
  package func keep(at relay: PeerID, addresses: [Multiaddr] = []) async {
    while !Task.isCancelled {
      var wait = Self.pause
      if let reservation = try? await reserve(at: relay, addresses: addresses) {
        let now = WallClock.milliseconds() / 1_000
        let left = Int64(clamping: reservation.expires > now ? reservation.expires - now : 0)
        wait = max(wait, .seconds(left) * Self.renewal.numerator / Self.renewal.denominator)
      }
      let until = host.loop.now.advanced(by: wait)
      while host.loop.now < until, !Task.isCancelled {
        try? await host.loop.perform { [host] in
          try await host.loop.sleep(for: .seconds(1))
        }
        if reservations[relay] == nil, wait != Self.pause { break }
      }
    }
  }

  private func announce(
    _ reservation: RelayReservation, of relay: PeerID, over connection: PeerConnection
  ) {
    // The address we reach it at is known to work; what it says of itself may not.
    let used = connection.remoteAddress.multiaddr.map { $0.naming(relay) }
    let named = ([used].compactMap { $0 } + reservation.addresses)
      .filter { $0.peer == relay && $0.dialTarget != nil }
    var addresses: [Multiaddr] = []
    for address in named where !addresses.contains(address) { addresses.append(address) }
    host.assumeIsolated { host in
      host.book.tag(host.book.intern(relay, now: host.loop.now), Self.tag)
      let circuits = addresses.map { CircuitAddress.make(through: $0, to: host.peerID) }
      host.setCircuits(circuits, of: relay)
    }
  }

  private func lost(_ handle: PeerHandle) {
    guard let peer = host.assumeIsolated({ $0.book.peer(of: handle) }),
      reservations.removeValue(forKey: peer) != nil
    else { return }
    host.assumeIsolated { host in
      host.book.untag(handle, Self.tag)
      host.setCircuits([], of: peer)
    }
  }

  /// A relay brings a caller.
  private func serve(_ stream: PeerStream) async throws {
    let bytes = try await stream.readMessage(
      limit: RelayProtocol.messageBytesMax, within: Self.patience)
    guard case .connect(let caller)? = try? RelayMessage(decoding: bytes ?? [], .stop).kind else {
      return try await answer(stream, .malformedMessage)
    }
    guard reservations[stream.peer] != nil, !stream.connection.isRelayed,
      await host.filter.refusal(of: caller) == nil
    else { return try await answer(stream, .permissionDenied) }
    try await answer(stream, .ok)
    let (ours, theirs) = try Socket.pair(on: host.loop)
    let began = await host.begin { [host, onCircuit] in
      let connection = try? await host.adopt(ours, role: .responder, expecting: caller)
      if let connection { await onCircuit(connection) }
    }
    guard began else {
      ours.close()
      theirs.close()
      throw PeerError.overloaded(limit: PeerLimits.tasksMax)
    }
    await StreamBridge.run(stream, theirs)
  }

  private func answer(_ stream: PeerStream, _ status: RelayStatus) async throws(PeerError) {
    try await stream.writeMessage(RelayMessage(.status(status)).encoded(.stop))
  }

  // MARK: Reaching others

  /// Connects to a peer through a relay: over the connection there is with the relay, or a new
  /// direct one, so that addresses that lead in a circle lead nowhere.
  package func connect(
    to peer: PeerID, through circuit: CircuitAddress
  ) async throws(PeerError) -> PeerConnection {
    guard circuit.relay != peer, circuit.relay != host.peerID else { throw .noAddress(peer) }
    let relay: PeerConnection
    if let open = await host.connection(with: circuit.relay), !open.isRelayed {
      relay = open
    } else {
      guard let address = circuit.relayAddress, address.dialTarget != nil else {
        throw .noAddress(circuit.relay)
      }
      relay = try await host.dial(address)
    }
    let stream = try await relay.openStream([RelayProtocol.hop])
    _ = try await ask(RelayMessage(.connect(peer)), on: stream)
    let ours: Socket
    let theirs: Socket
    do throws(SocketError) { (ours, theirs) = try Socket.pair(on: host.loop) } catch {
      await stream.reset()
      throw .socket(error)
    }
    let began = await host.begin { await StreamBridge.run(stream, theirs) }
    guard began else {
      ours.close()
      theirs.close()
      await stream.reset()
      throw .overloaded(limit: PeerLimits.tasksMax)
    }
    return try await host.adopt(ours, role: .initiator, expecting: peer)
  }

  /// One question and the relay's `OK`.
  private func ask(
    _ message: RelayMessage, on stream: PeerStream
  ) async throws(PeerError) -> RelayMessage {
    do throws(PeerError) {
      try await stream.writeMessage(message.encoded(.hop))
      let bytes = try await stream.readMessage(
        limit: RelayProtocol.messageBytesMax, within: Self.patience)
      guard let bytes else { throw .streamEnded }
      let answer: RelayMessage
      do { answer = try RelayMessage(decoding: bytes, .hop) } catch { throw .relay(error) }
      guard case .status(let status) = answer.kind else { throw .relay(.type(nil)) }
      guard status == .ok else { throw .relayRefused(status) }
      return answer
    } catch {
      await stream.reset()
      throw error
    }
  }
}
