package import Cryptography
package import Peering
import Primitives

/// How a dial ended.
typealias DialResult = Result<PeerConnection, PeerError>

/// Limits of dialling.
enum DialLimits {
  /// The head start of an address before the next one is tried too (RFC 8305 §5).
  static let headStart: Duration = .milliseconds(250)
  /// Addresses of one peer that are tried in one dial; a wrong list must not keep us busy.
  static let addressesMax = 8
  /// Addresses a name may stand for.
  static let resolvedMax = 4
}

extension PeerHost {
  /// Connects to an address that ends in `/p2p/ID`, always anew; throws
  /// `PeerError.peering(.wrongPeer(expected:actual:))` when somebody else answers.
  package func dial(_ address: Multiaddr) async throws(PeerError) -> PeerConnection {
    guard !isStopped else { throw .closed }
    guard let peer = address.peer else { throw .addressNotUsable(address) }
    do throws(PeerError) {
      if let refusal = filter.refusal(of: peer) { throw .filtered(refusal) }
      let connection = try await attempt(address, peer)
      remember(address, of: peer, succeeded: true)
      return connection
    } catch {
      note(.dialFailed(error), peer: peer, address: address.withoutOwner)
      throw error
    }
  }

  /// The open connection with a peer, or else a new one: to `addresses`, or to what the book knows.
  /// Dials for the same peer are one dial. `insisting`, addresses that failed lately are tried too;
  /// `outgoing`, a connection that the peer opened is not enough.
  package func connect(
    to peer: PeerID, at addresses: [Multiaddr] = [], insisting: Bool = false,
    outgoing: Bool = false
  ) async throws(PeerError) -> PeerConnection {
    while true {
      guard !isStopped else { throw .closed }
      if let open = connection(with: peer), open.isOutgoing || !outgoing { return open }
      guard dialWaiters[peer] != nil else { break }
      let result = await waitForDial(to: peer)
      if Task.isCancelled { throw .cancelled }
      // Who dialled for us may have been cancelled; that says nothing about the peer.
      if case .failure(.cancelled) = result { continue }
      return try result.get()
    }
    dialWaiters[peer] = [:]
    let result = await dialKnown(peer, addresses, insisting)
    let waiters = dialWaiters.removeValue(forKey: peer) ?? [:]
    for waiter in waiters.sorted(by: { $0.key < $1.key }) {
      waiter.value.resume(returning: result)
    }
    if case .failure(let error) = result { note(.dialFailed(error), peer: peer) }
    return try result.get()
  }

  /// Waits for somebody else's dial to the same peer, or until the waiting task is cancelled.
  private func waitForDial(to peer: PeerID) async -> DialResult {
    lastDialWaiter += 1
    let waiter = lastDialWaiter
    return await withTaskCancellationHandler {
      guard !Task.isCancelled else { return .failure(.cancelled) }
      return await withUnsafeContinuation { dialWaiters[peer, default: [:]][waiter] = $0 }
    } onCancel: {
      loop.execute {
        self.assumeIsolated { host in
          let waiting = host.dialWaiters[peer]?.removeValue(forKey: waiter)
          waiting?.resume(returning: .failure(.cancelled))
        }
      }
    }
  }

  private func dialKnown(
    _ peer: PeerID, _ addresses: [Multiaddr], _ insisting: Bool
  ) async -> DialResult {
    if peer == peerID { return .failure(.ownPeer) }
    if let refusal = filter.refusal(of: peer) { return .failure(.filtered(refusal)) }
    let handle = book.intern(peer, now: loop.now)
    if !addresses.isEmpty {
      book.learn(addresses, of: handle, source: .configured, now: loop.now)
    }
    let known = book.dialAddresses(of: handle, now: loop.now, evenFailed: insisting)
    guard !known.isEmpty else {
      guard let until = book.dialWait(of: handle, now: loop.now) else {
        return .failure(.noAddress(peer))
      }
      return .failure(.dialledTooSoon(peer, wait: until.duration(since: loop.now)))
    }
    return await race(Array(known.prefix(DialLimits.addressesMax)), peer)
  }

