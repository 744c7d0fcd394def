import Primitives
import Testing

@testable import Peering

@Suite("gossipsub: IHAVE, IWANT and IDONTWANT")
struct GossipControlTests {
  private let topic = GossipRig.topic

  /// A router with a mesh of the first six of `count` peers.
  private func joined(
    _ count: UInt32 = 30, validates: Bool = false, peerScore: GossipPeerScore = .init()
  ) throws -> GossipRig {
    var rig = try GossipRig(peerScore: peerScore, kinds: [.init(validates: validates)])
    rig.connect(0..<6, dialled: 0..<6)
    _ = rig.join()
    rig.connect(6..<count)
    return rig
  }

  @Test("a heartbeat advertises new messages to D_lazy peers outside the mesh, or a quarter")
  func adaptiveGossip() throws {
    for (count, expected) in [(UInt32(10), 4), (20, 6), (46, 10)] {
      var rig = try joined(count)
      rig.receive(.message(message(1)), from: peer(0))
      let effects = rig.beat()
      #expect(effects.gossiped.count == expected)
      #expect(Set(effects.gossiped).isDisjoint(with: rig.mesh))
      #expect(effects.sent(to: effects.gossiped[0]) == [.ihave(topic, [messageID(1)])])
    }
  }

  @Test("a message is advertised for three heartbeats and can be asked for during five")
  func history() throws {
    var rig = try joined()
    rig.receive(.message(message(1)), from: peer(0))
    for _ in 0..<3 { #expect(!rig.beat().gossiped.isEmpty) }
    #expect(rig.beat().gossiped.isEmpty)
    #expect(rig.receive(.iwant([messageID(1)]), from: peer(20)).told == [peer(20)])
    rig.beat(2)
    #expect(rig.receive(.iwant([messageID(1)]), from: peer(20)).isEmpty)
    #expect(rig.machine.hasSeen(messageID(1)))
  }

  @Test("an IHAVE makes us ask for what we have not seen, in a topic we joined")
  func answeringIHAVE() throws {
    var rig = try joined()
    rig.receive(.message(message(1)), from: peer(0))
    let ids = [messageID(1), messageID(2)]
    let effects = rig.receive(.ihave(topic, ids), from: peer(9))
    #expect(effects == [.send(peer(9), .iwant([messageID(2)]))])
    #expect(rig.receive(.ihave(GossipTopic(7), ids), from: peer(9)).isEmpty)
  }

  @Test("at most three peers are asked for the same message at a time")
  func requestsPerMessage() throws {
    var rig = try joined()
    for index in UInt32(6)..<9 {
      #expect(rig.receive(.ihave(topic, [messageID(1)]), from: peer(index)).count == 1)
    }
    #expect(rig.receive(.ihave(topic, [messageID(1)]), from: peer(9)).isEmpty)
    rig.wait(.seconds(1))
    #expect(rig.receive(.ihave(topic, [messageID(1)]), from: peer(9)).count == 1)
  }

  @Test("who advertises a message and does not send it keeps nobody else from being asked")
  func silentAdvertisers() throws {
    var rig = try joined()
    // Three that never answer come first each time; those that were asked last stand back.
    for (round, expected) in [3, 0, 1, 1].enumerated() {
      let asked = (UInt32(6)..<9).count {
        !rig.receive(.ihave(topic, [messageID(1)]), from: peer($0)).isEmpty
      }
      #expect(asked == expected)
      let honest = peer(UInt32(10 + round))
      #expect(rig.receive(.ihave(topic, [messageID(1)]), from: honest).isEmpty == (round == 0))
      rig.wait(.seconds(1))
      rig.beat()
    }
    // What nobody has offered for a while is asked of anybody again.
    rig.wait(.seconds(3))
    #expect(rig.receive(.ihave(topic, [messageID(1)]), from: peer(6)).count == 1)
  }

  @Test("a peer gets the same message three times by IWANT, not more")
  func retransmission() throws {
    var rig = try joined()
    rig.receive(.message(message(1)), from: peer(0))
    for _ in 0..<3 {
      #expect(rig.receive(.iwant([messageID(1)]), from: peer(9)).told == [peer(9)])
    }
    #expect(rig.receive(.iwant([messageID(1)]), from: peer(9)).refusals == [.tooManyIWANT])
    #expect(rig.receive(.iwant([messageID(1)]), from: peer(10)).told == [peer(10)])
    #expect(rig.receive(.iwant([messageID(77)]), from: peer(9)).isEmpty)
  }

  @Test("who advertises and does not deliver within three seconds pays, unless another delivers")
  func promises() throws {
    var strict = GossipPeerScore()
    strict.behaviourThreshold = 0
    var rig = try joined(peerScore: strict)
    rig.receive(.ihave(topic, [messageID(1)]), from: peer(9))
    rig.receive(.ihave(topic, [messageID(2)]), from: peer(10))
    rig.receive(.message(message(2)), from: peer(0))
    rig.beat(2)
    #expect(rig.score(peer(9)) == 0)
    rig.beat(3)
    #expect(rig.score(peer(9)) < -8)
    #expect(rig.score(peer(10)) == 0)
  }

  @Test("gossip of a peer below the threshold is not read, and it is told nothing")
  func gossipThreshold() throws {
    var rig = try joined(7)
    rig.handle(.reputation(peer(6), -41))
    rig.receive(.message(message(1)), from: peer(0))
    #expect(rig.beat().gossiped.isEmpty)
    let ihave = rig.receive(.ihave(topic, [messageID(2)]), from: peer(6))
    #expect(ihave.refusals == [.scoreBelowGossip])
    let iwant = rig.receive(.iwant([messageID(1)]), from: peer(6))
    #expect(iwant.refusals == [.scoreBelowGossip] && iwant.told.isEmpty)
  }

  @Test("a large message is announced to the 1.2 peers of the mesh before it is validated")
  func announcing() throws {
    var rig = try GossipRig(kinds: [.init(validates: true)])
    rig.connect(0..<3, dialled: 0..<3)
    rig.connect(3..<5, dialled: 3..<5, version: .v11)
    _ = rig.join()
    let effects = rig.receive(.message(message(1, bytes: 2_000)), from: peer(0))
    let expected: [GossipRig.Effect] = [
      .send(peer(1), .idontwant([messageID(1)])), .send(peer(2), .idontwant([messageID(1)])),
      .validate(message(1, bytes: 2_000), from: peer(0)),
    ]
    #expect(effects == expected)
    let small = rig.receive(.message(message(2, bytes: 1_000)), from: peer(0))
    #expect(small.count == 1)
  }

  @Test("a peer that said IDONTWANT gets no copy, and three heartbeats later it does")
  func honouring() throws {
    var rig = try joined(validates: true)
    rig.receive(.message(message(1)), from: peer(0))
    rig.receive(.idontwant([messageID(1), messageID(2)]), from: peer(3))
    #expect(
      rig.handle(.validated(messageID(1), .accept)).told == [peer(1), peer(2), peer(4), peer(5)])
    rig.beat(3)
    rig.receive(.message(message(2)), from: peer(0))
    #expect(rig.handle(.validated(messageID(2), .accept)).told.contains(peer(3)))
    #expect(rig.machine.gossip.unwantedCount == 0)
  }

