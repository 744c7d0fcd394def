import Cryptography
import Primitives
import Testing

@testable import Peering

@Suite("peer book")
struct PeerBookTests {
  private static func peer(_ number: Int) throws -> PeerID {
    let seed = [UInt8(number >> 8), UInt8(number & 0xFF)] + Bytes(repeating: 9, count: 30)
    return try SigningKey(seed: seed).publicKey.peerID
  }

  private static func time(_ seconds: UInt64) -> Tick {
    Tick(nanoseconds: seconds * 1_000_000_000)
  }

  @Test("a peer has one handle, and the handle leads back to it and to its point")
  func handles() throws {
    var book = PeerBook()
    let peer = try Self.peer(1)
    let handle = book.intern(peer, now: .zero)
    #expect(book.intern(peer, now: .zero) == handle)
    #expect(book.peer(of: handle) == peer)
    #expect(book.key(of: handle) == DistanceKey(hashing: peer.bytes))
    #expect(book.intern(try Self.peer(2), now: .zero) != handle)
  }

  @Test("a flood of new names forgets the oldest unmarked ones, and no handle names two peers")
  func bounded() throws {
    var book = PeerBook(peersMax: 32)
    let kept = book.intern(try Self.peer(0), now: .zero)
    book.tag(kept, "anchor")
    var names: [PeerHandle: PeerID] = [kept: try Self.peer(0)]
    for number in 1..<200 {
      let peer = try Self.peer(number)
      let handle = book.intern(peer, now: Self.time(UInt64(number)))
      #expect(names.updateValue(peer, forKey: handle) == nil)
      #expect(book.count <= 32)
    }
    #expect(book.peer(of: kept) == (try Self.peer(0)))
    #expect(book.handle(of: try Self.peer(1)) == nil)
    #expect(book.handle(of: try Self.peer(199)) != nil)
    for (handle, peer) in names {
      #expect(book.peer(of: handle) == nil || book.peer(of: handle) == peer)
    }
  }

  @Test("addresses are dialled best first, expire, and wait longer after each failure")
  func addresses() throws {
    var book = PeerBook()
    let peer = try Self.peer(1)
    let handle = book.intern(peer, now: .zero)
    let heard = try Multiaddr("/ip4/1.2.3.4/tcp/1")
    let given = try Multiaddr("/ip4/5.6.7.8/tcp/2")
    let foreign = try Multiaddr("/ip4/5.6.7.8/udp/2/quic-v1")
    book.learn([heard, foreign], of: handle, source: .hearsay, now: .zero)
    book.learn([given.naming(peer)], of: handle, source: .configured, now: .zero)
    #expect(book.dialAddresses(of: handle, now: .zero) == [given, heard])
    book.dialEnded(given, of: handle, succeeded: false, now: .zero)
    #expect(book.dialAddresses(of: handle, now: Self.time(1)) == [heard])
    book.dialEnded(heard, of: handle, succeeded: false, now: .zero)
    #expect(book.dialAddresses(of: handle, now: Self.time(1)).isEmpty)
    #expect(book.dialWait(of: handle, now: Self.time(1)) == Self.time(5))
    book.dialEnded(given, of: handle, succeeded: false, now: Self.time(5))
    #expect(book.dialAddresses(of: handle, now: Self.time(6)) == [heard])
    #expect(book.dialAddresses(of: handle, now: Self.time(15)) == [heard, given])
    // Hearsay is believed for half an hour.
    #expect(book.dialAddresses(of: handle, now: Self.time(1_800)) == [given])
    book.dialEnded(given, of: handle, succeeded: true, now: Self.time(1_800))
    #expect(book.record(of: handle)?.addresses.first?.source == .connected)
  }

  @Test("an address that names another peer is not taken, and a liar's list is cut")
  func foreignAddresses() throws {
    var book = PeerBook()
    let handle = book.intern(try Self.peer(1), now: .zero)
    let other = try Multiaddr("/ip4/1.2.3.4/tcp/1").naming(try Self.peer(2))
    book.learn([other], of: handle, source: .identified, now: .zero)
    #expect(book.record(of: handle)?.addresses.isEmpty == true)
    for port in 1...100 {
      book.learn(
        [try Multiaddr("/ip4/1.2.3.4/tcp/\(port)")], of: handle, source: .hearsay, now: .zero)
    }
    let count = book.record(of: handle)?.addresses.count
    #expect(count == PeerBookLimits.addressesPerPeerMax)
  }

