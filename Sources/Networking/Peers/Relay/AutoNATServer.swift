package import Peering
import Primitives

/// Dials peers back for AutoNAT, versions 1 and 2, as its `DialBackMachine` decides. On the loop.
package actor AutoNATServer {
  /// How long a peer may take for one message.
  private static let patience: Duration = .seconds(15)
  /// Addresses of one peer that are tried for version 1.
  private static let attemptsMax = 4
  /// The fewest bytes a message of a paying peer may carry on average: it must not pay in dribbles.
  private static let dataBytesMin: UInt64 = 256

  private nonisolated let host: PeerHost
  nonisolated package var unownedExecutor: UnownedSerialExecutor {
    host.loop.asUnownedSerialExecutor()
  }
  private var machine: DialBackMachine

  /// A server on a host; `start` begins to serve.
  package init(host: PeerHost, limits: DialBackLimits = DialBackLimits()) {
    self.host = host
    machine = DialBackMachine(limits: limits)
  }

  /// Serves peers from now on.
  package func start() async {
    let limits = StreamLimits(inboundPerPeerMax: 2, inboundMax: 64)
    await host.serve(
      StreamProtocol(AutoNATProtocol.status, limits: limits) { stream in
        try await self.serveStatus(stream)
      })
    await host.serve(
      StreamProtocol(AutoNATProtocol.dialRequest, limits: limits) { stream in
        try await self.serveCheck(stream)
      })
  }

  private func message(on stream: PeerStream) async throws(PeerError) -> Bytes {
    let bytes = try await stream.readMessage(
      limit: AutoNATProtocol.messageBytesMax, within: Self.patience)
    guard let bytes else { throw .streamEnded }
    return bytes
  }

  private func handle(of stream: PeerStream) -> PeerHandle {
    host.assumeIsolated { $0.book.intern(stream.peer, now: $0.loop.now) }
  }

  // MARK: Version 1

  private func serveStatus(_ stream: PeerStream) async throws {
    let bytes = try await message(on: stream)
    guard case .dial(let named, let addresses)? = try? AutoNATMessage(decoding: bytes),
      named == nil || named == stream.peer
    else { return try await answer(stream, .badRequest, "not a request of yours") }
    let decision = machine.handle(
      request: addresses, of: handle(of: stream), id: stream.peer,
      seen: stream.connection.remoteAddress.multiaddr, now: host.loop.now)
    switch decision {
    case .dial(let own):
      for address in own.prefix(Self.attemptsMax) {
        guard let connection = try? await host.dialBack(address.naming(stream.peer)) else {
          continue
        }
        await connection.close()
        return try await answer(stream, .ok, "", address)
      }
      try await answer(stream, .dialError, "no address answered")
    case .refuse: try await answer(stream, .dialRefused, "no address that may be dialled")
    case .reject, .check, .charge: try await answer(stream, .dialRefused, "too many requests")
    }
  }

  private func answer(
    _ stream: PeerStream, _ status: AutoNATMessage.Status, _ text: String,
    _ address: Multiaddr? = nil
  ) async throws(PeerError) {
    try await stream.writeMessage(AutoNATMessage.answer(status, text, address).encoded())
  }

  // MARK: Version 2

  private func serveCheck(_ stream: PeerStream) async throws {
    guard
      case .request(let addresses, let nonce) = try AddressCheckMessage(
        decoding: await message(on: stream))
    else { throw PeerError.closed }
    var random = SystemRandomNumberGenerator()
    let decision = machine.handle(
      check: addresses.map { try? Multiaddr(bytes: $0) }, of: handle(of: stream), id: stream.peer,
      seen: stream.connection.remoteAddress.multiaddr, now: host.loop.now, random: &random)
    var answer = AddressCheckMessage.response(.dialRefused, index: 0, .unused)
    switch decision {
    case .check(let index, let address):
      let dial = await dialBack(address.naming(stream.peer), nonce)
      answer = .response(.ok, index: UInt32(clamping: index), dial)
    case .charge(let index, let address, let bytes):
      try await charge(stream, index: UInt32(clamping: index), bytes: bytes)
      let dial = await dialBack(address.naming(stream.peer), nonce)
      answer = .response(.ok, index: UInt32(clamping: index), dial)
    case .reject: answer = .response(.requestRejected, index: 0, .unused)
    case .refuse, .dial: break
    }
    try await stream.writeMessage(answer.encoded())
  }

  /// Lets the asker pay for the dial of another host.
  private func charge(_ stream: PeerStream, index: UInt32, bytes: UInt64) async throws {
    try await stream.writeMessage(
      AddressCheckMessage.dataRequest(index: index, bytes: bytes).encoded())
    var paid: UInt64 = 0
    for _ in 0...(bytes / Self.dataBytesMin) where paid < bytes {
      guard case .data(let data) = try AddressCheckMessage(decoding: await message(on: stream))
      else { throw PeerError.closed }
      paid += UInt64(data.count)
    }
    guard paid >= bytes else { throw PeerError.closed }
  }

  private func dialBack(
    _ address: Multiaddr, _ nonce: UInt64
  ) async -> AddressCheckMessage.DialStatus {
    guard let connection = try? await host.dialBack(address) else { return .dialError }
    let status = await prove(nonce, over: connection)
    await connection.close()
    return status
  }

  private func prove(
    _ nonce: UInt64, over connection: PeerConnection
  ) async -> AddressCheckMessage.DialStatus {
    do {
      let stream = try await connection.openStream([AutoNATProtocol.dialBack])
      try await stream.writeMessage(DialBackMessage.encode(nonce: nonce))
      await stream.finish()
      let answer = try await stream.readMessage(
        limit: AutoNATProtocol.messageBytesMax, within: Self.patience)
      await stream.close()
      return answer == nil ? .dialBackError : .ok
    } catch {
      return .dialBackError
    }
  }
}
