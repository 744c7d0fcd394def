import Primitives
import Testing

@testable import Peering

@Suite("gossipsub: attacks")
struct GossipAttackTests {
  private let topic = GossipRig.topic
  private let attacker = peer(100)

  /// A router with ten honest peers it dialled and one attacker that dialled it.
  private func attacked(validates: Bool = true) throws -> GossipRig {
    var rig = try GossipRig(kinds: [.init(validates: validates)])
    rig.connect(0..<10, dialled: 0..<10)
    _ = rig.join()
    rig.connect(100..<101)
    rig.receive(.graft(topic), from: attacker)
    return rig
  }

  @Test("a flood of messages fills one peer's share, costs it, and keeps nobody else's out")
  func flood() throws {
    var rig = try attacked()
    for number in UInt32(0)..<10_000 {
      rig.receive(.message(message(1_000 + number)), from: attacker)
    }
    #expect(rig.machine.validating == GossipsubLimits.validationsPerPeerMax)
    #expect(rig.machine.stored.seen == GossipsubLimits.validationsPerPeerMax)
    rig.receive(.message(message(1)), from: peer(0))
    #expect(rig.handle(.validated(messageID(1), .accept)).delivered == [1])
    for second in 1...10 {
      rig.beat()
      for number in UInt32(0)..<5_000 {
        let id = UInt32(second) * 100_000 + number
        rig.receive(.message(message(id)), from: attacker)
      }
    }
    #expect(rig.score(attacker) < 0)
    rig.beat()
    #expect(!rig.mesh.contains(attacker))
  }

  @Test("the third invalid message ends a peer's hearing and its place in the mesh")
  func invalidSpam() throws {
    var rig = try attacked()
    var judged = 0
    for number in UInt32(0)..<1_000 {
      let effects = rig.receive(.message(message(number)), from: attacker)
      guard effects.contains(.validate(message(number), from: attacker)) else { continue }
      judged += 1
      rig.handle(.validated(messageID(number), .reject))
    }
    #expect(judged == 3)
    #expect(rig.beat().pruned == [attacker])
    #expect(rig.receive(.graft(topic), from: attacker).refusals == [.graylisted])
    // Leaving and coming back does not help.
    rig.handle(.disconnected(attacker))
    rig.connect(100..<101)
    #expect(rig.receive(.message(message(5_000)), from: attacker).refusals == [.graylisted])
  }

  @Test("IWANT spam gets each message three times and at most four mebibytes a heartbeat")
  func iwantSpam() throws {
    var rig = try attacked(validates: false)
    let ids = (UInt32(0)..<100).map(messageID)
    for number in UInt32(0)..<100 {
      rig.receive(.message(message(number, bytes: 65_536)), from: peer(0))
    }
    var sent = 0
    for _ in 0..<1_000 { sent += rig.receive(.iwant(ids), from: attacker).told.count }
    #expect(sent == Int(GossipsubLimits.answeredBytesMax) / 65_536)
    for _ in 0..<4 {
      rig.beat()
      for _ in 0..<100 { sent += rig.receive(.iwant(ids), from: attacker).told.count }
    }
    #expect(sent <= 300)
  }

  @Test("IHAVE spam makes us ask for five thousand ids a heartbeat at most, and the liar pays")
  func ihaveSpam() throws {
    var rig = try attacked()
    rig.connect(101..<102)
    let liar = peer(101)
    var next: UInt32 = 0
    for _ in 0..<30 {
      var asked = 0
      for _ in 0..<100 {
        let ids = (next..<(next + 1_000)).map(messageID)
        next += 1_000
        for case .send(_, .iwant(let wanted)) in rig.receive(.ihave(topic, ids), from: liar) {
          asked += wanted.count
        }
      }
      #expect(asked <= 5_000)
      rig.beat()
    }
    #expect(rig.machine.gossip.requestCount <= 4 * 5_000)
    #expect(rig.score(liar) < GossipThresholds().gossip)
    #expect(rig.receive(.ihave(topic, [messageID(next)]), from: liar).refusals.count == 1)
  }

  @Test(
    "GRAFTs during the backoff are answered with a bounded number of PRUNEs and end on the gray list"
  )
  func graftFlood() throws {
    var rig = try attacked()
    rig.receive(.prune(topic, backoffSeconds: 60, peers: []), from: attacker)
    var answers = 0
    for _ in 0..<5_000 { answers += rig.receive(.graft(topic), from: attacker).pruned.count }
    #expect(answers <= 6)
    #expect(!rig.mesh.contains(attacker))
    #expect(rig.receive(.graft(topic), from: attacker).refusals == [.graylisted])
  }

  @Test("twenty sybils of one address group have no place in the mesh")
  func sybils() throws {
    var rig = try attacked()
    for index in UInt32(200)..<220 { rig.directory.groups[peer(index)] = 42 }
    rig.connect(200..<203)
    #expect(rig.score(peer(200)) == 0)
    rig.connect(203..<220)
    for index in UInt32(200)..<220 {
      #expect(rig.score(peer(index)) == -5 * 17 * 17)
      rig.receive(.graft(topic), from: peer(index))
    }
    #expect(!rig.mesh.contains { $0.index >= 200 })
    // Leaving in turn does not lower the count: who left is remembered.
    for index in UInt32(204)..<220 { rig.handle(.disconnected(peer(index))) }
    #expect(rig.score(peer(200)) == -5 * 17 * 17)
    rig.wait(.seconds(3_601))
    rig.beat()
    #expect(rig.score(peer(200)) == -5)
  }

