import Cryptography
import Peering
import Primitives
import Testing

@Suite("AutoNAT")
struct AutoNATTests {
  private static let peer = try! SigningKey(seed: Bytes(repeating: 1, count: 32)).publicKey.peerID
  private static let other = try! SigningKey(seed: Bytes(repeating: 2, count: 32)).publicKey.peerID
  private static let own = try! Multiaddr("/ip4/203.0.113.7/tcp/4001")
  private static let victim = try! Multiaddr("/ip4/198.51.100.9/tcp/80")

  private static let statusMessages: [AutoNATMessage] = [
    .dial(peer, [own, victim]), .dial(nil, []), .answer(.ok, "", own),
    .answer(.dialRefused, "no", nil),
  ]
  private static let checkMessages: [AddressCheckMessage] = [
    .request([own.bytes, victim.bytes], nonce: 0x0123_4567_89AB_CDEF), .request([], nonce: 0),
    .response(.ok, index: 1, .dialBackError), .response(.internalError, index: 0, .unused),
    .dataRequest(index: 1, bytes: 30_000), .data(Bytes(repeating: 5, count: 4_096)),
  ]

  @Test("messages come back as they were, and no cut or changed one breaks the reader")
  func codecs() throws {
    for message in Self.statusMessages {
      let bytes = message.encoded()
      #expect(try AutoNATMessage(decoding: bytes) == message)
      for damaged in Self.damaged(bytes) {
        guard let other = try? AutoNATMessage(decoding: damaged) else { continue }
        #expect((try? AutoNATMessage(decoding: other.encoded())) == other)
      }
    }
    for message in Self.checkMessages {
      let bytes = message.encoded()
      #expect(try AddressCheckMessage(decoding: bytes) == message)
      for damaged in Self.damaged(Bytes(bytes.prefix(120))) {
        _ = try? AddressCheckMessage(decoding: damaged)
      }
    }
    #expect(throws: ReachabilityFault.kind) { _ = try AutoNATMessage(decoding: []) }
    #expect(throws: ReachabilityFault.status(7)) {
      _ = try AutoNATMessage(decoding: [8, 1, 26, 2, 8, 7])
    }
    #expect(throws: ReachabilityFault.kind) { _ = try AddressCheckMessage(decoding: []) }
    #expect(throws: ReachabilityFault.tooLong(bytes: 8_193, limit: 8_192)) {
      _ = try AddressCheckMessage(decoding: Bytes(repeating: 0, count: 8_193))
    }
    // `fixed64` in the specification's protobuf: eight bytes, the lowest first.
    #expect(DialBackMessage.encode(nonce: 258) == [9, 2, 1, 0, 0, 0, 0, 0, 0])
    #expect(try DialBackMessage.nonce(in: [9, 2, 1, 0, 0, 0, 0, 0, 0]) == 258)
    #expect(throws: ReachabilityFault.kind) { _ = try DialBackMessage.nonce(in: []) }
  }

  static func damaged(_ bytes: Bytes) -> [Bytes] {
    let cut = (0..<bytes.count).map { Bytes(bytes.prefix($0)) }
    return cut
      + (0..<(bytes.count * 8)).map { bit in
        var flipped = bytes
        flipped[bit / 8] ^= 1 << (bit % 8)
        return flipped
      }
  }

  @Test("version 1 dials nothing but the address at which the asker is seen")
  func noThirdParties() throws {
    var machine = DialBackMachine()
    func ask(_ addresses: [Multiaddr], seen: Multiaddr?) -> DialBackDecision {
      machine.handle(
        request: addresses, of: PeerHandle(1), id: Self.peer, seen: seen, now: .zero)
    }
    let seen = try Multiaddr("/ip4/203.0.113.7/tcp/50000")
    #expect(ask([Self.victim, Self.own], seen: seen) == .dial([Self.own]))
    #expect(ask([Self.victim], seen: seen) == .refuse)
    #expect(ask([Self.own.naming(Self.other)], seen: seen) == .refuse)
    #expect(ask([Self.own], seen: nil) == .refuse)
    let local = try Multiaddr("/ip4/127.0.0.1/tcp/1")
    #expect(ask([local], seen: local) == .refuse)
    #expect(try ask([Multiaddr("/dns4/victim.example/tcp/1")], seen: seen) == .refuse)
  }

  @Test("version 2 dials another host only for a price, and one address only")
  func amplification() throws {
    var machine = DialBackMachine()
    var random = SplitMix64(seed: 1)
    func check(_ addresses: [Multiaddr?], peer: UInt32) -> DialBackDecision {
      machine.handle(
        check: addresses, of: PeerHandle(peer), id: Self.peer, seen: Self.own, now: .zero,
        random: &random)
    }
    #expect(check([nil, Self.own, Self.victim], peer: 1) == .check(index: 1, Self.own))
    guard case .charge(0, Self.victim, let bytes) = check([Self.victim, Self.own], peer: 1) else {
      Issue.record("another host is dialled for free")
      return
    }
    #expect((30_000..<100_000).contains(bytes))
    let local = try Multiaddr("/ip4/192.168.1.1/tcp/1")
    let v6 = try Multiaddr("/ip6/2001:db9::1/tcp/1")
    #expect(check([local, v6, nil], peer: 1) == .refuse)
  }

  @Test("no peer, and not all peers together, are dialled for without end")
  func rates() {
    var limits = DialBackLimits()
    limits.dialsMax = 4
    var machine = DialBackMachine(limits: limits)
    func ask(_ peer: UInt32, _ seconds: Int) -> DialBackDecision {
      machine.handle(
        request: [Self.own], of: PeerHandle(peer), id: Self.peer, seen: Self.own,
        now: Tick.zero.advanced(by: .seconds(seconds)))
    }
    for second in 0..<3 { #expect(ask(1, second) == .dial([Self.own])) }
    #expect(ask(1, 3) == .reject)
    #expect(ask(2, 4) == .dial([Self.own]))
    #expect(ask(3, 5) == .reject)
    #expect(ask(1, 60) == .dial([Self.own]))
  }

  @Test("one operator has one voice about our reachability, and old answers fade")
  func voices() {
    var machine = ReachabilityMachine()
    for _ in 0..<10 { machine.answered(Self.own, isReachable: true, by: 1, now: .zero) }
    #expect(machine.reachability(now: .zero) == .unknown)
    for group: UInt32 in 2...4 {
      machine.answered(Self.own, isReachable: true, by: group, now: .zero)
    }
    #expect(machine.reachability(of: Self.own, now: .zero) == .reachable)
    for group: UInt32 in 5...8 {
      machine.answered(Self.victim, isReachable: false, by: group, now: .zero)
    }
    #expect(machine.reachability(of: Self.victim, now: .zero) == .unreachable)
    #expect(machine.reachability(now: .zero) == .reachable)
    let late = Tick.zero.advanced(by: ReachabilityLimits.lifetime)
    #expect(machine.reachability(now: late) == .unknown)
  }
}

