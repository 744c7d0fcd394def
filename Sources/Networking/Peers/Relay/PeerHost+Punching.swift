package import Cryptography
package import Peering

extension PeerHost {
  /// Dials an address from a port of its own, so that a NAT that lets answers to our other
  /// connections in does not count as reachable.
  package func dialBack(
    _ address: Multiaddr, within time: Duration? = nil
  ) async throws(PeerError) -> PeerConnection {
    guard let peer = address.peer, case .ip(let host, let port) = address.dialTarget else {
      throw .addressNotUsable(address)
    }
    return try await connect(
      to: .tcp(host: host, port: port), from: nil, peer, role: .initiator, within: time)
  }

  /// Dials an address from the port we listen on, as one side of a hole punch.
  func punch(
    _ address: Multiaddr, _ peer: PeerID, role: NoiseRole, within time: Duration
  ) async throws(PeerError) -> PeerConnection {
    guard case .ip(let host, let port) = address.dialTarget,
      let source = listenPort(for: address)
    else { throw .addressNotUsable(address) }
    return try await connect(
      to: .tcp(host: host, port: port), from: source, peer, role: role, within: time)
  }

  private func connect(
    to target: SocketAddress, from source: SocketAddress?, _ peer: PeerID, role: NoiseRole,
    within time: Duration?
  ) async throws(PeerError) -> PeerConnection {
    if let refusal = target.multiaddr.flatMap({ filter.refusal(of: $0) }) {
      throw .filtered(refusal)
    }
    let socket: Socket
    do throws(SocketError) {
      let timeout = time ?? settings.timeouts.handshake
      socket = try await loop.perform { [loop] () async throws(SocketError) in
        try await Socket.connect(to: target, from: source, on: loop, within: timeout)
      }
    } catch {
      throw error == .cancelled ? .cancelled : .socket(error)
    }
    return try await adopt(socket, role: role, expecting: peer)
  }

  /// Where we listen for addresses of the same kind; nil when the port is not shared with dials.
  func listenPort(for address: Multiaddr) -> SocketAddress? {
    guard settings.dialsFromListenPort else { return nil }
    let size = address.ipBytes?.count
    for own in listenAddresses where own.ipBytes?.count == size {
      if case .ip(let host, let port) = own.dialTarget { return .tcp(host: host, port: port) }
    }
    return nil
  }

  /// Where others see us, for a peer that wants to dial us at the same moment: what anybody saw,
  /// since a wrong address costs one dial.
  func punchAddresses(withLocal: Bool) -> [Multiaddr] {
    var own = observed.rows.map(\.address)
    for address in listenAddresses.flatMap(InterfaceAddresses.expand)
    where !own.contains(address) && (withLocal || AddressGroup.scope(of: address) == .global) {
      own.append(address)
    }
    return Array(own.prefix(HolePunchMessage.addressesMax))
  }

  /// The addresses of a peer that need no relay, best first.
  func directAddresses(of peer: PeerID) -> [Multiaddr] {
    guard let handle = book.handle(of: peer) else { return [] }
    return book.dialAddresses(of: handle, now: loop.now).filter {
      if case .ip = $0.dialTarget { true } else { false }
    }
  }

  /// Whether there is a connection with a peer that no relay carries.
  package func isDirectlyConnected(_ peer: PeerID) -> Bool {
    connection(with: peer).map { !$0.isRelayed } ?? false
  }
}
