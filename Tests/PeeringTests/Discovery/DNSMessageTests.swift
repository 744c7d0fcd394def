import Peering
import Primitives
import Testing

@Suite("messages of multicast DNS")
struct DNSMessageTests {
  static let service = DNSName("_p2p._udp.local")!
  static let instance = DNSName("abcdefghijklmnopqrstuvwxyz234567._p2p._udp.local")!
  static let host = DNSName("abcdefghijklmnopqrstuvwxyz234567.local")!
  static let owner = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"

  /// What python-zeroconf 0.150.5, which py-libp2p speaks mDNS with, sends of a peer with two
  /// addresses.
  static let zeroconfResponse = try! Hex.decode(
    "000084000000000100000003045f703270045f756470056c6f63616c00000c0001000011940023206162636465"
      + "666768696a6b6c6d6e6f707172737475767778797a323334353637c00cc0270021800100000078002900000000"
      + "0fa1206162636465666768696a6b6c6d6e6f707172737475767778797a323334353637c016c027001080010000"
      + "119400b157646e73616464723d2f6970342f31302e302e302e372f7463702f343030312f7032702f313244334b"
      + "6f6f57443365636b69665770526e397751704d4739523968583373443135387a37457148576d776551414a5535"
      + "534158646e7361646472323d2f6970342f31302e302e302e372f7463702f343030322f7032702f313244334b6f"
      + "6f57443365636b69665770526e397751704d4739523968583373443135387a37457148576d776551414a553553"
      + "41c05c000180010000007800040a000007")

  static var sample: DNSMessage {
    var message = DNSMessage()
    message.id = 7
    message.isTruncated = true
    message.questions = [
      DNSQuestion(service, type: DNSType.pointer),
      DNSQuestion(instance, type: DNSType.any, wantsUnicast: true, classNumber: 255),
    ]
    message.answers = [DNSRecord(service, .pointer(instance), lifetimeSeconds: 4_500)]
    message.authorities = [
      DNSRecord(instance, .other(type: 47, [1, 2, 3]), lifetimeSeconds: 1, classNumber: 3)
    ]
    message.additionals = [
      DNSRecord(instance, .text([Bytes("a=b".utf8), []]), lifetimeSeconds: .max, isUnique: true),
      DNSRecord(
        instance, .service(priority: 1, weight: 2, port: 4_001, host: host), lifetimeSeconds: 120),
      DNSRecord(host, .address([10, 0, 0, 7]), lifetimeSeconds: 120, isUnique: true),
      DNSRecord(host, .address(Bytes(1...16)), lifetimeSeconds: 0),
      DNSRecord(host, .text([]), lifetimeSeconds: 9),
    ]
    return message
  }

  @Test("a message comes back as it was, and its names are written once")
  func roundTrip() throws {
    let bytes = Self.sample.encoded()
    #expect(try DNSMessage(decoding: bytes) == Self.sample)
    let label = Bytes("abcdefghijklmnopqrstuvwxyz234567".utf8)
    let count = bytes.indices.count { bytes[$0...].starts(with: label) }
    #expect(count == 2, "once under the service, once under the host")
  }