@Suite("hole punching")
struct HolePunchTests {
  private static let left = try! Multiaddr("/ip4/203.0.113.7/tcp/4001")
  private static let right = try! Multiaddr("/ip4/198.51.100.9/tcp/4002")

  @Test("messages come back as they were, and no cut or changed one breaks the reader")
  func codec() throws {
    for message in [HolePunchMessage.connect([Self.left, Self.right]), .connect([]), .sync] {
      let bytes = message.encoded()
      #expect(try HolePunchMessage(decoding: bytes) == message)
      for damaged in AutoNATTests.damaged(bytes) {
        guard let other = try? HolePunchMessage(decoding: damaged) else { continue }
        #expect((try? HolePunchMessage(decoding: other.encoded())) == other)
      }
    }
    // `CONNECT = 100`, `SYNC = 300` of the specification's protobuf.
    #expect(HolePunchMessage.connect([]).encoded() == [8, 100])
    #expect(HolePunchMessage.sync.encoded() == [8, 172, 2])
    #expect(throws: ReachabilityFault.kind) { _ = try HolePunchMessage(decoding: [8, 1]) }
    #expect(throws: ReachabilityFault.tooLong(bytes: 4_097, limit: 4_096)) {
      _ = try HolePunchMessage(decoding: Bytes(repeating: 0, count: 4_097))
    }
  }

  @Test("both sides dial at the same moment, and agree who initiates")
  func moment() {
    var leader = HolePunchMachine(leads: true, ownAddresses: [Self.left])
    var follower = HolePunchMachine(leads: false, ownAddresses: [Self.right])
    #expect(
      leader.handle(.begin, now: .zero) == [.openStream, .send(.connect([Self.left]))])
    #expect(
      follower.handle(.received(.connect([Self.left])), now: .zero)
        == [.send(.connect([Self.right]))])
    let later = Tick.zero.advanced(by: .milliseconds(80))
    #expect(
      leader.handle(.received(.connect([Self.right])), now: later)
        == [
          .send(.sync), .dial([Self.right], after: .milliseconds(40), role: .responder),
        ])
    #expect(
      follower.handle(.received(.sync), now: later)
        == [.dial([Self.left], after: .zero, role: .initiator)])
    #expect(leader.handle(.attemptEnded(isConnected: true), now: later) == [.succeeded])
  }

  @Test("the leader tries three times, the follower follows each one anew")
  func attempts() {
    var leader = HolePunchMachine(leads: true, ownAddresses: [Self.left])
    _ = leader.handle(.begin, now: .zero)
    for attempt in 1...3 {
      _ = leader.handle(.received(.connect([Self.right])), now: .zero)
      let effects = leader.handle(.attemptEnded(isConnected: false), now: .zero)
      #expect(effects == (attempt < 3 ? [.openStream, .send(.connect([Self.left]))] : [.failed]))
    }
    var follower = HolePunchMachine(leads: false, ownAddresses: [])
    #expect(follower.handle(.received(.sync), now: .zero) == [.failed])
  }

  @Test("a peer cannot make us dial this machine or our network, nor many hosts")
  func targets() throws {
    var follower = HolePunchMachine(leads: false, ownAddresses: [])
    let many = try (1...40).map { try Multiaddr("/ip4/198.51.100.\($0)/tcp/22") }
    let near = try ["127.0.0.1", "10.0.0.1", "192.168.0.1"].map {
      try Multiaddr("/ip4/\($0)/tcp/22")
    }
    _ = follower.handle(.received(.connect(near + many)), now: .zero)
    let effects = follower.handle(.received(.sync), now: .zero)
    #expect(
      effects
        == [
          .dial(
            Array(many.prefix(HolePunchMessage.addressesMax - near.count)), after: .zero,
            role: .initiator)
        ])
    var idle = HolePunchMachine(leads: false, ownAddresses: [])
    _ = idle.handle(.received(.connect(near)), now: .zero)
    #expect(idle.handle(.received(.sync), now: .zero) == [.failed])
  }
}
