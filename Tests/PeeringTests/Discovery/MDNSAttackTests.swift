import Cryptography
import Peering
import Primitives
import Testing

@Suite("attacks on multicast DNS")
struct MDNSAttackTests {
  /// What a peer of the network would say.
  private static func response(
    _ name: String, _ texts: [String], lifetime: UInt32 = 120
  ) -> Bytes {
    let instance = DNSName("\(name)._p2p._udp.local")!
    var message = DNSMessage()
    message.isResponse = true
    message.answers = [
      DNSRecord(DNSMessageTests.service, .pointer(instance), lifetimeSeconds: lifetime)
    ]
    message.additionals = [
      DNSRecord(
        instance, .text(texts.map { Bytes("dnsaddr=\($0)".utf8) }), lifetimeSeconds: lifetime,
        isUnique: true)
    ]
    return message.encoded()
  }

  private static func world() -> MDNSWorld {
    var world = MDNSWorld()
    world.join()
    return world
  }

  private static let victim = MDNSWorld.peer(50)
  private static let attacker: Bytes = [10, 0, 0, 66]

  @Test("an answer that claims to be us is not believed")
  func ownName() {
    var world = Self.world()
    let own = world.nodes[0].peer
    world.deliver(Self.response("a", ["/ip4/10.0.0.66/tcp/1/p2p/\(own)"]), from: Self.attacker)
    #expect(world.found.isEmpty)
    #expect(world.nodes[0].machine.refusals[.ownPeer] == 1)
  }

  @Test("one answer names one peer: addresses of another one in it are not believed")
  func twoPeers() {
    var world = Self.world()
    world.deliver(
      Self.response(
        "a",
        [
          "/ip4/10.0.0.66/tcp/1/p2p/\(Self.victim)", "/ip4/10.0.0.66/tcp/2",
          "/ip4/10.0.0.66/tcp/3/p2p/\(MDNSWorld.peer(51))",
        ]), from: Self.attacker)
    #expect(world.found.count == 1)
    #expect(world.found.first?.peer == Self.victim)
    #expect(world.found.first?.addresses.map(\.description) == ["/ip4/10.0.0.66/tcp/1"])
    #expect(world.nodes[0].machine.refusals[.otherPeer] == 2)
  }

  @Test("a name stays with the peer that it named first")
  func takenOver() {
    var world = Self.world()
    world.deliver(
      Self.response("a", ["/ip4/10.0.0.2/tcp/1/p2p/\(Self.victim)"]), from: [10, 0, 0, 2])
    world.deliver(
      Self.response("a", ["/ip4/10.0.0.66/tcp/1/p2p/\(MDNSWorld.peer(51))"]), from: Self.attacker)
    #expect(world.nodes[0].machine.peers == [Self.victim])
    #expect(world.nodes[0].machine.refusals[.otherPeer] == 1)
  }

  @Test("who did not tell a name neither changes it nor takes it back")
  func otherSender() {
    var world = Self.world()
    let text = "/ip4/10.0.0.2/tcp/1/p2p/\(Self.victim)"
    world.deliver(Self.response("a", [text]), from: [10, 0, 0, 2])
    world.deliver(
      Self.response("a", ["/ip4/10.0.0.9/tcp/1/p2p/\(Self.victim)"]), from: Self.attacker)
    world.deliver(Self.response("a", [text], lifetime: 0), from: Self.attacker)
    var goodbye = DNSMessage()
    goodbye.isResponse = true
    goodbye.answers = [
      DNSRecord(
        DNSMessageTests.service, .pointer(DNSName("a._p2p._udp.local")!), lifetimeSeconds: 0)
    ]
    world.deliver(goodbye.encoded(), from: Self.attacker)
    world.run(for: .seconds(5))
    #expect(world.nodes[0].machine.peers == [Self.victim])
    #expect(world.found.count == 1)
    #expect(world.nodes[0].machine.refusals[.otherSender] == 3)
    world.deliver(goodbye.encoded(), from: [10, 0, 0, 2])
    world.run(for: .seconds(5))
    #expect(world.nodes[0].machine.peers.isEmpty)
  }

