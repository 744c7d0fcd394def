internal import Glibc
package import Primitives

/// A network interface that is up.
package struct NetworkInterface: Equatable, Sendable {
  /// A machine with more addresses than this uses the first ones.
  private static let addressesMax = 256

  /// The kernel's number for it.
  package let index: UInt32
  /// What people call it.
  package let name: String
  /// Whether it leads to this machine alone.
  package let isLoopback: Bool
  /// Whether it carries packets for many.
  package let carriesMulticast: Bool
  /// Its addresses of 4 or 16 bytes, and how many of their bits all neighbours share.
  package private(set) var addresses: [Address]

  /// One address of an interface.
  package struct Address: Equatable, Sendable {
    /// 4 or 16 bytes.
    package let ip: Bytes
    /// Bits that all neighbours share.
    package let prefixLength: Int
  }

  /// The interfaces that are up, in the kernel's order.
  package static func all() -> [NetworkInterface] {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&list) == 0 else { return [] }
    defer { freeifaddrs(list) }
    var interfaces: [NetworkInterface] = []
    var entry = list
    var count = 0
    while let current = entry, count < addressesMax {
      entry = current.pointee.ifa_next
      let flags = current.pointee.ifa_flags
      guard flags & UInt32(IFF_UP) != 0, let address = ip(of: current.pointee.ifa_addr) else {
        continue
      }
      count += 1
      let index = if_nametoindex(current.pointee.ifa_name)
      let mask = ip(of: current.pointee.ifa_netmask) ?? []
      let found = Address(ip: address, prefixLength: mask.reduce(0) { $0 + $1.nonzeroBitCount })
      if let known = interfaces.firstIndex(where: { $0.index == index }) {
        interfaces[known].addresses.append(found)
      } else if index != 0 {
        interfaces.append(
          NetworkInterface(
            index: index, name: String(cString: current.pointee.ifa_name),
            isLoopback: flags & UInt32(IFF_LOOPBACK) != 0,
            carriesMulticast: flags & UInt32(IFF_MULTICAST) != 0, addresses: [found]))
      }
    }
    return interfaces
  }

  /// The bytes of a socket address's IP address; nil when it has none.
  static func ip(of address: UnsafeMutablePointer<sockaddr>?) -> Bytes? {
    guard let address else { return nil }
    let raw = UnsafeRawPointer(address)
    switch Int32(address.pointee.sa_family) {
    case AF_INET:
      let ip = raw.loadUnaligned(as: sockaddr_in.self).sin_addr
      return withUnsafeBytes(of: ip) { Bytes($0) }
    case AF_INET6:
      let ip = raw.loadUnaligned(as: sockaddr_in6.self).sin6_addr
      return withUnsafeBytes(of: ip) { Bytes($0) }
    default: return nil
    }
  }
}