  @Test("a hundred inbound sybils cannot eclipse a mesh: dialled peers stay and their words arrive")
  func eclipse() throws {
    for seed in UInt64(0)..<10 {
      var rig = try GossipRig(seed: seed)
      rig.connect(0..<8, dialled: 0..<8)
      _ = rig.join()
      rig.connect(100..<200)
      for round in 0..<120 {
        for index in UInt32(100)..<200 where round % 70 == Int(index) % 70 {
          rig.receive(.graft(topic), from: peer(index))
        }
        rig.beat()
        #expect(rig.mesh.filter { $0.index < 8 }.count >= 2, "seed \(seed), heartbeat \(round)")
        #expect(rig.mesh.count <= 12)
      }
      let honest = try #require(rig.mesh.first { $0.index < 8 })
      #expect(rig.receive(.message(message(1)), from: honest).delivered == [1])
      // Gossip of those outside the mesh brings the rest.
      let outside = try #require((UInt32(0)..<8).map(peer).first { !rig.mesh.contains($0) })
      #expect(
        rig.receive(.ihave(topic, [messageID(2)]), from: outside)
          == [.send(outside, .iwant([messageID(2)]))])
    }
  }

  @Test("a third of the network that earned its scores and falls silent at once stops no message")
  func covertFlash() throws {
    var world = try GossipWorld(
      nodes: 240, dials: 10, parameters: .standard, kind: .init(validates: false), seed: 12)
    world.run(milliseconds: 5_000)
    // For twenty seconds all behave, and all score.
    for number in UInt32(0)..<20 {
      world.publish(number, at: Int(number) * 12 % 240)
      world.run(milliseconds: 1_000)
    }
    for node in 160..<240 { world.conduct[node] = .silent }
    for number in UInt32(100)..<110 {
      world.publish(number, at: Int(number) % 160)
      world.run(milliseconds: 4_000)
      let honest = (0..<160).count { world.arrivals[number]?[UInt32($0)] != nil }
      #expect(honest >= 159, "message \(number) reached \(honest) of 160")
    }
  }

  @Test("a covert attacker that turns to invalid messages is gone from every mesh in a heartbeat")
  func covertInvalid() throws {
    var rig = try attacked()
    for number in UInt32(0)..<200 {
      rig.receive(.message(message(number)), from: attacker)
      rig.handle(.validated(messageID(number), .accept))
      if number % 10 == 0 { rig.beat() }
    }
    // The cap of a topic's counters bounds what good behaviour can buy.
    #expect(rig.score(attacker) <= 53)
    for number in UInt32(1_000)..<1_004 {
      rig.receive(.message(message(number)), from: attacker)
      rig.handle(.validated(messageID(number), .reject))
    }
    #expect(rig.score(attacker) < GossipThresholds().graylist)
    #expect(rig.beat().pruned.contains(attacker))
  }

  @Test("silent peers of a busy topic with part P3 lose their place to those that deliver")
  func freeRiders() throws {
    var kind = GossipTopicKind(validates: false)
    kind.score?.meshDeliveriesWeight = -1
    kind.score?.meshDeliveriesActivation = .seconds(10)
    kind.score?.meshFailureWeight = -1
    var rig = try GossipRig(kinds: [kind])
    rig.connect(0..<3, dialled: 0..<3)
    rig.connect(100..<103)
    _ = rig.join()
    #expect(rig.mesh.count == 6)
    var number: UInt32 = 0
    for _ in 0..<15 {
      for index in UInt32(0)..<3 {
        rig.receive(.message(message(number)), from: peer(index))
        // Copies within the window count as deliveries too.
        for other in UInt32(0)..<3 where other != index {
          rig.receive(.message(message(number)), from: peer(other))
        }
        number += 1
      }
      rig.beat()
    }
    #expect(rig.mesh == (0..<3).map(peer))
    #expect(rig.score(peer(100)) < 0)
  }

  @Test("what a router holds stays within its limits whatever arrives")
  func boundedMemory() throws {
    var rig = try GossipRig(kinds: [.init(validates: false)])
    rig.connect(0..<30)
    _ = rig.join()
    var random = SplitMix64(seed: 3)
    for step in UInt32(0)..<30_000 {
      let source = peer(UInt32.random(in: 0..<30, using: &random))
      let ids = (0..<10).map { _ in messageID(UInt32.random(in: 0..<1_000_000, using: &random)) }
      switch Int.random(in: 0..<6, using: &random) {
      case 0: rig.receive(.ihave(topic, ids), from: source)
      case 1: rig.receive(.iwant(ids), from: source)
      case 2: rig.receive(.idontwant(ids), from: source)
      case 3: rig.receive(.message(message(step, bytes: 1 << 20)), from: source)
      case 4: rig.receive(.graft(GossipTopic(step)), from: source)
      default: rig.receive(.subscribe(GossipTopic(step)), from: source)
      }
      if step % 1_000 == 0 { rig.beat() }
    }
    let machine = rig.machine
    #expect(machine.stored.bytes <= GossipsubLimits.cachedBytesMax)
    #expect(machine.stored.seen <= GossipsubLimits.seenMax)
    #expect(machine.topics.count <= GossipsubLimits.topicsMax)
    #expect(machine.gossip.unwantedCount <= 30 * Int(GossipsubLimits.unwantedPerPeerMax))
    #expect(machine.gossip.promiseCount <= GossipsubLimits.promisesMax)
  }
}
