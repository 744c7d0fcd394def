package import Primitives

/// Where an address can be reached from.
package enum AddressScope: Sendable {
  /// Only this machine.
  case loopback
  /// One site or link (RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291 §2.5.6).
  case local
  /// Everywhere.
  case global
}

/// What is counted together.
package enum AddressGroup {
  /// The group of peers that `PeerDirectory.addressGroup` speaks of: that of `network`, and 0
  /// inside one site: all of a local network are neighbours, and nobody from outside can be dialled
  /// there.
  package static func diversity(of address: Multiaddr) -> UInt32 {
    scope(of: address) == .global ? network(of: address) : 0
  }

  /// IPv4 /16, IPv6 /32; 0 for loopback and for addresses without an IP.
  package static func network(of address: Multiaddr) -> UInt32 {
    guard scope(of: address) != .loopback else { return 0 }
    return networkOfAny(address)
  }

  /// The same, and loopback like any other network.
  package static func networkOfAny(_ address: Multiaddr) -> UInt32 {
    guard let ip = address.ipBytes else { return 0 }
    // No IPv6 unicast address begins with 0001, so the two kinds of group stay apart.
    if ip.count == 4 { return 0x0001_0000 | UInt32(ip[0]) << 8 | UInt32(ip[1]) }
    return ip[0..<4].reduce(0) { $0 << 8 | UInt32($1) }
  }

  /// The group that limits inbound connections: one IPv4 address, one IPv6 /48; 0 for loopback.
  package static func host(of address: Multiaddr) -> UInt64 {
    guard scope(of: address) != .loopback else { return 0 }
    return hostOfAny(address)
  }

  /// The same, and loopback like any other address.
  package static func hostOfAny(_ address: Multiaddr) -> UInt64 {
    guard let ip = address.ipBytes else { return 0 }
    if ip.count == 4 { return 1 << 32 | ip.reduce(0) { $0 << 8 | UInt64($1) } }
    return 1 << 48 | ip[0..<6].reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// Where an address can be reached from; names count as global.
  package static func scope(of address: Multiaddr) -> AddressScope {
    address.ipBytes.map(scope(ofIP:)) ?? .global
  }

  /// The scope of 4 or 16 bytes.
  package static func scope(ofIP ip: Bytes) -> AddressScope {
    guard ip.count == 4 else {
      if ip.dropLast().allSatisfy({ $0 == 0 }), ip.last == 1 { return .loopback }
      let isUniqueLocal = ip[0] & 0xFE == 0xFC
      let isLinkLocal = ip[0] == 0xFE && ip[1] & 0xC0 == 0x80
      return isUniqueLocal || isLinkLocal ? .local : .global
    }
    switch (ip[0], ip[1]) {
    case (127, _): return .loopback
    case (10, _), (172, 16...31), (192, 168), (169, 254), (100, 64...127): return .local
    default: return .global
    }
  }
}

extension Multiaddr {
  /// The IP address in front: 4 or 16 bytes, 4 also for an IPv4 address mapped into IPv6 (RFC 4291
  /// §2.5.5.2).
  package var ipBytes: Bytes? {
    switch components.first {
    case .ip4(let bytes): bytes
    case .ip6(let bytes): bytes.starts(with: Self.mappedPrefix) ? Bytes(bytes[12...]) : bytes
    default: nil
    }
  }

  private static let mappedPrefix = Bytes(repeating: 0, count: 10) + [0xFF, 0xFF]
}