  @Test("addresses that no neighbour has are not believed, so nobody is sent against a stranger")
  func foreignAddresses() {
    var world = Self.world()
    let texts = [
      "/ip4/127.0.0.1/tcp/22", "/ip4/203.0.113.80/tcp/80", "/ip6/2001:db8::1/tcp/80",
      "/ip6/::1/tcp/22", "/ip4/0.0.0.0/tcp/1", "/ip4/224.0.0.251/tcp/5353",
      "/ip4/255.255.255.255/tcp/1", "/ip6/ff02::fb/tcp/1", "/dns4/example.org/tcp/80",
      "/ip4/10.0.0.66/tcp/1/p2p/\(MDNSWorld.peer(9))/p2p-circuit",
    ].map { "\($0)/p2p/\(Self.victim)" }
    for (index, text) in texts.enumerated() {
      world.deliver(Self.response("a\(index)", [text]), from: Self.attacker)
    }
    #expect(world.found.isEmpty)
    #expect(world.nodes[0].machine.refusals[.address] == texts.count)
  }

  @Test("packets from elsewhere, and answers from another port, are not heard")
  func offLink() {
    var world = Self.world()
    let bytes = Self.response("a", ["/ip4/10.0.0.66/tcp/1/p2p/\(Self.victim)"])
    world.deliver(bytes, from: [10, 0, 1, 66])
    world.deliver(bytes, from: [203, 0, 113, 1])
    world.deliver(bytes, from: [])
    world.deliver(bytes, from: Self.attacker, port: 40_000)
    #expect(world.found.isEmpty)
    #expect(world.nodes[0].machine.refusals == [.notNeighbour: 3, .port: 1])
  }

  @Test("a flood of packets is dropped unread, and others are heard beside it")
  func packetFlood() {
    var world = Self.world()
    for _ in 0..<10_000 { world.deliver(Bytes(repeating: 0xFF, count: 1_400), from: Self.attacker) }
    let refusals = world.nodes[0].machine.refusals
    #expect(refusals[.malformed] == MDNSLimits.messagesPerSenderMax)
    #expect(refusals[.tooManyMessages] == 10_000 - MDNSLimits.messagesPerSenderMax)
    world.deliver(
      Self.response("a", ["/ip4/10.0.0.2/tcp/1/p2p/\(Self.victim)"]), from: [10, 0, 0, 2])
    #expect(world.nodes[0].machine.peers == [Self.victim])
    world.run(for: .seconds(1))
    world.deliver([0], from: Self.attacker)
    #expect(world.nodes[0].machine.refusals[.malformed] == MDNSLimits.messagesPerSenderMax + 1)
  }

  /// A name for each number, told by a sender; time passes so that all packets are read.
  private static func flood(_ world: inout MDNSWorld, names: Range<Int>, _ sender: (Int) -> Bytes) {
    for index in names {
      let seed = SHA256.hash(Bytes("\(index)".utf8)).bytes
      let peer = try! SigningKey(seed: seed).publicKey.peerID
      let ip = sender(index)
      let text = "/ip4/\(ip.map { "\($0)" }.joined(separator: "."))/tcp/1/p2p/\(peer)"
      world.deliver(response("n\(index)", [text], lifetime: 4_000), from: ip)
      world.now = world.now.advanced(by: .milliseconds(40))
    }
  }

  @Test("one sender fills its share of names and no more")
  func manyNames() {
    var world = Self.world()
    Self.flood(&world, names: 0..<300) { _ in Self.attacker }
    #expect(world.nodes[0].machine.nameCount == MDNSLimits.namesPerSenderMax)
    world.deliver(
      Self.response("h", ["/ip4/10.0.0.2/tcp/1/p2p/\(Self.victim)"]), from: [10, 0, 0, 2])
    #expect(world.nodes[0].machine.peers.contains(Self.victim))
  }

