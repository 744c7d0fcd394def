import Peering
import Primitives
import Testing

@testable import Networking

@Suite("addresses of interfaces")
struct InterfaceAddressTests {
  private static let loopback = interface(
    1, isLoopback: true, [[127, 0, 0, 1], Bytes(repeating: 0, count: 15) + [1]])
  private static let cable = interface(
    2, isLoopback: false,
    [
      [192, 0, 2, 7], [0x20, 0x01, 0x0D, 0xB8] + Bytes(repeating: 0, count: 11) + [7],
      [0xFE, 0x80] + Bytes(repeating: 0, count: 13) + [7],
    ])

  private static func interface(
    _ index: UInt32, isLoopback: Bool, _ ips: [Bytes]
  ) -> NetworkInterface {
    NetworkInterface(
      index: index, name: "link\(index)", isLoopback: isLoopback, carriesMulticast: true,
      addresses: ips.map { NetworkInterface.Address(ip: $0, prefixLength: 24) })
  }

  private func expanded(_ text: String, _ interfaces: [NetworkInterface]) throws -> [String] {
    InterfaceAddresses.expand(try Multiaddr(text), over: interfaces).map { "\($0)" }
  }

  private func dialable(_ text: String, _ interfaces: [NetworkInterface]) throws -> [String] {
    InterfaceAddresses.dialable(try Multiaddr(text), over: interfaces).map { "\($0)" }
  }

  @Test("every IPv4 interface is named, and loopback last")
  func version4() throws {
    #expect(
      try expanded("/ip4/0.0.0.0/tcp/4001", [Self.loopback, Self.cable])
        == ["/ip4/192.0.2.7/tcp/4001", "/ip4/127.0.0.1/tcp/4001"])
  }

  @Test("the unspecified IPv6 address stands for both versions, without link-local addresses")
  func bothVersions() throws {
    #expect(
      try expanded("/ip6/::/tcp/4001", [Self.loopback, Self.cable]) == [
        "/ip4/192.0.2.7/tcp/4001", "/ip6/2001:db8::7/tcp/4001", "/ip4/127.0.0.1/tcp/4001",
        "/ip6/::1/tcp/4001",
      ])
  }

  @Test("peers are told loopback only where there is nothing else")
  func dialled() throws {
    #expect(
      try dialable("/ip4/0.0.0.0/tcp/4001", [Self.loopback, Self.cable])
        == ["/ip4/192.0.2.7/tcp/4001"])
    #expect(
      try dialable("/ip6/::/tcp/4001", [Self.loopback])
        == ["/ip4/127.0.0.1/tcp/4001", "/ip6/::1/tcp/4001"])
  }

  @Test("an address of one interface stays as it is, whatever the interfaces")
  func specific() throws {
    for text in ["/ip4/127.0.0.1/tcp/1", "/ip4/198.51.100.1/tcp/1", "/ip6/2001:db8::9/tcp/1"] {
      #expect(try expanded(text, [Self.loopback, Self.cable]) == [text])
      #expect(try dialable(text, [Self.loopback, Self.cable]) == [text])
    }
  }

  @Test("whose address it is stays with it")
  func owner() throws {
    let owner = "/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN"
    #expect(
      try dialable("/ip4/0.0.0.0/tcp/4001" + owner, [Self.loopback, Self.cable])
        == ["/ip4/192.0.2.7/tcp/4001" + owner])
  }
}
