import Cryptography
import Primitives
import Testing

@testable import Peering

@Suite("multiaddr")
struct MultiaddrTests {
  /// Text and bytes from the examples of github.com/multiformats/multiaddr and its Go tests.
  @Test(
    "text and bytes are one address",
    arguments: [
      ("/ip4/127.0.0.1/tcp/1234", "047f0000010604d2"),
      ("/ip4/1.2.3.4", "0401020304"),
      ("/ip4/127.0.0.1/udp/1234/quic-v1", "047f000001910204d2cd03"),
      ("/ip4/127.0.0.1/tcp/9090/http/p2p-circuit", "047f000001062382e003a202"),
      ("/dns6/example.com/tcp/443/wss", "370b6578616d706c652e636f6d0601bbde03"),
      ("/unix/a/b/c/d/e", "90030a2f612f622f632f642f65"),
      ("/ip6/::1/tcp/65535", "290000000000000000000000000000000106ffff"),
      ("/ip6/2601:9:4f81:9700:803e:ca65:66e8:c21", "29260100094f819700803eca6566e80c21"),
      ("/dns4/example.com/tcp/80", "360b6578616d706c652e636f6d060050"),
      (
        "/ip4/127.0.0.1/tcp/4001/p2p/QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC",
        "047f000001060fa1a503221220d52ebb89d85b02a284948203a62ff28389c57c9f42beec4ec20db76a68911c0b"
      ),
    ])
  func vectors(text: String, hex: String) throws {
    let address = try Multiaddr(text)
    #expect(Hex.encode(address.bytes) == hex)
    #expect(address.description == text)
    #expect(try Multiaddr(bytes: try Hex.decode(hex)) == address)
  }

  @Test(
    "anything else is refused",
    arguments: [
      "", "/", "ip4/1.2.3.4", "/ip4", "/ip4/1.2.3", "/ip4/01.2.3.4", "/ip4/1.2.3.256",
      "/ip4/1.2.3.4/", "/ip4/1.2.3.4/tcp", "/ip4/1.2.3.4/tcp/65536", "/ip4/1.2.3.4/tcp/+80",
      "/ip4/1.2.3.4/tcp/080", "/ip6/::1::", "/ip6/1:2:3", "/ip6/12345::", "/ip6/:::",
      "/ip6/1:2:3:4:5:6:7:8:9", "/ip6/1:2:3:4:5:6:7::8", "/dns4/a_b", "/dns4/", "/p2p/12D3",
      "/pigeon/80", "/ip4/1.2.3.4/udp", "/unix", "/unix/", "/certhash/x12", "/ws/",
      "/ip4/1.2.3.4//tcp/80",
    ])
  func refusedText(text: String) {
    #expect(throws: PeeringError.self) { try Multiaddr(text) }
  }

  @Test("an IPv6 address is written in its canonical form (RFC 5952)")
  func canonicalIP6() throws {
    #expect(try Multiaddr("/ip6/2001:DB8:0:0:1:0:0:1").description == "/ip6/2001:db8::1:0:0:1")
    #expect(try Multiaddr("/ip6/0:0:0:0:0:0:0:0").description == "/ip6/::")
    #expect(try Multiaddr("/ip6/1:0:2:3:4:5:6:7").description == "/ip6/1:0:2:3:4:5:6:7")
  }

  @Test("every truncation of the bytes is refused or is a shorter address")
  func truncations() throws {
    let peer = try SigningKey(seed: Bytes(repeating: 3, count: 32)).publicKey.peerID
    let whole = try Multiaddr("/dns4/a.example/tcp/4001").naming(peer)
    #expect(whole.peer == peer)
    for length in 0..<whole.bytes.count {
      let cut = try? Multiaddr(bytes: Bytes(whole.bytes.prefix(length)))
      #expect(cut == nil || whole.components.starts(with: cut?.components ?? []))
    }
  }

  @Test("a seventeenth component is refused")
  func tooLong() {
    let text = String(repeating: "/tcp/1", count: 17)
    #expect(throws: PeeringError.malformedMultiaddr("17 components")) { try Multiaddr(text) }
  }
}
