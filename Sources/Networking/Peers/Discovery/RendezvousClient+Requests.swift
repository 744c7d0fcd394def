import Cryptography
package import Peering
package import Primitives

extension RendezvousClient {
  /// How long a point may take for an answer.
  private static let patience: Duration = .seconds(30)

  /// Registers at a point once; returns for how long. What `start` begins does this by itself.
  @discardableResult
  package func register(
    _ namespace: String, at point: Multiaddr, for lifetime: Duration = RendezvousLimits.lifetime
  ) async throws(PeerError) -> Duration {
    try await register(namespace, at: Self.peer(of: point), [point], for: lifetime)
  }

  /// Takes a registration back.
  package func unregister(_ namespace: String, at point: Multiaddr) async throws(PeerError) {
    try await unregister(namespace, at: Self.peer(of: point), [point])
  }

  /// Asks a point once who is registered; all namespaces where none is named. A cookie of an
  /// earlier page asks for what came after it.
  package func discover(
    _ namespace: String?, at point: Multiaddr, max: Int = RendezvousLimits.pageDefault,
    cookie: Bytes = []
  ) async throws(PeerError) -> RendezvousPage {
    try await discover(
      namespace ?? "", at: Self.peer(of: point), [point], max: max, cookie: cookie
    ).page
  }

  private static func peer(of point: Multiaddr) throws(PeerError) -> PeerID {
    guard let peer = point.peer else { throw .addressNotUsable(point) }
    return peer
  }

  // MARK: One request

  /// A point of the protocol's first draft finds no id of ours in a signed record and refuses it as
  /// somebody else's: it is told again without a signature.
  func register(
    _ namespace: String, at point: PeerID, _ addresses: [Multiaddr], for lifetime: Duration
  ) async throws(PeerError) -> Duration {
    let seconds = UInt64(clamping: lifetime.components.seconds)
    let isSigned = !unsignedPoints.contains(point)
    do throws(PeerError) {
      return try await register(namespace, isSigned: isSigned, at: point, addresses, seconds)
    } catch .rendezvousRefused(let status) where isSigned && status == .notAuthorized {
      let granted = try await register(namespace, isSigned: false, at: point, addresses, seconds)
      unsignedPoints.insert(point)
      return granted
    }
  }

  private func register(
    _ namespace: String, isSigned: Bool, at point: PeerID, _ addresses: [Multiaddr],
    _ seconds: UInt64
  ) async throws(PeerError) -> Duration {
    let own = await host.ownAddresses().map(\.withoutOwner)
    let record =
      isSigned
      ? RendezvousRecord.signed(signed(own)) : .unsigned(host.peerID, own)
    let entry = RendezvousEntry(
      namespace: namespace, record: record.encoded(), seconds: seconds)
    guard
      case .registerResponse(let status, let granted) = try await ask(
        .register(entry), of: point, addresses)
    else { throw .rendezvous(.unexpected) }
    guard status == .ok else { throw .rendezvousRefused(status) }
    let lifetime: Duration = .seconds(Int64(clamping: granted == 0 ? seconds : granted))
    return min(lifetime, RendezvousLimits.lifetimeMax)
  }

  /// Our record, made anew when our addresses have changed.
  private func signed(_ addresses: [Multiaddr]) -> SignedPeerRecord {
    if let record, record.addresses == addresses { return record }
    lastSequence = max(lastSequence + 1, WallClock.milliseconds())
    let made = SignedPeerRecord(
      sequence: lastSequence, addresses: addresses, by: host.identity)
    record = made
    return made
  }

  func unregister(
    _ namespace: String, at point: PeerID, _ addresses: [Multiaddr]
  ) async throws(PeerError) {
    let stream = try await open(point, addresses)
    let message = RendezvousMessage.unregister(
      namespace: namespace, peer: host.peerID.bytes)
    try await stream.writeMessage(message.encoded())
    await stream.leave()
  }

  /// A page without what nobody signed or said properly, and how many entries it had.
  func discover(
    _ namespace: String, at point: PeerID, _ addresses: [Multiaddr], max: Int, cookie: Bytes
  ) async throws(PeerError) -> (page: RendezvousPage, count: Int) {
    let message = RendezvousMessage.discover(
      namespace: namespace, limit: UInt64(clamping: max), cookie: cookie)
    guard
      case .discoverResponse(let status, let entries, let next) = try await ask(
        message, of: point, addresses)
    else { throw .rendezvous(.unexpected) }
    guard status == .ok else { throw .rendezvousRefused(status) }
    let page = RendezvousPage(
      entries: Array(entries.prefix(max)), cookie: next, namespace: namespace)
    return (page, entries.count)
  }

  private func ask(
    _ message: RendezvousMessage, of point: PeerID, _ addresses: [Multiaddr]
  ) async throws(PeerError) -> RendezvousMessage {
    let stream = try await open(point, addresses)
    do throws(PeerError) {
      try await stream.writeMessage(message.encoded())
      let bytes = try await stream.readMessage(
        limit: RendezvousLimits.messageBytesMax, within: Self.patience)
      await stream.leave()
      guard let bytes else { throw .streamEnded }
      do { return try RendezvousMessage(decoding: bytes) } catch { throw .rendezvous(error) }
    } catch {
      await stream.reset()
      throw error
    }
  }

  private func open(
    _ point: PeerID, _ addresses: [Multiaddr]
  ) async throws(PeerError) -> PeerStream {
    try await host.open([RendezvousMessage.protocolID], to: point, at: addresses)
  }
}
