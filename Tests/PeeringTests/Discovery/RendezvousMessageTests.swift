import Cryptography
import Peering
import Primitives
import Testing

@Suite("rendezvous messages")
struct RendezvousMessageTests {
  static func key(_ seed: UInt8) -> SigningKey {
    try! SigningKey(seed: Bytes(repeating: seed, count: 32))
  }

  static func record(_ seed: UInt8, sequence: UInt64 = 1) -> SignedPeerRecord {
    SignedPeerRecord(
      sequence: sequence, addresses: [try! Multiaddr("/ip4/203.0.113.\(seed)/tcp/4001")],
      by: key(seed))
  }

  static var samples: [RendezvousMessage] {
    let entry = RendezvousEntry(
      namespace: "martlet", record: record(1).envelope, seconds: 7_200)
    return [
      .register(entry), .register(RendezvousEntry(namespace: "", record: [])),
      .registerResponse(.ok, seconds: 7_200), .registerResponse(.invalidLifetime, seconds: 0),
      .unregister(namespace: "martlet", peer: key(1).publicKey.peerID.bytes),
      .discover(namespace: "", limit: 0, cookie: []),
      .discover(namespace: "martlet", limit: 100, cookie: Bytes(1...24)),
      .discoverResponse(.ok, entries: [entry, entry], cookie: [1]),
      .discoverResponse(.invalidCookie, entries: [], cookie: []),
    ]
  }

  @Test("each message comes back as it was")
  func roundTrip() throws {
    for message in Self.samples {
      #expect(try RendezvousMessage(decoding: message.encoded()) == message)
    }
  }

  /// Written by py-libp2p 0.8.1 (`libp2p.discovery.rendezvous.messages`).
  @Test("the messages of py-libp2p are read")
  func pythonMessages() throws {
    func read(_ hex: String) throws -> RendezvousMessage {
      try RendezvousMessage(decoding: Hex.decode(hex))
    }
    let peer = try PeerID(DNSMessageTests.owner)
    let id = "260024080112202ffa35a99d3a3cfbb17bb7c1dc5561b18a8dcca4df38dc613ea859c37eb1336b"
    guard
      case .register(let entry) = try read(
        "12400a076d6172746c657412320a" + id + "1208040a000007060fa118a038")
    else {
      Issue.record("no registration")
      return
    }
    #expect(entry.namespace == "martlet")
    #expect(entry.seconds == 7_200)
    let address = try Multiaddr("/ip4/10.0.0.7/tcp/4001")
    #expect(RendezvousRecord(decoding: entry.record) == .unsigned(peer, [address]))
    #expect(entry.record == RendezvousRecord.unsigned(peer, [address]).encoded())
    #expect(
      try read("08032a0f0a076d6172746c657410641a020102")
        == .discover(namespace: "martlet", limit: 100, cookie: [1, 2]))
    #expect(
      try read("080222310a076d6172746c657412" + id)
        == .unregister(namespace: "martlet", peer: peer.bytes))
    #expect(
      try read("08011a0708c80112026e6f") == .registerResponse(.notAuthorized, seconds: 0))
  }

  @Test("a cut or changed message is refused or another one")
  func damage() {
    for message in Self.samples {
      let bytes = message.encoded()
      for count in 0..<bytes.count {
        let cut = try? RendezvousMessage(decoding: Bytes(bytes.prefix(count)))
        #expect(cut != message)
      }
      for bit in 0..<(bytes.count * 8) {
        var flipped = bytes
        flipped[bit / 8] ^= 1 << (bit % 8)
        guard let other = try? RendezvousMessage(decoding: flipped) else { continue }
        #expect((try? RendezvousMessage(decoding: other.encoded())) == other)
      }
    }
  }

  @Test("what is too long, too much or not defined is refused by name")
  func refusals() {
    let long = Bytes(repeating: 0, count: RendezvousLimits.messageBytesMax + 1)
    #expect(
      throws: RendezvousFault.tooLong(bytes: long.count, limit: RendezvousLimits.messageBytesMax)
    ) { _ = try RendezvousMessage(decoding: long) }
    #expect(throws: RendezvousFault.type(0)) { _ = try RendezvousMessage(decoding: []) }
    #expect(throws: RendezvousFault.type(100)) { _ = try RendezvousMessage(decoding: [8, 100]) }
    #expect(throws: RendezvousFault.type(3)) { _ = try RendezvousMessage(decoding: [8, 3]) }
    #expect(throws: RendezvousFault.status(7)) {
      _ = try RendezvousMessage(decoding: [8, 1, 26, 2, 8, 7])
    }
    #expect(throws: RendezvousFault.namespace) {
      _ = try RendezvousMessage(decoding: [8, 3, 42, 3, 10, 1, 0xFF])
    }
    let cookie = Bytes(repeating: 1, count: 257)
    #expect(throws: RendezvousFault.cookieTooLong(bytes: 257, limit: 256)) {
      _ = try RendezvousMessage(
        decoding: RendezvousMessage.discover(namespace: "", limit: 1, cookie: cookie).encoded())
    }
    let entries = [RendezvousEntry](
      repeating: RendezvousEntry(namespace: "n", record: []), count: 1_001)
    #expect(throws: RendezvousFault.tooManyRegistrations(limit: 1_000)) {
      _ = try RendezvousMessage(
        decoding: RendezvousMessage.discoverResponse(.ok, entries: entries, cookie: []).encoded())
    }
  }

  @Test("a changed bit of a signed record is no signed record")
  func recordBitFlips() {
    let envelope = Self.record(1).envelope
    #expect(RendezvousRecord(decoding: envelope) == .signed(Self.record(1)))
    for bit in 0..<(envelope.count * 8) {
      var flipped = envelope
      flipped[bit / 8] ^= 1 << (bit % 8)
      if case .signed = RendezvousRecord(decoding: flipped) { Issue.record("bit \(bit)") }
    }
    let long = Bytes(repeating: 0, count: RendezvousLimits.recordBytesMax + 1)
    #expect(RendezvousRecord(decoding: long) == nil)
  }

  @Test("a cookie opens at the point and for the namespace it was made for, and unchanged")
  func cookies() {
    let secret = Bytes(1...32)
    let cookie = RendezvousCookie(number: 0x0102_0304_0506_0708)
    let sealed = cookie.sealed(for: "a", by: secret)
    #expect(sealed.count == 24)
    #expect(RendezvousCookie(opening: sealed, for: "a", by: secret) == cookie)
    #expect(RendezvousCookie(opening: sealed, for: "b", by: secret) == nil)
    #expect(RendezvousCookie(opening: sealed, for: "a", by: Bytes(2...33)) == nil)
    for count in 0..<sealed.count {
      let cut = Bytes(sealed.prefix(count))
      #expect(RendezvousCookie(opening: cut, for: "a", by: secret) == nil)
    }
    for bit in 0..<(sealed.count * 8) {
      var flipped = sealed
      flipped[bit / 8] ^= 1 << (bit % 8)
      #expect(RendezvousCookie(opening: flipped, for: "a", by: secret) == nil)
    }
  }
}