  private func remember(_ address: Multiaddr, of peer: PeerID, succeeded: Bool) {
    let handle = book.intern(peer, now: loop.now)
    book.dialEnded(address, of: handle, succeeded: succeeded, now: loop.now)
  }

  // MARK: Several addresses at once

  private enum RaceEvent: Sendable {
    case ended(Multiaddr, DialResult)
    case headStartOver(attempt: Int)
  }

  /// What a race knows of its runners.
  private struct Race {
    let addresses: [Multiaddr]
    var started = 0
    var running = 0
    var winner: PeerConnection?
    var failures: [PeerError] = []

    /// The next address and the number of its attempt, while nobody has won.
    mutating func next() -> (address: Multiaddr, attempt: Int)? {
      guard started < addresses.count, winner == nil, !Task.isCancelled else { return nil }
      started += 1
      running += 1
      return (addresses[started - 1], started)
    }
  }

  /// Tries the addresses in order, each a head start after the one before it or at once when that
  /// one failed; the first whose peer is proven wins and the others are given up.
  private func race(_ addresses: [Multiaddr], _ peer: PeerID) async -> DialResult {
    await withTaskGroup(of: RaceEvent.self) { group in
      var race = Race(addresses: addresses)
      begin(&race, peer, &group)
      while race.running > 0, let event = await group.next() {
        switch event {
        case .headStartOver(let attempt):
          if attempt == race.started { begin(&race, peer, &group) }
        case .ended(let address, let result):
          race.running -= 1
          if await ended(address, result, peer, &race) { group.cancelAll() }
          begin(&race, peer, &group)
        }
      }
      group.cancelAll()
      if let winner = race.winner { return .success(winner) }
      if Task.isCancelled { return .failure(.cancelled) }
      let failures = race.failures
      return .failure(failures.count == 1 ? failures[0] : .dialsFailed(peer, failures))
    }
  }

  private func begin(_ race: inout Race, _ peer: PeerID, _ group: inout TaskGroup<RaceEvent>) {
    guard let (address, attempt) = race.next() else { return }
    group.addTask { .ended(address, await self.outcome(of: address, peer)) }
    group.addTask { [loop] in
      try? await loop.perform { try await loop.sleep(for: DialLimits.headStart) }
      return .headStartOver(attempt: attempt)
    }
  }

  /// Takes down how one attempt ended; returns whether the race is won.
  private func ended(
    _ address: Multiaddr, _ result: DialResult, _ peer: PeerID, _ race: inout Race
  ) async -> Bool {
    switch result {
    case .success(let connection):
      remember(address, of: peer, succeeded: true)
      if race.winner == nil { race.winner = connection } else { await connection.close() }
      return true
    case .failure(let error):
      guard race.winner == nil, error != .cancelled else { return race.winner != nil }
      race.failures.append(error)
      remember(address, of: peer, succeeded: false)
      note(.dialFailed(error), peer: peer, address: address)
      return false
    }
  }

  private func outcome(of address: Multiaddr, _ peer: PeerID) async -> DialResult {
    do throws(PeerError) {
      return .success(try await attempt(address, peer))
    } catch {
      return .failure(error)
    }
  }

  // MARK: One address

  private func attempt(
    _ address: Multiaddr, _ peer: PeerID
  ) async throws(PeerError) -> PeerConnection {
    if let circuit = CircuitAddress(address) {
      guard let circuitDialer else { throw .addressNotUsable(address) }
      return try await circuitDialer(circuit, peer)
    }
    if let name = address.textRecordsName {
      return try await attempt(addresses(behind: name, of: peer), peer)
    }
    var lastError = PeerError.addressNotUsable(address)
    for target in try await targets(of: address) {
      do throws(PeerError) {
        return try await attempt(target, peer)
      } catch {
        lastError = error
        if case .socket = error { continue }
        throw error
      }
    }
    throw lastError
  }