  @Test("a response of python-zeroconf is read, and written back byte for byte")
  func zeroconf() throws {
    let message = try DNSMessage(decoding: Self.zeroconfResponse)
    #expect(message.isResponse)
    #expect(
      message.answers == [DNSRecord(Self.service, .pointer(Self.instance), lifetimeSeconds: 4_500)])
    #expect(message.additionals.count == 3)
    #expect(
      message.additionals[1].content
        == .text([
          Bytes("dnsaddr=/ip4/10.0.0.7/tcp/4001/p2p/\(Self.owner)".utf8),
          Bytes("dnsaddr2=/ip4/10.0.0.7/tcp/4002/p2p/\(Self.owner)".utf8),
        ]))
    #expect(message.encoded() == Self.zeroconfResponse)
  }

  /// RFC 1035 §4.1.4: F.ISI.ARPA in full, FOO in front of it, ARPA alone, and the root.
  @Test("the compressed names of RFC 1035 are read")
  func compression() throws {
    var bytes: Bytes = [0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0]
    bytes += [1, 0x46, 3, 0x49, 0x53, 0x49, 4, 0x41, 0x52, 0x50, 0x41, 0, 0, 1, 0, 1]
    bytes += [3, 0x46, 0x4F, 0x4F, 0xC0, 12, 0, 1, 0, 1]
    bytes += [0xC0, 18, 0, 1, 0, 1]
    bytes += [0, 0, 1, 0, 1]
    let names = try DNSMessage(decoding: bytes).questions.map(\.name.description)
    #expect(names == ["f.isi.arpa", "foo.f.isi.arpa", "arpa", ""])
  }

  @Test(
    "every truncation of a message is refused", arguments: [sample.encoded(), zeroconfResponse])
  func truncation(bytes: Bytes) {
    for count in 0..<bytes.count {
      #expect(throws: DNSFault.self) { _ = try DNSMessage(decoding: Bytes(bytes.prefix(count))) }
    }
    #expect(throws: DNSFault.trailingBytes(1)) { _ = try DNSMessage(decoding: bytes + [0]) }
  }

  @Test("a message with a changed bit is refused or read the same when written again")
  func bitFlips() {
    let bytes = Self.sample.encoded()
    for bit in 0..<(bytes.count * 8) {
      var flipped = bytes
      flipped[bit / 8] ^= 1 << (bit % 8)
      guard let other = try? DNSMessage(decoding: flipped) else { continue }
      #expect((try? DNSMessage(decoding: other.encoded())) == other)
    }
  }

  /// One question whose name is these bytes behind a header of twelve.
  private static func question(_ name: Bytes) -> Bytes {
    [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0] + name + [0, 12, 0, 1]
  }

  @Test("a pointer to itself, forwards or in a circle is refused")
  func loops() {
    #expect(throws: DNSFault.pointer(12)) {
      _ = try DNSMessage(decoding: Self.question([0xC0, 12]))
    }
    #expect(throws: DNSFault.pointer(20)) {
      _ = try DNSMessage(decoding: Self.question([0xC0, 20]))
    }
    // A label, then back to that label.
    #expect(throws: DNSFault.pointer(12)) {
      _ = try DNSMessage(decoding: Self.question([1, 0x61, 0xC0, 12]))
    }
    #expect(throws: DNSFault.label(0x80)) {
      _ = try DNSMessage(decoding: Self.question([0x80, 0]))
    }
  }

  @Test("a chain of pointers is followed only so far")
  func chains() throws {
    // Each question's name is a pointer to the one before it.
    func chain(_ count: Int) -> Bytes {
      var bytes: Bytes = [0, 0, 0, 0, 0, UInt8(count), 0, 0, 0, 0, 0, 0]
      var last = 0
      for index in 0..<count {
        let place = bytes.count
        bytes += index == 0 ? [1, 0x61, 0] : [0xC0, UInt8(last)]
        bytes += [0, 12, 0, 1]
        last = place
      }
      return bytes
    }
    let limit = DNSLimits.pointersMax
    #expect(try DNSMessage(decoding: chain(limit + 1)).questions.count == limit + 1)
    #expect(throws: DNSFault.self) { _ = try DNSMessage(decoding: chain(limit + 2)) }
  }

  @Test("names that grow by pointing at each other end at 255 bytes")
  func compressionBomb() {
    var bytes: Bytes = [0, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0]
    var last = 0
    for index in 0..<10 {
      let place = bytes.count
      bytes += [60] + Bytes(repeating: 0x61, count: 60)
      bytes += index == 0 ? [0] : [0xC0 | UInt8(last >> 8), UInt8(last & 0xFF)]
      bytes += [0, 12, 0, 1]
      last = place
    }
    #expect(throws: DNSFault.nameTooLong(limit: 255)) { _ = try DNSMessage(decoding: bytes) }
  }

  @Test("counts, codes and lengths beyond the limits are refused")
  func limits() {
    let long = Bytes(repeating: 0, count: DNSLimits.messageBytesMax + 1)
    #expect(throws: DNSFault.tooLong(bytes: 9_001, limit: 9_000)) {
      _ = try DNSMessage(decoding: long)
    }
    #expect(throws: DNSFault.tooManyQuestions(65_535, limit: 64)) {
      _ = try DNSMessage(decoding: [0, 0, 0, 0, 255, 255, 0, 0, 0, 0, 0, 0])
    }
    #expect(throws: DNSFault.tooManyRecords(257, limit: 256)) {
      _ = try DNSMessage(decoding: [0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1])
    }
    #expect(throws: DNSFault.code(5)) {
      _ = try DNSMessage(decoding: [0, 0, 0x28, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    }
    // An address of five bytes, and a text that is longer than its record.
    let head: Bytes = [0, 0, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]
    #expect(throws: DNSFault.content(type: 1)) {
      _ = try DNSMessage(decoding: head + [0, 1, 0, 1, 0, 0, 0, 9, 0, 5, 1, 2, 3, 4, 5])
    }
    #expect(throws: DNSFault.content(type: 16)) {
      _ = try DNSMessage(decoding: head + [0, 16, 0, 1, 0, 0, 0, 9, 0, 2, 7, 7])
    }
  }

  @Test("names are the same in both cases, and none is longer than names may be")
  func names() {
    #expect(DNSName("_P2P._udp.LOCAL") == Self.service)
    #expect(Self.instance.isChild(of: Self.service))
    #expect(!Self.service.isChild(of: Self.service))
    #expect(!Self.host.isChild(of: Self.service))
    #expect(DNSName("a..b") == nil)
    #expect(DNSName(String(repeating: "a", count: 64)) == nil)
    #expect(DNSName([Bytes](repeating: Bytes(repeating: 0x61, count: 63), count: 4)) == nil)
  }
}