  @Test("forged senders fill the memory, yet a quiet neighbour still gets in")
  func manySenders() {
    var world = Self.world()
    Self.flood(&world, names: 0..<1_200) { [10, 0, 0, UInt8(100 + $0 % 40)] }
    #expect(world.nodes[0].machine.nameCount == MDNSLimits.namesMax)
    world.deliver(
      Self.response("h", ["/ip4/10.0.0.2/tcp/1/p2p/\(Self.victim)"]), from: [10, 0, 0, 2])
    #expect(world.nodes[0].machine.peers.contains(Self.victim))
    #expect(world.nodes[0].machine.nameCount == MDNSLimits.namesMax)
  }

  @Test("false names for a peer make room for the one that is told from the peer's address")
  func falseNames() {
    var world = Self.world()
    for index in 0..<20 {
      world.deliver(
        Self.response("f\(index)", ["/ip4/10.0.0.\(100 + index)/tcp/1/p2p/\(Self.victim)"]),
        from: Self.attacker)
    }
    #expect(world.nodes[0].machine.nameCount == MDNSLimits.namesPerPeerMax)
    world.deliver(
      Self.response("h", ["/ip4/10.0.0.2/tcp/1/p2p/\(Self.victim)"]), from: [10, 0, 0, 2])
    #expect(world.found.last?.addresses.map(\.description) == ["/ip4/10.0.0.2/tcp/1"])
    #expect(world.nodes[0].machine.nameCount == MDNSLimits.namesPerPeerMax)
    #expect(world.lost.isEmpty)
  }

  @Test("nothing is believed for longer than twenty minutes, whatever it says")
  func longLives() {
    var world = Self.world()
    world.deliver(
      Self.response("a", ["/ip4/10.0.0.66/tcp/1/p2p/\(Self.victim)"], lifetime: .max),
      from: Self.attacker)
    world.run(for: .seconds(1_199))
    #expect(world.nodes[0].machine.peers == [Self.victim])
    world.run(for: .seconds(2))
    #expect(world.nodes[0].machine.peers.isEmpty)
  }

  @Test("a name has at most eight addresses")
  func manyAddresses() {
    var world = Self.world()
    let texts = (1...60).map { "/ip4/10.0.0.66/tcp/\($0)/p2p/\(Self.victim)" }
    world.deliver(Self.response("a", texts), from: Self.attacker)
    #expect(world.found.first?.addresses.count == MDNSLimits.addressesMax)
  }

  @Test("names that nobody explains do not make us ask more than once a second")
  func unresolvedNames() {
    var world = Self.world()
    world.run(for: .seconds(20))
    let before = world.sent.count
    for round in 0..<20 {
      for index in 0..<20 {
        var message = DNSMessage()
        message.isResponse = true
        let name = DNSName("u\(round)x\(index)._p2p._udp.local")!
        message.answers = [
          DNSRecord(DNSMessageTests.service, .pointer(name), lifetimeSeconds: 120)
        ]
        world.deliver(message.encoded(), from: [10, 0, 0, UInt8(100 + index)])
      }
      world.run(for: .milliseconds(500))
    }
    // Ten seconds: a question and, as everybody is asked, an answer of our own each second.
    #expect(world.sent.count - before <= 24)
    #expect(world.sent.allSatisfy { $0.bytes.count <= 1_452 })
  }

  @Test("random packets never trap, and what is believed of them stays within the limits")
  func noise() {
    var world = Self.world()
    var random = SplitMix64(seed: 9)
    let seed = Self.response("a", ["/ip4/10.0.0.66/tcp/1/p2p/\(Self.victim)"])
    for _ in 0..<20_000 {
      var bytes = seed
      for _ in 0..<3 {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= UInt8(
          1 << Int.random(in: 0..<8, using: &random))
      }
      world.deliver(bytes, from: Self.attacker)
      world.now = world.now.advanced(by: .milliseconds(35))
    }
    #expect(world.nodes[0].machine.nameCount <= MDNSLimits.namesPerSenderMax)
  }
}
