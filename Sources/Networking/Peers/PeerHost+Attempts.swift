import Cryptography
import Peering
import Primitives

extension PeerHost {
  /// Dials one address, or those that it stands for.
  func attempt(
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
