package import Cryptography
package import Primitives

/// What a server of AutoNAT gives away.
package struct DialBackLimits: Equatable, Sendable {
  /// Dials for all peers within a period (go-libp2p: 30 a minute).
  package var dialsMax = 30
  /// Dials for one peer within a period (go-libp2p: 3 a minute).
  package var dialsPerPeerMax = 3
  /// The period.
  package var period: Duration = .seconds(60)
  /// Bytes that a peer pays before another host is dialled for it: several times what a handshake
  /// costs, 30 to 100 kB as the specification says.
  package var costBytes: Range<UInt64> = 30_000..<100_000
  /// Whether addresses of this machine and of local networks are dialled; only inside one network.
  package var dialsLocalAddresses = false

  /// The defaults.
  package init() {}
}

/// What a server of AutoNAT does with a request.
package enum DialBackDecision: Equatable, Sendable {
  /// Dial one of these, all of which lie at the asker's own IP address.
  case dial([Multiaddr])
  /// Dial this one.
  case check(index: Int, Multiaddr)
  /// Dial this one once the asker has paid: it is another host's.
  case charge(index: Int, Multiaddr, bytes: UInt64)
  /// Do not dial, because of the addresses.
  case refuse
  /// Do not dial, because of a limit.
  case reject
}

/// Decides whom a server of AutoNAT dials (libp2p/specs autonat): nobody is made to dial a host
/// that did not ask for it, at least not for free.
package struct DialBackMachine: Sendable {
  private let limits: DialBackLimits
  private var dials: [(peer: PeerHandle, time: Tick)] = []

  /// A server that has dialled nobody.
  package init(limits: DialBackLimits = DialBackLimits()) { self.limits = limits }

  /// Version 1: only addresses at the IP address at which the asker is seen. `seen` is nil for one
  /// that came through a relay.
  package mutating func handle(
    request addresses: [Multiaddr], of peer: PeerHandle, id: PeerID, seen: Multiaddr?, now: Tick
  ) -> DialBackDecision {
    guard let ip = seen?.ipBytes, admits(ip) else { return .refuse }
    let own = addresses.filter {
      $0.dialTarget != nil && $0.ipBytes == ip && ($0.peer == nil || $0.peer == id)
    }
    guard !own.isEmpty else { return .refuse }
    return count(peer, now) ? .dial(own) : .reject
  }

  /// Version 2: the first address that can be dialled; one of another host costs.
  package mutating func handle(
    check addresses: [Multiaddr?], of peer: PeerHandle, id: PeerID, seen: Multiaddr?, now: Tick,
    random: inout some RandomNumberGenerator
  ) -> DialBackDecision {
    guard let seenIP = seen?.ipBytes else { return .refuse }
    let first = addresses.firstIndex { address in
      guard let address, case .ip = address.dialTarget, let ip = address.ipBytes else {
        return false
      }
      // Whoever reaches us over one IP version does not prove that we reach others over the other.
      return admits(ip) && ip.count == seenIP.count && (address.peer == nil || address.peer == id)
    }
    guard let index = first, let address = addresses[index] else { return .refuse }
    guard count(peer, now) else { return .reject }
    guard address.ipBytes != seenIP else { return .check(index: index, address) }
    return .charge(
      index: index, address, bytes: UInt64.random(in: limits.costBytes, using: &random))
  }

  private func admits(_ ip: Bytes) -> Bool {
    limits.dialsLocalAddresses || AddressGroup.scope(ofIP: ip) == .global
  }

  private mutating func count(_ peer: PeerHandle, _ now: Tick) -> Bool {
    dials.removeAll { now.duration(since: $0.time) >= limits.period }
    guard dials.count < limits.dialsMax,
      dials.count(where: { $0.peer == peer }) < limits.dialsPerPeerMax
    else { return false }
    dials.append((peer, now))
    return true
  }
}
