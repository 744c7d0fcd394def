package import Peering
import Primitives

/// The addresses of this machine's network interfaces.
package enum InterfaceAddresses {
  /// A machine with more interfaces than this announces the first ones.
  private static let addressesMax = 32

  /// An address that stands for every interface, as the addresses of those that are up, which only
  /// this machine reaches last; any other address as it is. `::` stands for both IP versions.
  package static func expand(_ address: Multiaddr) -> [Multiaddr] {
    expand(address, over: NetworkInterface.all())
  }

  /// Where peers dial what listens at an address: what only this machine reaches is left out,
  /// unless there is nothing else.
  package static func dialable(_ address: Multiaddr) -> [Multiaddr] {
    dialable(address, over: NetworkInterface.all())
  }

  static func dialable(_ address: Multiaddr, over interfaces: [NetworkInterface]) -> [Multiaddr] {
    let all = expand(address, over: interfaces)
    let outside = all.filter { AddressGroup.scope(of: $0) != .loopback }
    return outside.isEmpty ? all : outside
  }

  static func expand(_ address: Multiaddr, over interfaces: [NetworkInterface]) -> [Multiaddr] {
    guard let ip = address.ipBytes, ip.allSatisfy({ $0 == 0 }) else { return [address] }
    // IPv4 before IPv6, which not every peer has.
    let versions = ip.count == 4 ? [4] : [4, 16]
    let all = versions.flatMap { ips(of: interfaces, byteCount: $0) }
    let (local, outside) = (all.filter(isLoopback), all.filter { !isLoopback($0) })
    return (outside + local).prefix(addressesMax).map { ip in
      let first: Multiaddr.Component = ip.count == 4 ? .ip4(ip) : .ip6(ip)
      return Multiaddr([first] + address.components.dropFirst())
    }
  }

  private static func isLoopback(_ ip: Bytes) -> Bool {
    AddressGroup.scope(ofIP: ip) == .loopback
  }

  /// The addresses of a length, without link-local IPv6, which means nothing without its interface.
  private static func ips(of interfaces: [NetworkInterface], byteCount: Int) -> [Bytes] {
    var found: [Bytes] = []
    for ip in interfaces.flatMap(\.addresses).map(\.ip)
    where ip.count == byteCount && !(byteCount == 16 && ip[0] == 0xFE) && !found.contains(ip) {
      found.append(ip)
    }
    return found
  }
}
