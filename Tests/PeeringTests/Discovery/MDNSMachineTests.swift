import Cryptography
import Peering
import Primitives
import Testing

/// A link with machines on it and a clock of its own.
struct MDNSWorld {
  static let link = MDNSLink(
    number: 4, isLoopback: false, addresses: [.init(ip: [10, 0, 0, 0], prefixLength: 24)])

  struct Node {
    let peer: PeerID
    let ip: Bytes
    var machine: MDNSMachine
    var isHere = true
  }

  var nodes: [Node] = []
  var now = Tick.zero
  var random = SplitMix64(seed: 1)
  /// Everything that was sent, when and by whom.
  var sent: [(at: Tick, node: Int, bytes: Bytes)] = []
  var found: [(node: Int, peer: PeerID, addresses: [Multiaddr])] = []
  var lost: [(node: Int, peer: PeerID)] = []

  static func peer(_ seed: UInt8) -> PeerID {
    try! SigningKey(seed: Bytes(repeating: seed, count: 32)).publicKey.peerID
  }

  static func machine(_ peer: PeerID, _ index: Int, fingerprint: Bytes? = nil) -> MDNSMachine {
    let name = String("\(index)" + String(repeating: "n", count: 40)).prefix(40)
    return MDNSMachine(peer: peer, instance: String(name), fingerprint: fingerprint)!
  }

  /// Puts a node on the link; returns its number.
  @discardableResult
  mutating func join(fingerprint: Bytes? = nil, addresses: [String]? = nil) -> Int {
    let index = nodes.count
    let ip: Bytes = [10, 0, 0, UInt8(index + 1)]
    let peer = Self.peer(UInt8(index + 1))
    nodes.append(
      Node(peer: peer, ip: ip, machine: Self.machine(peer, index, fingerprint: fingerprint)))
    let texts = addresses ?? ["/ip4/10.0.0.\(index + 1)/tcp/4001"]
    handle(.ownAddresses(texts.map { try! Multiaddr($0) }), at: index)
    let link = MDNSLink(
      number: 4, isLoopback: false, addresses: [.init(ip: ip, prefixLength: 24)])
    handle(.links([link]), at: index)
    return index
  }

  mutating func handle(_ event: MDNSEvent, at index: Int) {
    var effects: [MDNSEffect] = []
    nodes[index].machine.handle(event, now: now, random: &random, effects: &effects)
    for effect in effects {
      switch effect {
      case .send(let bytes, _):
        sent.append((now, index, bytes))
        deliver(bytes, from: nodes[index].ip)
      case .found(let peer, let addresses): found.append((index, peer, addresses))
      case .lost(let peer): lost.append((index, peer))
      }
    }
  }

  /// Everybody on a link hears, the sender too.
  mutating func deliver(_ bytes: Bytes, from ip: Bytes, port: UInt16 = 5_353) {
    for index in nodes.indices where nodes[index].isHere {
      handle(.received(bytes, link: 4, from: ip, port: port), at: index)
    }
  }

  /// Lets time pass.
  mutating func run(for time: Duration) {
    let end = now.advanced(by: time)
    while let next = nodes.filter(\.isHere).compactMap(\.machine.nextWake).min(), next <= end {
      now = max(now, next)
      for index in nodes.indices where nodes[index].isHere { handle(.tick, at: index) }
    }
    now = end
  }

  func messages(of index: Int, responses: Bool) -> [(at: Tick, message: DNSMessage)] {
    sent.filter { $0.node == index }.map { ($0.at, try! DNSMessage(decoding: $0.bytes)) }
      .filter { $0.1.isResponse == responses }
  }
}

@Suite("finding peers by multicast DNS")
struct MDNSMachineTests {
  @Test("two nodes find each other within a second, and a third one is found by both")
  func meeting() {
    var world = MDNSWorld()
    world.join()
    world.join()
    world.run(for: .seconds(1))
    #expect(world.nodes[0].machine.peers == [world.nodes[1].peer])
    #expect(world.nodes[1].machine.peers == [world.nodes[0].peer])
    #expect(
      world.found.first { $0.node == 0 }?.addresses.map(\.description)
        == ["/ip4/10.0.0.2/tcp/4001"])
    world.run(for: .seconds(600))
    world.join()
    world.run(for: .seconds(1))
    for node in world.nodes { #expect(node.machine.peers.count == 2) }
  }

