package import Cryptography
package import Peering
import Primitives

/// Asks peers whether our addresses can be reached, by either version of AutoNAT. On the loop.
package actor AutoNATClient {
  /// A server dials several addresses before it answers.
  private static let patience: Duration = .seconds(60)
  /// The most bytes we pay for a dial; the specification's upper bound.
  private static let costBytesMax: UInt64 = 100_000
  /// Questions that wait for their number to come back.
  private static let pendingMax = 32

  private nonisolated let host: PeerHost
  nonisolated package var unownedExecutor: UnownedSerialExecutor {
    host.loop.asUnownedSerialExecutor()
  }
  private var machine: ReachabilityMachine
  /// Numbers we sent, and whether they came back over a dial-back stream.
  private var pending: [UInt64: Bool] = [:]

  /// A client on a host; `start` begins to take dial-backs.
  package init(
    host: PeerHost, serversNeeded: Int = ReachabilityLimits.serversNeeded
  ) {
    self.host = host
    machine = ReachabilityMachine(serversNeeded: serversNeeded)
  }

  /// Takes dial-backs from now on.
  package func start() async {
    await host.serve(
      StreamProtocol(AutoNATProtocol.dialBack) { stream in
        let bytes = try await stream.readMessage(
          limit: AutoNATProtocol.messageBytesMax, within: Self.patience)
        let nonce = try DialBackMessage.nonce(in: bytes ?? [])
        guard await self.cameBack(nonce) else { throw PeerError.closed }
        try await stream.writeMessage(DialBackMessage.response)
      })
  }

  private func cameBack(_ nonce: UInt64) -> Bool {
    guard pending[nonce] != nil else { return false }
    pending[nonce] = true
    return true
  }

  /// What the servers asked so far say together.
  package var reachability: Reachability { machine.reachability(now: host.loop.now) }

  /// What they say about one address.
  package func reachability(of address: Multiaddr) -> Reachability {
    machine.reachability(of: address.withoutOwner, now: host.loop.now)
  }

  /// Asks a peer about our direct addresses, or these; returns the address it tried and whether it
  /// got through, or nil when it tried none.
  package func ask(
    _ server: PeerID, about addresses: [Multiaddr]? = nil
  ) async throws(PeerError) -> (address: Multiaddr, isReachable: Bool)? {
    let listed = await host.ownAddresses().filter { !$0.isRelayed }
    let own = (addresses ?? listed).map(\.withoutOwner)
    guard !own.isEmpty else { return nil }
    let stream = try await host.open(
      [AutoNATProtocol.dialRequest, AutoNATProtocol.status], to: server)
    let found: (address: Multiaddr, isReachable: Bool)?
    do throws(PeerError) {
      found =
        stream.protocolID == AutoNATProtocol.status
        ? try await askStatus(own, stream) : try await askCheck(own, stream)
    } catch {
      await stream.reset()
      throw error
    }
    await stream.close()
    if let found, let seen = stream.connection.remoteAddress.multiaddr {
      machine.answered(
        found.address, isReachable: found.isReachable, by: AddressGroup.network(of: seen),
        now: host.loop.now)
    }
    return found
  }

  private func message(on stream: PeerStream) async throws(PeerError) -> Bytes {
    let bytes = try await stream.readMessage(
      limit: AutoNATProtocol.messageBytesMax, within: Self.patience)
    guard let bytes else { throw .streamEnded }
    return bytes
  }

  private func askStatus(
    _ own: [Multiaddr], _ stream: PeerStream
  ) async throws(PeerError) -> (address: Multiaddr, isReachable: Bool)? {
    let named = own.map { $0.naming(host.peerID) }
    try await stream.writeMessage(AutoNATMessage.dial(host.peerID, named).encoded())
    let bytes = try await message(on: stream)
    let answer: AutoNATMessage
    do { answer = try AutoNATMessage(decoding: bytes) } catch { throw .reachability(error) }
    switch answer {
    case .answer(.ok, _, let address):
      let reached = address?.withoutOwner
      return reached.flatMap { own.contains($0) ? ($0, true) : nil } ?? (own[0], true)
    case .answer(.dialError, _, _): return (own[0], false)
    case .answer, .dial: return nil
    }
  }

  private func askCheck(
    _ own: [Multiaddr], _ stream: PeerStream
  ) async throws(PeerError) -> (address: Multiaddr, isReachable: Bool)? {
    guard pending.count < Self.pendingMax else { throw .overloaded(limit: Self.pendingMax) }
    let nonce = UInt64.random(in: 1 ... .max)
    pending[nonce] = false
    defer { pending[nonce] = nil }
    let request = AddressCheckMessage.request(own.map(\.bytes), nonce: nonce)
    try await stream.writeMessage(request.encoded())
    var hasPaid = false
    while true {
      let bytes = try await message(on: stream)
      let answer: AddressCheckMessage
      do { answer = try AddressCheckMessage(decoding: bytes) } catch {
        throw .reachability(error)
      }
      switch answer {
      case .dataRequest(_, let bytes) where !hasPaid && bytes <= Self.costBytesMax:
        hasPaid = true
        try await pay(bytes, on: stream)
      case .response(.ok, let index, let dial) where Int(index) < own.count:
        // Whoever claims to have reached us shows the number; else it says nothing.
        guard dial != .ok || pending[nonce] == true else { return nil }
        return (own[Int(index)], dial == .ok)
      case .response: return nil
      case .dataRequest, .request, .data: throw .reachability(.kind)
      }
    }
  }

  private func pay(_ bytes: UInt64, on stream: PeerStream) async throws(PeerError) {
    let piece = AddressCheckMessage.data(
      Bytes(repeating: 0, count: AutoNATProtocol.dataBytesMax)
    ).encoded()
    let count = (Int(clamping: bytes) + AutoNATProtocol.dataBytesMax - 1)
    for _ in 0..<(count / AutoNATProtocol.dataBytesMax) { try await stream.writeMessage(piece) }
  }
}
