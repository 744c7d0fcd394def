package import Peering
import Primitives

/// The addresses of this machine's network interfaces.
package enum InterfaceAddresses {
  /// A machine with more interfaces than this announces the first ones.
  private static let addressesMax = 32

  /// An address that stands for every interface, as the addresses of those that are up; any other
  /// address as it is.
  package static func expand(_ address: Multiaddr) -> [Multiaddr] {
    guard let ip = address.ipBytes, ip.allSatisfy({ $0 == 0 }) else { return [address] }
    let found = all().filter { $0.count == ip.count }
    return found.map { interface in
      let first: Multiaddr.Component = interface.count == 4 ? .ip4(interface) : .ip6(interface)
      return Multiaddr([first] + address.components.dropFirst())
    }
  }

  /// The IPv4 and IPv6 addresses of interfaces that are up, without link-local IPv6, which means
  /// nothing without its interface.
  private static func all() -> [Bytes] {
    var addresses: [Bytes] = []
    for ip in NetworkInterface.all().flatMap(\.addresses).map(\.ip)
    where addresses.count < addressesMax {
      guard !(ip.count == 16 && ip[0] == 0xFE), !addresses.contains(ip) else { continue }
      addresses.append(ip)
    }
    return addresses
  }
}