  @Test("IDONTWANTs beyond their limits are not remembered")
  func tooManyIDONTWANT() throws {
    var rig = try joined()
    let eleven = (0..<11).map { messageID(UInt32($0)) }
    #expect(rig.receive(.idontwant(eleven), from: peer(0)).refusals == [.tooManyIDONTWANT])
    #expect(rig.machine.gossip.unwantedCount == 10)
    var refused = 0
    for round in UInt32(0)..<1_200 {
      let ids = (0..<10).map { messageID(round * 10 + $0) }
      refused += rig.receive(.idontwant(ids), from: peer(0)).refusals.count
    }
    #expect(refused > 0)
    #expect(rig.machine.gossip.unwantedCount == Int(GossipsubLimits.unwantedPerPeerMax))
  }

  @Test("advertisements longer than an IHAVE may be are cut at random")
  func longIHAVE() throws {
    var parameters = GossipsubParameters()
    parameters.ihaveIDsMax = 5
    var rig = try GossipRig(parameters: parameters, kinds: [.init(validates: false)])
    rig.connect(0..<6, dialled: 0..<6)
    _ = rig.join()
    rig.connect(6..<12)
    for number in UInt32(0)..<20 { rig.receive(.message(message(number)), from: peer(0)) }
    var told: Set<GossipMessageID> = []
    for case .send(_, .ihave(_, let ids)) in rig.beat() {
      #expect(ids.count == 5)
      #expect(Set(ids).count == 5)
      told.formUnion(ids)
    }
    #expect(told.count > 5)
  }
}
