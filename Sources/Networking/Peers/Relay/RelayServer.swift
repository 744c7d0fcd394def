import Cryptography
package import Peering
import Primitives

/// Relays circuits between peers of a host, as its `RelayServerMachine` decides. Lives on the loop.
package actor RelayServer {
  /// How long a peer may take for one message; go-libp2p waits a minute.
  private static let patience: Duration = .seconds(30)
  /// What keeps the connection of a peer with a reservation.
  static let tag = "relayed"

  /// Whose peers it serves.
  package nonisolated let host: PeerHost
  nonisolated package var unownedExecutor: UnownedSerialExecutor {
    host.loop.asUnownedSerialExecutor()
  }
  private var machine: RelayServerMachine
  private var nextCircuit: UInt32 = 0
  private var circuits: [UInt32: (caller: PeerStream, called: PeerStream)] = [:]
  private var wakeTimer = WakeTimer()

  /// A relay on a host; `start` begins to serve.
  package init(host: PeerHost, limits: RelayServerLimits = RelayServerLimits()) {
    self.host = host
    machine = RelayServerMachine(limits: limits)
  }

  /// Serves peers from now on.
  package func start() async {
    let limits = StreamLimits(
      inboundPerPeerMax: machine.limits.circuitsPerPeerMax + 4,
      inboundMax: machine.limits.circuitsMax + machine.limits.reservationsMax)
    await host.observe { event in
      guard case .disconnected(let peer) = event else { return }
      self.assumeIsolated { _ = $0.handle(.disconnected(peer)) }
    }
    await host.serve(
      StreamProtocol(RelayProtocol.hop, limits: limits) { stream in
        try await self.serve(stream)
      })
  }

  /// Reservations that stand, and circuits.
  package var counts: (reservations: Int, circuits: Int) {
    (machine.reservationCount, machine.circuitCount)
  }

  private func handle(_ event: RelayServerEvent) -> [RelayServerEffect] {
    let loop = host.loop
    let directory = host.assumeIsolated { $0.book }
    let effects = machine.handle(event, now: loop.now, directory: directory)
    wakeTimer.set(at: machine.nextWake, on: loop) { [weak self] in
      self?.assumeIsolated { $0.tick() }
    }
    return effects
  }

  private func tick() {
    for case .reset(let circuit) in handle(.tick) { reset(circuit) }
  }

  private func reset(_ circuit: UInt32) {
    guard let ends = circuits.removeValue(forKey: circuit) else { return }
    for end in [ends.caller, ends.called] {
      end.connection.assumeIsolated { $0.reset(end.number) }
    }
  }

  private func handle(of peer: PeerID) -> PeerHandle {
    host.assumeIsolated { $0.book.intern(peer, now: $0.loop.now) }
  }

  private func mark(_ peer: PeerHandle) {
    host.assumeIsolated { $0.book.tag(peer, Self.tag) }
  }

  private func connection(with peer: PeerID) -> PeerConnection? {
    host.assumeIsolated { $0.connection(with: peer) }
  }

  // MARK: One stream

  private func serve(_ stream: PeerStream) async throws(PeerError) {
    guard
      let bytes = try await stream.readMessage(
        limit: RelayProtocol.messageBytesMax, within: Self.patience)
    else { return }
    guard let message = try? RelayMessage(decoding: bytes, .hop) else {
      return try await answer(stream, .malformedMessage)
    }
    switch message.kind {
    case .reserve: try await reserve(stream)
    case .connect(let peer): try await connect(stream, to: peer)
    case .status: try await answer(stream, .unexpectedMessage)
    }
  }

  private func answer(
    _ stream: PeerStream, _ status: RelayStatus, reservation: RelayReservation? = nil
  ) async throws(PeerError) {
    let message = RelayMessage(
      .status(status), reservation: reservation,
      limit: status == .ok ? machine.circuitLimit : nil)
    try await stream.writeMessage(message.encoded(.hop))
  }

  private func reserve(_ stream: PeerStream) async throws(PeerError) {
    let isRelayed = stream.connection.isRelayed
    let effects = handle(.reserve(by: handle(of: stream.peer), isRelayed: isRelayed))
    switch effects.first {
    case .reserved(let peer, let lifetime):
      mark(peer)
      let expires = WallClock.milliseconds() / 1_000 + UInt64(clamping: lifetime.components.seconds)
      let voucher = RelayVoucher(relay: host.peerID, peer: stream.peer, expires: expires)
      let reservation = RelayReservation(
        expires: expires,
        addresses: await host.ownAddresses().filter { !$0.isRelayed },
        voucher: voucher.sealed(by: host.identity))
      try await answer(stream, .ok, reservation: reservation)
    case .reservationRefused(_, let status): try await answer(stream, status)
    default: try await answer(stream, .reservationRefused)
    }
  }

  private func connect(_ stream: PeerStream, to peer: PeerID) async throws(PeerError) {
    let circuit = nextCircuit
    nextCircuit &+= 1
    var effects = handle(
      .connect(
        circuit: circuit, from: handle(of: stream.peer), to: handle(of: peer),
        isRelayed: stream.connection.isRelayed))
    var called: PeerStream?
    if case .openStop = effects.first {
      called = try? await openStop(to: peer, from: stream.peer)
      effects = handle(
        .stopAnswered(circuit: circuit, called == nil ? .connectionFailed : .ok))
    }
    guard case .answer(_, let status) = effects.first else { return }
    do throws(PeerError) {
      try await answer(stream, status)
    } catch {
      await called?.reset()
      _ = handle(.ended(circuit: circuit))
      throw error
    }
    guard status == .ok, let called else { return }
    circuits[circuit] = (stream, called)
    await carry(circuit, stream, called)
  }

  /// Asks the peer that is called, over the connection it has with us.
  private func openStop(to peer: PeerID, from caller: PeerID) async throws -> PeerStream {
    guard let connection = connection(with: peer), !connection.isRelayed else {
      throw PeerError.noAddress(peer)
    }
    let stream = try await connection.openStream([RelayProtocol.stop])
    do {
      let message = RelayMessage(.connect(caller), limit: machine.circuitLimit)
      try await stream.writeMessage(message.encoded(.stop))
      let bytes = try await stream.readMessage(
        limit: RelayProtocol.messageBytesMax, within: Self.patience)
      let answer = try RelayMessage(decoding: bytes ?? [], .stop)
      guard answer.kind == .status(.ok) else { throw PeerError.closed }
      return stream
    } catch {
      await stream.reset()
      throw error
    }
  }

  // MARK: Carrying

  private func carry(_ circuit: UInt32, _ caller: PeerStream, _ called: PeerStream) async {
    let executor = host.loop.taskExecutor
    await withDiscardingTaskGroup { group in
      group.addTask(executorPreference: executor) {
        await self.carry(circuit, from: caller, to: called, fromCaller: true)
      }
      group.addTask(executorPreference: executor) {
        await self.carry(circuit, from: called, to: caller, fromCaller: false)
      }
    }
    circuits[circuit] = nil
    _ = handle(.ended(circuit: circuit))
    await called.close()
  }

  private func carry(
    _ circuit: UInt32, from source: PeerStream, to sink: PeerStream, fromCaller: Bool
  ) async {
    do {
      while let bytes = try await source.read() {
        let effects = handle(
          .carried(circuit: circuit, fromCaller: fromCaller, bytes: bytes.count))
        guard effects.isEmpty else { break }
        try await sink.write(bytes)
      }
      guard circuits[circuit] != nil, machine.isOpen(circuit) else {
        await source.reset()
        return await sink.reset()
      }
      await sink.finish()
    } catch {
      await source.reset()
      await sink.reset()
    }
  }
}
