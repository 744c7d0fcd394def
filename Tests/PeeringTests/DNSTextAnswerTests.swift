import Cryptography
import Primitives
import Testing

@testable import Peering

@Suite("name servers' answers")
struct DNSTextAnswerTests {
  private static let peer = "12D3KooWGQSgSWPiC5HaPpPrZsQhkMtLDYUGGDUai1FkjCavbYF9"

  /// An answer about `_dnsaddr.nodes.example` (RFC 1035 §4.1): two TXT records whose names point at
  /// the question, after a record of another type.
  private static func answer(_ texts: [String]) -> Bytes {
    var bytes: Bytes = [0, 7, 0x81, 0x80, 0, 1, 0, UInt8(texts.count + 1), 0, 0, 0, 0]
    for label in ["_dnsaddr", "nodes", "example"] {
      bytes += [UInt8(label.utf8.count)] + Bytes(label.utf8)
    }
    bytes += [0, 0, 16, 0, 1]
    bytes += [0xC0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 2, 0xC0, 21]
    for text in texts {
      let data = [UInt8(text.utf8.count)] + Bytes(text.utf8)
      bytes += [0xC0, 12, 0, 16, 0, 1, 0, 0, 0, 60, 0, UInt8(data.count)] + data
    }
    return bytes
  }

  private static let good = answer([
    "dnsaddr=/ip4/192.0.2.1/tcp/4001/p2p/\(peer)", "v=spf1 -all", "dnsaddr=/nonsense",
  ])

  @Test("texts are read, and addresses are those behind `dnsaddr=`")
  func reading() throws {
    let answer = try DNSTextAnswer(decoding: Self.good)
    #expect(answer.texts.count == 3)
    #expect(answer.addresses.map(\.description) == ["/ip4/192.0.2.1/tcp/4001/p2p/\(Self.peer)"])
  }

  @Test("a long text comes in several strings")
  func severalStrings() throws {
    var bytes = Bytes(Self.answer([]).prefix(7)) + [1, 0, 0, 0, 0]
    bytes[5] = 0
    bytes += [0, 0, 16, 0, 1, 0, 0, 0, 60, 0, 8, 3] + Bytes("abc".utf8) + [3] + Bytes("def".utf8)
    #expect(try DNSTextAnswer(decoding: bytes).texts == [Bytes("abcdef".utf8)])
  }

  @Test("every truncation is refused", arguments: 0..<good.count)
  func truncation(length: Int) {
    #expect(throws: DecodingFailure.self) {
      try DNSTextAnswer(decoding: Bytes(Self.good.prefix(length)))
    }
  }

  @Test("no flipped bit traps, and none invents a peer")
  func bitFlips() throws {
    for bit in 0..<(Self.good.count * 8) {
      var changed = Self.good
      changed[bit / 8] ^= 1 << (bit % 8)
      guard let answer = try? DNSTextAnswer(decoding: changed) else { continue }
      #expect(answer.texts.count <= 64)
    }
  }
}
