package import Primitives

/// How we know an address, the weakest first.
package enum AddressSource: UInt8, Comparable, Sendable {
  /// Another peer said so: a DHT answer, a peer exchange.
  case hearsay
  /// Found on the local network.
  case discovered
  /// The peer said so itself, unsigned.
  case identified
  /// The peer signed it.
  case signed
  /// Somebody wrote it into our settings.
  case configured
  /// A connection was made to it.
  case connected

  /// Orders by trust.
  package static func < (left: AddressSource, right: AddressSource) -> Bool {
    left.rawValue < right.rawValue
  }

  /// How long an address of this source is believed.
  var lifetime: Duration {
    switch self {
    case .hearsay, .discovered: .seconds(1_800)
    case .identified, .signed: .seconds(3_600)
    case .configured, .connected: PeerBookLimits.addressLifetimeMax
    }
  }
}

/// One address of a peer.
package struct KnownAddress: Equatable, Sendable {
  /// The address without the peer's id.
  package let address: Multiaddr
  /// How we know it.
  package internal(set) var source: AddressSource
  /// When it is no longer believed.
  package internal(set) var expires: Tick
  /// Dials that failed since the last that succeeded.
  package internal(set) var failures = 0
  /// Not dialled before; the wait doubles with each failure.
  package internal(set) var retryAt = Tick.zero
}

/// When an address that failed is dialled again.
package enum DialBackoff {
  /// After the first failure.
  static let first: Duration = .seconds(5)
  /// However often it failed.
  static let longest: Duration = .seconds(300)

  /// The wait after this many failures in a row.
  package static func pause(after failures: Int) -> Duration {
    min(longest, first * (1 << min(max(failures, 1) - 1, 8)))
  }
}

extension PeerBook {
  /// Adds addresses of a peer, or believes known ones longer; the worst are dropped when there are
  /// too many. An address that names another peer is no address of this one.
  package mutating func learn(
    _ addresses: [Multiaddr], of handle: PeerHandle, source: AddressSource, now: Tick,
    lifetime: Duration? = nil
  ) {
    guard let peer = peer(of: handle) else { return }
    let expires = now.advanced(
      by: min(lifetime ?? source.lifetime, PeerBookLimits.addressLifetimeMax))
    let bare = addresses.prefix(PeerBookLimits.addressesPerPeerMax)
      .filter { $0.peer == nil || $0.peer == peer }.map(\.withoutOwner)
    change(handle) { record in
      record.lastSeen = now
      record.addresses.removeAll { $0.expires <= now }
      for address in bare {
        if let index = record.addresses.firstIndex(where: { $0.address == address }) {
          record.addresses[index].source = max(record.addresses[index].source, source)
          record.addresses[index].expires = max(record.addresses[index].expires, expires)
        } else {
          record.addresses.append(
            KnownAddress(address: address, source: source, expires: expires))
        }
      }
      record.sortAddresses()
    }
  }

  /// The addresses of a peer that may be dialled now, best first and those through relays last;
  /// with `evenFailed` those too that failed lately.
  package func dialAddresses(
    of handle: PeerHandle, now: Tick, evenFailed: Bool = false
  ) -> [Multiaddr] {
    let open = (record(of: handle)?.addresses ?? [])
      .filter { $0.expires > now && $0.address.isDialable }
      .filter { evenFailed || $0.retryAt <= now }
      .map(\.address)
    return open.filter { !$0.isRelayed } + open.filter(\.isRelayed)
  }

  /// When a peer may be dialled again, if it has dialable addresses and all of them are waiting.
  package func dialWait(of handle: PeerHandle, now: Tick) -> Tick? {
    let known = (record(of: handle)?.addresses ?? [])
      .filter { $0.expires > now && $0.address.isDialable }
    guard !known.isEmpty, known.allSatisfy({ $0.retryAt > now }) else { return nil }
    return known.map(\.retryAt).min()
  }

  /// Remembers how a dial of an address went.
  package mutating func dialEnded(
    _ address: Multiaddr, of handle: PeerHandle, succeeded: Bool, now: Tick
  ) {
    let bare = address.withoutOwner
    if succeeded { learn([bare], of: handle, source: .connected, now: now) }
    change(handle) { record in
      guard let index = record.addresses.firstIndex(where: { $0.address == bare }) else { return }
      let failures = succeeded ? 0 : record.addresses[index].failures + 1
      record.addresses[index].failures = failures
      record.addresses[index].retryAt =
        succeeded ? .zero : now.advanced(by: DialBackoff.pause(after: failures))
      record.sortAddresses()
    }
  }

  /// Counts a peer in the group of the address it was met at.
  package mutating func met(_ handle: PeerHandle, at address: Multiaddr) {
    let group = AddressGroup.diversity(of: address)
    change(handle) { $0.group = group }
  }
}

extension PeerRecord {
  /// Fewest failures first, then the best known, then text, so that the order never depends on
  /// arrival.
  fileprivate mutating func sortAddresses() {
    addresses.sort { left, right in
      if left.failures != right.failures { return left.failures < right.failures }
      if left.source != right.source { return left.source > right.source }
      return left.address.bytes.lexicographicallyPrecedes(right.address.bytes)
    }
    if addresses.count > PeerBookLimits.addressesPerPeerMax {
      addresses.removeLast(addresses.count - PeerBookLimits.addressesPerPeerMax)
    }
    // A connection says more about the group than what the peer says of itself.
    if !tags.contains("connected") {
      // Who names an address of a site beside a public one is counted by the public one.
      group = addresses.lazy.map { AddressGroup.diversity(of: $0.address) }.first { $0 != 0 } ?? 0
    }
  }
}