  /// One after the other, until somebody who answers proves to be the peer.
  private func attempt(
    _ addresses: [Multiaddr], _ peer: PeerID
  ) async throws(PeerError) -> PeerConnection {
    var failures: [PeerError] = []
    for address in addresses {
      do throws(PeerError) { return try await attempt(address, peer) } catch {
        if error == .cancelled { throw error }
        failures.append(error)
      }
    }
    throw failures.count == 1 ? failures[0] : .dialsFailed(peer, failures)
  }

  private func targets(of address: Multiaddr) async throws(PeerError) -> [SocketAddress] {
    switch address.dialTarget {
    case .ip(let host, let port): return [.tcp(host: host, port: port)]
    case .name(let kind, let name, let port):
      guard let resolver = settings.resolver else { throw .addressNotUsable(address) }
      let found: [SocketAddress]
      do { found = try await resolver.addresses(of: name, port: port) } catch {
        throw .nameUnknown(name)
      }
      let fitting = found.filter { kind.admits($0) }.prefix(DialLimits.resolvedMax)
      guard !fitting.isEmpty else { throw .nameUnknown(name) }
      return Array(fitting)
    case nil: throw .addressNotUsable(address)
    }
  }

  private func attempt(
    _ target: SocketAddress, _ peer: PeerID
  ) async throws(PeerError) -> PeerConnection {
    if let refusal = target.multiaddr.flatMap({ filter.refusal(of: $0) }) {
      throw .filtered(refusal)
    }
    let socket: Socket
    do throws(SocketError) {
      let timeout = settings.timeouts.handshake
      let source = target.multiaddr.flatMap { listenPort(for: $0) }
      socket = try await loop.perform { [loop] () async throws(SocketError) in
        do throws(SocketError) {
          return try await Socket.connect(to: target, from: source, on: loop, within: timeout)
        } catch SocketError.addressInUse, SocketError.addressInvalid {
          // A connection with the same ends exists, or has just ended.
          return try await Socket.connect(to: target, on: loop, within: timeout)
        }
      }
    } catch {
      throw error == .cancelled ? .cancelled : .socket(error)
    }
    return try await handshake(over: socket, with: peer)
  }

  private func handshake(
    over socket: Socket, with peer: PeerID
  ) async throws(PeerError) -> PeerConnection {
    let connection: PeerConnection
    do throws(PeerError) {
      connection = try self.connection(over: socket, role: .initiator, expecting: peer)
    } catch {
      socket.close()
      throw error
    }
    try serve(connection)
    let outcome = await withTaskCancellationHandler {
      do throws(PeerError) {
        return Result<Void, PeerError>.success(try await connection.established())
      } catch {
        return .failure(error)
      }
    } onCancel: {
      loop.execute { connection.assumeIsolated { $0.giveUpHandshake() } }
    }
    try outcome.get()
    return connection
  }
}

extension MultiaddrName {
  /// Whether an address may come from a look-up of this kind.
  fileprivate func admits(_ address: SocketAddress) -> Bool {
    guard case .tcp(let host, _) = address else { return false }
    return switch self {
    case .dns: true
    case .dns4: !host.contains(":")
    case .dns6: host.contains(":")
    case .dnsaddr, .sni: false
    }
  }
}

extension PeerHost {
  /// Who answers at an address, by the handshake alone; nothing stays open.
  package func identity(at address: Multiaddr) async throws(PeerError) -> PeerID {
    // Nobody has the key of this id, so whoever answers is named as the wrong one.
    let nobody = SigningKey.generate().publicKey.peerID
    do throws(PeerError) {
      await (try dial(address.withoutPeer.naming(nobody))).close()
    } catch {
      if case .peering(.wrongPeer(_, let actual)) = error { return actual }
      throw error
    }
    throw .closed
  }
}
