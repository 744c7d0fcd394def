package import Cryptography
import Peering
import Primitives

extension PeerNetwork {
  /// Tells the network that this node offers a service, now and for as long as it runs.
  package func advertise(_ service: String) {
    guard !services.contains(service), services.count < PeerNetworkLimits.servicesMax else {
      return
    }
    services.append(service)
    advertiseSoon(after: .zero)
  }

  /// Who says that it offers a service; nothing but its own word stands behind it.
  package func find(
    _ service: String, wanted: Int = PeerNetworkLimits.providersWanted
  ) async -> [PeerID] {
    guard await kademlia.waitForPeers(within: PeerNetworkLimits.firstPeerPatience) else {
      return []
    }
    let key = NetworkFile.serviceKey(service, of: settings.chainID)
    return await kademlia.findProviders(of: key, wanted: wanted).filter { $0 != host.peerID }
  }

  /// Says all services after a while, once for all who came until then.
  func advertiseSoon(after pause: Duration) {
    guard advertiseTimer == nil, !services.isEmpty else { return }
    advertiseTimer = host.loop.schedule(after: pause) { [weak self] in
      self?.assumeIsolated { network in
        network.advertiseTimer = nil
        network.begin { await $0.sayServices() }
      }
    }
  }

  private func sayServices() async {
    guard !isAdvertising else { return }
    isAdvertising = true
    defer { isAdvertising = false }
    guard await kademlia.waitForPeers(within: PeerNetworkLimits.bootstrapPauseMax) else {
      return advertiseSoon(after: PeerNetworkLimits.advertisePause)
    }
    for service in services {
      let key = NetworkFile.serviceKey(service, of: settings.chainID)
      let outcome = await kademlia.run(.provide(key))
      if outcome.stored == 0 { advertiseSoon(after: PeerNetworkLimits.advertisePause) }
    }
  }

  // MARK: Reaching a peer

  /// A connection with a peer, a direct one if there can be one: the open one, or else at what is
  /// known, found on the local network, or found by asking others; `service` names what it is
  /// known to offer.
  package func reach(
    _ peer: PeerID, offering service: String? = nil
  ) async throws(PeerError) -> (connection: PeerConnection, route: PeerRoute) {
    if let open = await host.connection(with: peer), !open.isRelayed {
      return (open, await origin(of: peer, over: open))
    }
    var lastError = PeerError.noAddress(peer)
    if hasAnyAddress(of: peer) {
      do throws(PeerError) { return try await connectAndTell(peer) } catch {
        if Self.isFinal(error) { throw error }
        lastError = error
      }
    }
    guard await kademlia.waitForPeers(within: PeerNetworkLimits.firstPeerPatience) else {
      throw lastError
    }
    // Who came meanwhile may be the peer itself, or have named it.
    let isKnown = await kademlia.knowsAddress(of: peer)
    if isKnown ? true : await kademlia.find(peer) {
      do throws(PeerError) { return try await connectAndTell(peer) } catch {
        if Self.isFinal(error) { throw error }
        lastError = error
      }
    }
    guard let service, await find(service).contains(peer) else { throw lastError }
    return (try await connect(peer), .advertisement)
  }

  /// A connection with a peer that this node opened itself, or else the one that the peer opened:
  /// who called us first may still be reached the other way round, which outlasts its reasons.
  package func call(
    _ peer: PeerID, offering service: String? = nil
  ) async throws(PeerError) -> (connection: PeerConnection, route: PeerRoute) {
    let found = try await reach(peer, offering: service)
    guard !found.connection.isOutgoing,
      let own = try? await dial(peer, outgoing: true), !own.isRelayed
    else { return found }
    return (own, await origin(of: peer, over: own))
  }

  /// Nobody knows a better address for what a list or the peer's own key refuses.
  private static func isFinal(_ error: PeerError) -> Bool {
    switch error {
    case .filtered, .ownPeer, .cancelled: true
    default: false
    }
  }

  private func connectAndTell(
    _ peer: PeerID
  ) async throws(PeerError) -> (connection: PeerConnection, route: PeerRoute) {
    let connection = try await connect(peer)
    return (connection, await origin(of: peer, over: connection))
  }

  /// How the peer of a connection came to be known.
  private func origin(of peer: PeerID, over connection: PeerConnection) async -> PeerRoute {
    let named = settings.bootstraps + settings.anchors
    if named.contains(where: { $0.peer == peer }) { return .known }
    if await discovery?.found.contains(peer) == true { return .localDiscovery }
    return connection.isOutgoing ? .lookup : .call
  }

  /// Whether an address is known, even one that failed lately.
  private func hasAnyAddress(of peer: PeerID) -> Bool {
    host.assumeIsolated { host in
      guard let handle = host.book.handle(of: peer) else { return false }
      return !host.book.dialAddresses(of: handle, now: host.loop.now, evenFailed: true).isEmpty
    }
  }

  private func connect(_ peer: PeerID) async throws(PeerError) -> PeerConnection {
    let connection = try await dial(peer)
    guard connection.isRelayed else { return connection }
    return await upgraded(connection, with: peer)
  }

  /// The open connection with a peer or a new one, also at addresses that failed lately; gives up
  /// long before a packet that nobody answers does.
  func dial(
    _ peer: PeerID, at addresses: [Multiaddr] = [], outgoing: Bool = false
  ) async throws(PeerError) -> PeerConnection {
    let (host, limit) = (host, PeerNetworkLimits.dialPatience)
    let result = await withTaskGroup(of: Result<PeerConnection, PeerError>.self) { group in
      group.addTask {
        do throws(PeerError) {
          return .success(
            try await host.connect(
              to: peer, at: addresses, insisting: true, outgoing: outgoing))
        } catch {
          return .failure(error)
        }
      }
      group.addTask(executorPreference: host.loop.taskExecutor) {
        try? await host.loop.sleep(for: limit)
        return .failure(.deadlineExceeded(method: "dial", after: limit))
      }
      let first = await group.next() ?? .failure(.cancelled)
      group.cancelAll()
      return first
    }
    return try result.get()
  }

  /// Waits for the called side's punch; what a relay carries ends after some kilobytes.
  private func upgraded(_ circuit: PeerConnection, with peer: PeerID) async -> PeerConnection {
    let end = host.loop.now.advanced(by: PeerNetworkLimits.punchPatience)
    while host.loop.now < end, !Task.isCancelled {
      if let direct = await host.connection(with: peer), !direct.isRelayed { return direct }
      try? await host.loop.sleep(for: PeerNetworkLimits.punchPoll)
    }
    return circuit
  }
}
