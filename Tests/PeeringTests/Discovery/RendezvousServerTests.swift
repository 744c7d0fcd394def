import Cryptography
import Peering
import Primitives
import Testing

@Suite("a rendezvous point")
struct RendezvousServerTests {
  /// A point and its clock.
  struct Point {
    var machine: RendezvousServerMachine
    var now = Tick.zero

    init(_ change: (inout RendezvousServerLimits) -> Void = { _ in }) {
      var limits = RendezvousServerLimits()
      change(&limits)
      machine = RendezvousServerMachine(limits: limits, secret: Bytes(1...32))
    }

    mutating func send(
      _ message: RendezvousMessage, from seed: UInt8, group: UInt32 = 0
    ) -> RendezvousMessage? {
      send(message, as: RendezvousMessageTests.key(seed).publicKey.peerID, group: group)
    }

    mutating func send(
      _ message: RendezvousMessage, as peer: PeerID, group: UInt32 = 0
    ) -> RendezvousMessage? {
      let effects = machine.handle(.received(message, from: peer, group: group), now: now)
      if case .answer(let answer)? = effects.first { return answer }
      return nil
    }

    @discardableResult
    mutating func register(
      _ seed: UInt8, _ namespace: String = "n", seconds: UInt64 = 0, group: UInt32 = 0,
      record: Bytes? = nil
    ) -> RendezvousMessage? {
      let bytes = record ?? RendezvousMessageTests.record(seed).envelope
      return send(
        .register(RendezvousEntry(namespace: namespace, record: bytes, seconds: seconds)),
        from: seed, group: group)
    }

    /// The peers of a page, by the byte their key was made of, and the next cookie.
    mutating func discover(
      _ namespace: String = "n", limit: UInt64 = 0, cookie: Bytes = []
    ) -> (seeds: [UInt8], cookie: Bytes, status: RendezvousStatus?) {
      let asked = send(.discover(namespace: namespace, limit: limit, cookie: cookie), from: 250)
      guard case .discoverResponse(let status, let entries, let next)? = asked else {
        return ([], [], nil)
      }
      let page = RendezvousPage(entries: entries, cookie: next, namespace: namespace)
      return (page.registrations.compactMap { $0.addresses.first?.ipBytes?[3] }, next, status)
    }

    mutating func pass(_ seconds: Int64) { now = now.advanced(by: .seconds(seconds)) }
  }

  @Test("who registers is discovered, with the time that is left, until it unregisters")
  func registration() {
    var point = Point()
    #expect(point.register(1) == .registerResponse(.ok, seconds: 7_200))
    #expect(point.register(2, seconds: 259_200) == .registerResponse(.ok, seconds: 259_200))
    point.register(3, "other")
    point.pass(100)
    guard
      case .discoverResponse(.ok, let entries, _)? = point.send(
        .discover(namespace: "n", limit: 0, cookie: []), from: 9)
    else {
      Issue.record("no page")
      return
    }
    #expect(entries.map(\.seconds) == [7_100, 259_100])
    #expect(entries[0].record == RendezvousMessageTests.record(1).envelope)
    #expect(point.discover("").seeds == [1, 2, 3])
    #expect(point.send(.unregister(namespace: "n", peer: []), from: 1) == nil)
    #expect(point.send(.unregister(namespace: "n", peer: []), from: 1) == nil)
    #expect(point.discover().seeds == [2])
    // The id in the message is not whose registration ends.
    let other = RendezvousMessageTests.key(2).publicKey.peerID.bytes
    #expect(point.send(.unregister(namespace: "n", peer: other), from: 7) == nil)
    #expect(point.discover().seeds == [2])
  }

  @Test("a registration ends when its time is over, and its memory is freed")
  func expiry() {
    var point = Point()
    point.register(1, seconds: 120)
    point.register(2, seconds: 240)
    point.pass(121)
    #expect(point.discover().seeds == [2])
    _ = point.machine.handle(.tick, now: point.now)
    #expect(point.machine.registrationCount == 1)
    point.pass(200)
    _ = point.machine.handle(.tick, now: point.now)
    #expect(point.machine.heldBytes == 0)
  }