  @Test("however much peers say of themselves, the book keeps its bytes and its marked peers")
  func boundedBytes() throws {
    let most = 200_000
    var book = PeerBook(peersMax: 10_000, bytesMax: most)
    let kept = book.intern(try Self.peer(0), now: .zero)
    book.tag(kept, "connected")
    for number in 1..<300 {
      let now = Self.time(UInt64(number))
      let handle = book.intern(try Self.peer(number), now: now)
      book.learn(
        protocols: (0..<100).map { "/\($0)/" + String(repeating: "x", count: $0 * 10) },
        of: handle)
      let addresses = try (1..<20).map { try Multiaddr("/ip4/8.8.\($0).1/tcp/4001") }
      let envelope = Bytes(repeating: 1, count: number * 100)
      _ = book.learn(
        envelope: envelope, sequence: 1, addresses: addresses, of: handle, now: now)
      #expect(book.heldBytes <= most)
      let record = try #require(book.record(of: handle))
      #expect(record.protocols.allSatisfy { $0.utf8.count <= 256 })
      #expect(record.recordEnvelope.count <= 4_096)
    }
    #expect(book.record(of: kept) != nil)
    #expect(book.count > 10)
    // A record too long to keep was believed all the same.
    let last = try #require(book.handle(of: try Self.peer(299)))
    let isNewer = book.learn(envelope: [1], sequence: 1, addresses: [], of: last, now: .zero)
    #expect(!isNewer)
  }

  @Test("an older signed record does not replace a newer one")
  func records() throws {
    var book = PeerBook()
    let handle = book.intern(try Self.peer(1), now: .zero)
    let (old, new) = (try Multiaddr("/ip4/1.1.1.1/tcp/1"), try Multiaddr("/ip4/2.2.2.2/tcp/2"))
    func learn(_ sequence: UInt64, _ address: Multiaddr) -> Bool {
      book.learn(
        envelope: [UInt8(sequence)], sequence: sequence, addresses: [address], of: handle,
        now: .zero)
    }
    #expect(learn(5, new))
    #expect(!learn(5, old))
    #expect(!learn(4, old))
    #expect(book.dialAddresses(of: handle, now: .zero) == [new])
    #expect(learn(6, old))
    #expect(book.dialAddresses(of: handle, now: .zero) == [old])
  }

  @Test("peers of one IPv4 /16 or IPv6 /32 are one group, and loopback is none")
  func groups() throws {
    func group(_ text: String) throws -> UInt32 {
      AddressGroup.network(of: try Multiaddr(text))
    }
    #expect(try group("/ip4/1.2.3.4/tcp/1") == group("/ip4/1.2.250.9/tcp/7"))
    #expect(try group("/ip4/1.2.3.4/tcp/1") != group("/ip4/1.3.3.4/tcp/1"))
    #expect(try group("/ip6/2001:db8::1/tcp/1") == group("/ip6/2001:db8:ffff::2/tcp/1"))
    #expect(try group("/ip6/::ffff:102:304/tcp/1") == group("/ip4/1.2.3.4/tcp/1"))
    #expect(try group("/ip4/127.0.0.1/tcp/1") == 0)
    #expect(try group("/ip6/::1/tcp/1") == 0)
    #expect(try group("/dns4/a.example/tcp/1") == 0)
  }

  @Test(
    "an address knows from where it can be reached",
    arguments: [
      ("/ip4/10.1.1.1/tcp/1", AddressScope.local), ("/ip4/172.31.0.1/tcp/1", .local),
      ("/ip4/172.32.0.1/tcp/1", .global), ("/ip4/100.64.0.1/tcp/1", .local),
      ("/ip4/127.9.9.9/tcp/1", .loopback), ("/ip6/fe80::1/tcp/1", .local),
      ("/ip6/fd00::1/tcp/1", .local), ("/ip6/2a00::1/tcp/1", .global),
    ])
  func scopes(text: String, scope: AddressScope) throws {
    #expect(AddressGroup.scope(of: try Multiaddr(text)) == scope)
  }
}

@Suite("allow and deny lists")
struct PeerFilterTests {
  @Test("a block of addresses contains what shares its bits")
  func blocks() throws {
    let block = try AddressBlock("10.20.0.0/14")
    #expect(block.contains([10, 23, 255, 1]))
    #expect(!block.contains([10, 24, 0, 1]))
    #expect(try AddressBlock("2001:db8::/32").contains([0x20, 1, 0xD, 0xB8] + Bytes(1...12)))
    #expect(try AddressBlock("0.0.0.0/0").contains([1, 2, 3, 4]))
    #expect(try !AddressBlock("1.2.3.4").contains([1, 2, 3, 5]))
    for text in ["", "1.2.3/8", "1.2.3.4/33", "1.2.3.4/-1", "1.2.3.4/8/8", "::1/129"] {
      #expect(throws: PeeringError.self) { try AddressBlock(text) }
    }
  }

  @Test("a denied peer, a denied address and a stranger to the allow list are named as such")
  func refusals() throws {
    let one = try SigningKey(seed: Bytes(repeating: 1, count: 32)).publicKey.peerID
    let two = try SigningKey(seed: Bytes(repeating: 2, count: 32)).publicKey.peerID
    var filter = PeerFilter()
    #expect(filter.refusal(of: one) == nil)
    filter.deniedPeers = [one]
    #expect(filter.refusal(of: one) == .peerDenied(one))
    filter.allowedPeers = [one]
    #expect(filter.refusal(of: two) == .peerNotAllowed(two))
    filter.deniedBlocks = [try AddressBlock("10.0.0.0/8")]
    let address = try Multiaddr("/ip4/10.9.9.9/tcp/1")
    #expect(filter.refusal(of: address) == .addressDenied(address))
  }
}