  @Test("a lone node asks with growing pauses, up to five minutes")
  func pauses() {
    var world = MDNSWorld()
    world.join(addresses: [])
    world.run(for: .seconds(1_200))
    let times = world.messages(of: 0, responses: false).map(\.at)
    let pauses = zip(times.dropFirst(), times).map { $0.duration(since: $1) }
    #expect(
      pauses
        == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300].map { .seconds($0) }.prefix(
          pauses.count
        ).map { $0 })
    #expect(times.count >= 11)
    #expect(world.messages(of: 0, responses: true).isEmpty, "it has nothing to say")
  }

  @Test("a node that begins announces itself twice, a second apart")
  func announcements() {
    var world = MDNSWorld()
    world.join()
    world.nodes[0].isHere = true
    world.run(for: .seconds(10))
    let times = world.messages(of: 0, responses: true).map(\.at)
    // Its own questions are answered too, as the specification asks.
    #expect(times.count >= 2)
    for (later, earlier) in zip(times.dropFirst(), times) {
      #expect(later.duration(since: earlier) >= .seconds(1))
    }
  }

  private static var question: DNSMessage {
    var query = DNSMessage()
    query.questions = [DNSQuestion(DNSMessageTests.service, type: DNSType.pointer)]
    return query
  }

  @Test("however often it is asked, a node answers once a second")
  func rateLimit() {
    var world = MDNSWorld()
    world.join()
    world.run(for: .seconds(30))
    let before = world.sent.count
    for _ in 0..<1_000 {
      world.deliver(Self.question.encoded(), from: [10, 0, 0, 99])
      world.run(for: .milliseconds(10))
    }
    #expect(world.sent.count - before <= 12)
    #expect(world.sent.count - before >= 8)
  }

  @Test("whoever says that it knows us gets no answer, unless it will soon forget us")
  func knownAnswers() throws {
    var world = MDNSWorld()
    world.join()
    world.run(for: .seconds(50))
    let own = try #require(world.messages(of: 0, responses: true).first).message.answers[0]
    func answers(knowing seconds: UInt32?) -> Int {
      var query = Self.question
      if let seconds {
        query.answers = [DNSRecord(own.name, own.content, lifetimeSeconds: seconds)]
      }
      let before = world.sent.count
      world.deliver(query.encoded(), from: [10, 0, 0, 99])
      world.run(for: .seconds(2))
      return world.sent.count - before
    }
    #expect(answers(knowing: nil) == 1)
    #expect(answers(knowing: MDNSLimits.lifetimeSeconds) == 0)
    #expect(answers(knowing: MDNSLimits.lifetimeSeconds / 2 - 1) == 1)
  }

  @Test("known answers that follow in a second packet count")
  func truncatedQuery() throws {
    var world = MDNSWorld()
    world.join()
    world.run(for: .seconds(50))
    let own = try #require(world.messages(of: 0, responses: true).first).message.answers[0]
    var query = Self.question
    query.isTruncated = true
    var rest = DNSMessage()
    rest.answers = [DNSRecord(own.name, own.content, lifetimeSeconds: 360)]
    let before = world.sent.count
    world.deliver(query.encoded(), from: [10, 0, 0, 99])
    world.run(for: .milliseconds(200))
    world.deliver(rest.encoded(), from: [10, 0, 0, 99])
    world.run(for: .seconds(2))
    #expect(world.sent.count == before)
    // Another one's known answers do not speak for the asker.
    world.deliver(query.encoded(), from: [10, 0, 0, 99])
    world.deliver(rest.encoded(), from: [10, 0, 0, 98])
    world.run(for: .seconds(2))
    #expect(world.sent.count == before + 1)
  }

  @Test("what tools ask for is answered: texts, host, addresses and the list of services")
  func otherQuestions() throws {
    var world = MDNSWorld()
    world.join()
    world.run(for: .seconds(50))
    let records = try #require(world.messages(of: 0, responses: true).first).message
    #expect(records.answers.count == 1)
    guard case .pointer(let instance) = records.answers[0].content else {
      Issue.record("no pointer")
      return
    }
    guard
      case .service(_, _, 4_001, let host)? = records.additionals.map(\.content).first(where: {
        $0.type == DNSType.service
      })
    else {
      Issue.record("no host")
      return
    }
    let services = DNSName("_services._dns-sd._udp.local")!
    for (name, type) in [
      (instance, DNSType.text), (instance, DNSType.service), (host, DNSType.address4),
      (host, DNSType.any), (services, DNSType.pointer),
    ] {
      var query = DNSMessage()
      query.questions = [DNSQuestion(name, type: type)]
      world.deliver(query.encoded(), from: [10, 0, 0, 99])
      world.run(for: .seconds(2))
      let answer = try #require(world.messages(of: 0, responses: true).last).message
      #expect(answer.answers.contains { $0.name == name }, "\(name) \(type)")
    }
    var stranger = DNSMessage()
    stranger.questions = [DNSQuestion(DNSName("_ipp._tcp.local")!, type: DNSType.pointer)]
    let before = world.sent.count
    world.deliver(stranger.encoded(), from: [10, 0, 0, 99])
    world.run(for: .seconds(2))
    #expect(world.sent.count == before)
  }

  @Test("only addresses of the link's own interface are announced")
  func announcedAddresses() throws {
    let relay = MDNSWorld.peer(77)
    var world = MDNSWorld()
    world.join(addresses: [
      "/ip4/203.0.113.9/tcp/4001", "/ip4/127.0.0.1/tcp/4001", "/ip4/10.0.0.1/tcp/4001",
      "/ip4/10.0.0.9/tcp/4001", "/dns4/example.org/tcp/4001", "/ip4/10.0.0.1/udp/4001/quic-v1",
      "/ip4/10.0.0.1/tcp/4002/p2p/\(relay)/p2p-circuit",
    ])
    world.run(for: .seconds(5))
    let texts = world.messages(of: 0, responses: true).flatMap { $0.message.additionals }
      .compactMap { record -> [Bytes]? in
        if case .text(let texts) = record.content { texts } else { nil }
      }
    #expect(!texts.isEmpty)
    for found in texts {
      #expect(
        found.map { String(decoding: $0, as: UTF8.self) }
          == ["dnsaddr=/ip4/10.0.0.1/tcp/4001/p2p/\(world.nodes[0].peer)"])
    }
    // Every message crosses every link whole.
    #expect(world.sent.allSatisfy { $0.bytes.count <= 1_452 })
  }

  @Test("a node that vanishes is forgotten when its time is over, one that ends at once")
  func leaving() {
    var world = MDNSWorld()
    for _ in 0..<3 { world.join() }
    world.run(for: .seconds(10))
    #expect(world.nodes[0].machine.peers.count == 2)
    world.handle(.stop, at: 1)
    world.run(for: .seconds(2))
    #expect(world.nodes[0].machine.peers == [world.nodes[2].peer])
    #expect(world.lost.contains { $0.node == 0 && $0.peer == world.nodes[1].peer })
    world.nodes[2].isHere = false
    world.run(for: .seconds(Int64(MDNSLimits.lifetimeSeconds) + 1))
    #expect(world.nodes[0].machine.peers.isEmpty)
    #expect(world.nodes[0].machine.nameCount == 0)
  }

  @Test("nodes that stay never lose each other")
  func staying() {
    var world = MDNSWorld()
    for _ in 0..<20 { world.join() }
    world.run(for: .seconds(3_600))
    #expect(world.lost.isEmpty)
    for node in world.nodes { #expect(node.machine.peers.count == 19) }
    // Twenty nodes speak less than twice a second together.
    #expect(world.sent.count < 7_200, "\(world.sent.count)")
  }

  @Test("what is said again is reported again after ten minutes, what is new at once")
  func reports() {
    var world = MDNSWorld()
    world.join()
    world.join()
    for _ in 0..<59 {
      world.deliver(Self.question.encoded(), from: [10, 0, 0, 99])
      world.run(for: .seconds(10))
    }
    #expect(world.found.count { $0.node == 0 } == 1)
    world.handle(.ownAddresses([try! Multiaddr("/ip4/10.0.0.2/tcp/4002")]), at: 1)
    world.run(for: .seconds(5))
    #expect(world.found.count { $0.node == 0 } == 2)
    for _ in 0..<61 {
      world.deliver(Self.question.encoded(), from: [10, 0, 0, 99])
      world.run(for: .seconds(10))
    }
    #expect(world.found.count { $0.node == 0 } == 3)
  }

  @Test("private networks do not see each other, nor the public one")
  func privateNetworks() throws {
    var world = MDNSWorld()
    let key = try #require(PrivateNetworkKey(secret: Bytes(1...32)))
    // Salsa20 (ECRYPT vectors agree) and SHAKE-128 as Python's hashlib has it.
    #expect(Hex.encode(key.fingerprint) == "d6009dc7d3197fe04dcb287b66875d7e")
    world.join(fingerprint: key.fingerprint)
    world.join()
    world.join(fingerprint: key.fingerprint)
    world.join(fingerprint: Bytes(repeating: 1, count: 16))
    world.run(for: .seconds(60))
    #expect(world.nodes[0].machine.peers == [world.nodes[2].peer])
    #expect(world.nodes[1].machine.peers.isEmpty)
    #expect(world.nodes[3].machine.peers.isEmpty)
    let names = world.messages(of: 0, responses: false).map { $0.message.questions[0].name }
    #expect(names.first?.description == "_p2p-d6009dc7d3197fe04dcb287b66875d7e._udp.local")
  }

  @Test("what python-zeroconf announces is believed, with the texts it numbers")
  func zeroconf() {
    var world = MDNSWorld()
    world.join()
    world.deliver(DNSMessageTests.zeroconfResponse, from: [10, 0, 0, 7])
    #expect(world.nodes[0].machine.peers.map(\.description) == [DNSMessageTests.owner])
    #expect(
      world.found.last?.addresses.map(\.description)
        == ["/ip4/10.0.0.7/tcp/4001", "/ip4/10.0.0.7/tcp/4002"])
  }

  @Test("a name without texts is asked about three times")
  func resolving() {
    var world = MDNSWorld()
    world.join(addresses: [])
    world.run(for: .seconds(300))
    var response = DNSMessage()
    response.isResponse = true
    response.answers = [
      DNSRecord(DNSMessageTests.service, .pointer(DNSMessageTests.instance), lifetimeSeconds: 120)
    ]
    world.deliver(response.encoded(), from: [10, 0, 0, 7])
    world.run(for: .seconds(60))
    let questions = world.messages(of: 0, responses: false).flatMap(\.message.questions)
      .filter { $0.name == DNSMessageTests.instance && $0.type == DNSType.text }
    #expect(questions.count == 3)
  }

  @Test("what is on a link that is gone stays until its time, and nothing is sent there")
  func linkGone() {
    var world = MDNSWorld()
    world.join()
    world.join()
    world.run(for: .seconds(5))
    world.handle(.links([]), at: 0)
    let before = world.sent.count { $0.node == 0 }
    world.deliver(Self.question.encoded(), from: [10, 0, 0, 2])
    world.run(for: .seconds(500))
    #expect(world.sent.count { $0.node == 0 } == before)
    #expect(world.nodes[0].machine.peers.isEmpty)
  }

  @Test("a name is 32 to 63 letters")
  func instanceNames() {
    let peer = MDNSWorld.peer(1)
    for (length, isName) in [(31, false), (32, true), (63, true), (64, false)] {
      let name = String(repeating: "x", count: length)
      #expect((MDNSMachine(peer: peer, instance: name) != nil) == isName)
    }
  }
}