  @Test("times, namespaces and records that may not be are refused by name")
  func refusals() {
    var point = Point()
    for seconds: UInt64 in [1, 119, 259_201, .max] {
      #expect(
        point.register(1, seconds: seconds) == .registerResponse(.invalidLifetime, seconds: 0))
    }
    for name in ["", String(repeating: "n", count: 256)] {
      #expect(point.register(1, name) == .registerResponse(.invalidNamespace, seconds: 0))
    }
    #expect(
      point.register(1, String(repeating: "n", count: 255))
        == .registerResponse(.ok, seconds: 7_200))
    #expect(point.discover(String(repeating: "n", count: 256)).status == .invalidNamespace)
    let unsigned = RendezvousRecord.signed(RendezvousMessageTests.record(1)).withoutSignature
    for record in [[], [1, 2, 3], unsigned] {
      #expect(
        point.register(1, record: record)
          == .registerResponse(.invalidSignedPeerRecord, seconds: 0))
    }
    #expect(point.machine.registrationCount == 1)
    let effects = point.machine.handle(
      .received(.registerResponse(.ok, seconds: 1), from: MDNSWorld.peer(1), group: 0),
      now: point.now)
    #expect(effects == [.refuse])
  }

  @Test("nobody registers another peer")
  func otherPeer() {
    var point = Point()
    let stolen = RendezvousMessageTests.record(2).envelope
    #expect(point.register(1, record: stolen) == .registerResponse(.notAuthorized, seconds: 0))
    #expect(point.discover().seeds.isEmpty)
  }

  @Test("an older record than the newest is refused, the same one renews")
  func replay() {
    var point = Point()
    let old = RendezvousMessageTests.record(1, sequence: 5).envelope
    let new = RendezvousMessageTests.record(1, sequence: 6).envelope
    #expect(point.register(1, record: new) == .registerResponse(.ok, seconds: 7_200))
    for name in ["n", "m"] {
      #expect(
        point.register(1, name, record: old)
          == .registerResponse(.invalidSignedPeerRecord, seconds: 0))
    }
    #expect(point.register(1, record: new) == .registerResponse(.ok, seconds: 7_200))
    #expect(point.machine.registrationCount == 1)
  }

  @Test("a cookie pages through a namespace and then shows only what is new")
  func paging() {
    var point = Point()
    for seed in 1...7 { point.register(UInt8(seed)) }
    var cookie = Bytes()
    var pages: [[UInt8]] = []
    for _ in 0..<4 {
      let page = point.discover(limit: 3, cookie: cookie)
      pages.append(page.seeds)
      cookie = page.cookie
    }
    #expect(pages == [[1, 2, 3], [4, 5, 6], [7], []])
    point.register(8)
    point.register(2)
    let news = point.discover(cookie: cookie)
    #expect(news.seeds == [8, 2], "the new one, and the one that was renewed")
    #expect(point.discover(cookie: news.cookie).seeds.isEmpty)
    #expect(point.discover().seeds == [1, 3, 4, 5, 6, 7, 8, 2])
  }

  @Test("a forged cookie, one of another namespace and one of another point are refused")
  func cookieForgery() {
    var point = Point()
    for seed in 1...3 { point.register(UInt8(seed)) }
    let cookie = point.discover(limit: 1).cookie
    #expect(point.discover("m", cookie: cookie).status == .invalidCookie)
    #expect(point.discover("", cookie: cookie).status == .invalidCookie)
    for bit in 0..<(cookie.count * 8) {
      var forged = cookie
      forged[bit / 8] ^= 1 << (bit % 8)
      point.now = point.now.advanced(by: .seconds(1))
      #expect(point.discover(cookie: forged).status == .invalidCookie)
    }
    let other = RendezvousCookie(number: 0).sealed(for: "n", by: Bytes(2...33))
    #expect(point.discover(cookie: other).status == .invalidCookie)
    point.pass(60)
    #expect(point.discover(cookie: cookie).seeds == [2, 3])
  }

  @Test("a page has at most a thousand registrations, whatever is asked for")
  func pageLimit() {
    var point = Point { $0.requestsPerMinuteMax = 10_000 }
    for index in 0..<1_050 {
      let key = try! SigningKey(seed: SHA256.hash(Bytes("\(index)".utf8)).bytes)
      let record = SignedPeerRecord(sequence: 1, addresses: [], by: key)
      let entry = RendezvousEntry(namespace: "n", record: record.envelope)
      _ = point.send(.register(entry), as: key.publicKey.peerID)
    }
    guard
      case .discoverResponse(.ok, let entries, let cookie)? = point.send(
        .discover(namespace: "n", limit: .max, cookie: []), from: 1)
    else {
      Issue.record("no page")
      return
    }
    #expect(entries.count == 1_000)
    let message = RendezvousMessage.discoverResponse(.ok, entries: entries, cookie: cookie)
    #expect(message.encoded().count <= RendezvousLimits.messageBytesMax)
    guard
      case .discoverResponse(.ok, let rest, _)? = point.send(
        .discover(namespace: "n", limit: .max, cookie: cookie), from: 1)
    else {
      Issue.record("no second page")
      return
    }
    #expect(rest.count == 50)
  }

  // MARK: Attacks

  @Test("registrations of one peer, one group, one namespace and all of them have an end")
  func registrationSpam() {
    let full = RendezvousMessage.registerResponse(.unavailable, seconds: 0)
    var point = Point { $0.perPeerMax = 3 }
    for name in ["a", "b", "c"] { #expect(point.register(1, name) != full) }
    #expect(point.register(1, "d") == full)
    #expect(point.register(1, "a") != full, "it renews what it has")
    #expect(point.register(2, "d") != full)

    point = Point { $0.perGroupMax = 2 }
    for seed: UInt8 in [1, 2] { #expect(point.register(seed, group: 7) != full) }
    #expect(point.register(3, group: 7) == full)
    #expect(point.register(3, group: 8) != full)
    #expect(point.register(1, group: 7) != full, "it renews what it has")

    point = Point { $0.perNamespaceMax = 2 }
    for seed: UInt8 in [1, 2] { #expect(point.register(seed) != full) }
    #expect(point.register(3) == full)
    #expect(point.register(3, "m") != full)

    point = Point { $0.registrationsMax = 2 }
    for seed: UInt8 in [1, 2] { #expect(point.register(seed, "\(seed)") != full) }
    #expect(point.register(3, "3") == full)
    // What expires makes room by itself.
    point.pass(7_201)
    #expect(point.register(3, "3") != full)

    let bytes = RendezvousMessageTests.record(1).envelope.count
    point = Point { $0.bytesMax = bytes * 4 }
    for seed: UInt8 in 1...30 { point.register(seed) }
    #expect(point.machine.heldBytes <= bytes * 4)
    #expect(point.machine.registrationCount >= 2)
  }

  @Test("a peer that sends without end is not served for the rest of the minute, others are")
  func requestSpam() {
    var point = Point()
    for _ in 0..<120 { #expect(point.register(1) == .registerResponse(.ok, seconds: 7_200)) }
    #expect(point.register(1) == .registerResponse(.unavailable, seconds: 0))
    #expect(point.send(.unregister(namespace: "n", peer: []), from: 1) == nil)
    #expect(point.discover().seeds == [1])
    guard
      case .discoverResponse(.unavailable, _, _)? = point.send(
        .discover(namespace: "n", limit: 0, cookie: []), from: 1)
    else {
      Issue.record("served")
      return
    }
    #expect(point.register(2) == .registerResponse(.ok, seconds: 7_200))
    point.pass(60)
    #expect(point.register(1) == .registerResponse(.ok, seconds: 7_200))
  }

  @Test("renewing thousands of times does not grow the lists behind the pages")
  func renewals() {
    var point = Point { $0.requestsPerMinuteMax = .max }
    for _ in 0..<5_000 { point.register(1) }
    #expect(point.machine.registrationCount == 1)
    #expect(point.machine.lineCount <= 2 * 64)
    #expect(point.discover().seeds == [1])
  }

  // MARK: The first draft

  @Test("a point that takes unsigned records checks whose connection it is")
  func unsignedRecords() {
    var point = Point { $0.takesUnsigned = true }
    let own = RendezvousRecord.signed(RendezvousMessageTests.record(1)).withoutSignature
    #expect(point.register(1, record: own) == .registerResponse(.ok, seconds: 7_200))
    #expect(point.register(2, record: own) == .registerResponse(.notAuthorized, seconds: 0))
    #expect(point.register(3) == .registerResponse(.ok, seconds: 7_200))
    func page(for seed: UInt8) -> [RendezvousRecord?] {
      let asked = point.send(.discover(namespace: "n", limit: 0, cookie: []), from: seed)
      guard case .discoverResponse(.ok, let entries, _)? = asked else { return [] }
      return entries.map { RendezvousRecord(decoding: $0.record) }
    }
    let third = RendezvousMessageTests.record(3)
    #expect(
      page(for: 1).map { $0?.peer }
        == [1, 3].map {
          RendezvousMessageTests.key($0).publicKey.peerID
        })
    #expect(page(for: 1).allSatisfy { if case .unsigned = $0 { true } else { false } })
    #expect(page(for: 3) == [.signed(third)], "who signs gets what is signed")
  }
}
