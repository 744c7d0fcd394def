import Primitives
import Testing

@testable import Peering

@Suite("gossipsub: messages")
struct GossipDeliveryTests {
  private let topic = GossipRig.topic

  private func joined(
    _ count: UInt32 = 6, validates: Bool = false, parameters: GossipsubParameters = .standard
  ) throws -> GossipRig {
    var rig = try GossipRig(parameters: parameters, kinds: [.init(validates: validates)])
    rig.connect(0..<count, dialled: 0..<count)
    _ = rig.join()
    return rig
  }

  @Test("a message is delivered once and forwarded to the mesh but its sender and author")
  func forwarding() throws {
    var rig = try joined()
    let sent = message(1, author: peer(4))
    let effects = rig.receive(.message(sent), from: peer(2))
    #expect(effects.delivered == [1])
    #expect(effects.told == [peer(0), peer(1), peer(3), peer(5)])
    #expect(rig.receive(.message(sent), from: peer(3)).isEmpty)
  }

  @Test("a message of a topic we have not joined is dropped and not remembered")
  func foreignTopic() throws {
    var rig = try joined()
    let stray = message(1, topic: GossipTopic(5))
    #expect(rig.receive(.message(stray), from: peer(0)).refusals == [.topicNotJoined])
    #expect(!rig.machine.hasSeen(stray.id))
  }

  @Test("a message waits for its verdict before anybody gets it")
  func validation() throws {
    var rig = try joined(validates: true)
    let first = rig.receive(.message(message(1)), from: peer(0))
    #expect(first == [.validate(message(1), from: peer(0))])
    let accepted = rig.handle(.validated(messageID(1), .accept))
    #expect(accepted.delivered == [1])
    #expect(accepted.told.count == 5)
    #expect(rig.handle(.validated(messageID(1), .accept)).isEmpty)
  }

  @Test("peers that sent a copy during validation get none back")
  func copiesDuringValidation() throws {
    var rig = try joined(validates: true)
    rig.receive(.message(message(1)), from: peer(0))
    #expect(rig.receive(.message(message(1)), from: peer(1)).isEmpty)
    let effects = rig.handle(.validated(messageID(1), .accept))
    #expect(effects.told == [peer(2), peer(3), peer(4), peer(5)])
  }

  @Test("a rejected message blames all its senders, an ignored one nobody")
  func verdicts() throws {
    var rig = try joined(validates: true)
    rig.receive(.message(message(1)), from: peer(0))
    rig.receive(.message(message(1)), from: peer(1))
    #expect(rig.handle(.validated(messageID(1), .reject)).isEmpty)
    rig.receive(.message(message(1)), from: peer(2))
    #expect((0..<3).allSatisfy { rig.score(peer($0)) == -20 })
    #expect(rig.score(peer(3)) == 0)
    rig.receive(.message(message(2)), from: peer(4))
    #expect(rig.handle(.validated(messageID(2), .ignore)).isEmpty)
    rig.receive(.message(message(2)), from: peer(5))
    #expect(rig.score(peer(4)) == 0 && rig.score(peer(5)) == 0)
  }

  @Test("a forged copy blames its sender alone, and the honest sender is asked again")
  func forgedCopy() throws {
    var rig = try joined(validates: true)
    rig.receive(.message(message(1)), from: peer(0))
    rig.receive(.message(message(1)), from: peer(1))
    let effects = rig.handle(.validated(messageID(1), .forged))
    #expect(effects == [.send(peer(1), .iwant([messageID(1)]))])
    #expect(rig.score(peer(0)) < 0)
    #expect(rig.score(peer(1)) == 0)
    #expect(!rig.machine.hasSeen(messageID(1)))
    let again = rig.receive(.message(message(1)), from: peer(1))
    #expect(again == [.validate(message(1), from: peer(1))])
    #expect(rig.handle(.validated(messageID(1), .accept)).delivered == [1])
  }

  @Test("an own message goes to every listener with a passing score")
  func floodPublishing() throws {
    var rig = try joined(10)
    rig.handle(.reputation(peer(9), -81))
    let effects = rig.handle(.publish(message(1)))
    #expect(effects.told == (0..<9).map(peer))
    #expect(effects.delivered.isEmpty)
    #expect(rig.handle(.publish(message(1))).refusals == [.publishedBefore])
    #expect(rig.receive(.message(message(1)), from: peer(0)).isEmpty)
  }

  @Test("without flooding an own message goes to the mesh")
  func meshPublishing() throws {
    var parameters = GossipsubParameters()
    parameters.floodPublish = false
    var rig = try joined(10, parameters: parameters)
    #expect(rig.handle(.publish(message(1))).told == rig.mesh)
  }

  @Test("what is published without a listener is kept for gossip, and that is said")
  func nobodyListens() throws {
    var rig = try GossipRig()
    _ = rig.join()
    #expect(rig.handle(.publish(message(1))).refusals == [.noPeers])
    rig.connect(0..<1)
    let effects = rig.beat()
    #expect(effects.grafted == [peer(0)])
    #expect(rig.machine.message(messageID(1)) != nil)
  }

  @Test("a topic not joined has a fanout of D, which is kept for a minute after publishing")
  func fanout() throws {
    var parameters = GossipsubParameters()
    parameters.floodPublish = false
    var rig = try GossipRig(parameters: parameters)
    rig.connect(0..<20)
    let first = rig.handle(.publish(message(1)))
    #expect(first.told.count == 6)
    #expect(rig.machine.fanout(of: topic) == first.told)
    #expect(rig.handle(.publish(message(2))).told == first.told)
    // Gossip reaches others than the fanout.
    let gossiped = rig.beat().gossiped
    #expect(gossiped.count == 6)
    #expect(Set(gossiped).isDisjoint(with: first.told))
    rig.wait(.seconds(59))
    rig.handle(.disconnected(first.told[0]))
    rig.beat()
    #expect(rig.machine.fanout(of: topic).count == 6)
    rig.wait(.seconds(60))
    rig.beat()
    #expect(rig.machine.fanout(of: topic).isEmpty)
  }

  @Test("joining turns the fanout into the mesh")
  func fanoutToMesh() throws {
    var rig = try GossipRig()
    rig.connect(0..<20)
    rig.handle(.publish(message(1)))
    let fanout = rig.machine.fanout(of: topic)
    #expect(rig.join().grafted == fanout)
    #expect(rig.mesh == fanout)
    #expect(rig.machine.fanout(of: topic).isEmpty)
  }

  @Test("floodsub peers get every message while their score passes")
  func floodsub() throws {
    var rig = try joined()
    rig.connect(10..<12, version: .floodsub)
    rig.handle(.reputation(peer(11), -81))
    #expect(rig.receive(.message(message(1)), from: peer(0)).told.last == peer(10))
  }

  @Test("an id counts as seen for two minutes, then the message is new again")
  func seenTime() throws {
    var rig = try joined()
    rig.receive(.message(message(1)), from: peer(0))
    rig.wait(.seconds(119))
    rig.beat()
    #expect(rig.machine.hasSeen(messageID(1)))
    rig.wait(.seconds(2))
    rig.beat(6)
    #expect(!rig.machine.hasSeen(messageID(1)))
    #expect(rig.machine.stored == (0, 0, 0))
  }

  @Test("the seen cache forgets the oldest beyond its limit")
  func seenCount() {
    var store = GossipStore<UInt32>()
    for number in UInt32(0)..<1_000 {
      store.insert(
        GossipRecord(
          id: messageID(number), topic: topic, status: .valid, source: nil, expires: .zero))
    }
    for number in UInt32(0)..<600 { #expect(store.popFirst()?.id == messageID(number)) }
    #expect(store.count == 400)
    #expect(!store.contains(messageID(599)))
    #expect(store.offset(of: messageID(600)) == 0)
    #expect(store.offset(of: messageID(999)) == 399)
  }

  @Test("the message cache drops the oldest beyond its bytes")
  func cacheBytes() throws {
    var rig = try joined()
    let large = UInt32(GossipsubLimits.cachedBytesMax / 4)
    for number in UInt32(0)..<6 {
      rig.receive(.message(message(number, bytes: large)), from: peer(0))
    }
    #expect(rig.machine.stored == (6, 4, Int(large) * 4))
    #expect(rig.machine.message(messageID(1)) == nil)
    #expect(rig.machine.message(messageID(2)) != nil)
    #expect(rig.machine.hasSeen(messageID(0)))
  }

  @Test("validations are bounded for one peer and for all, and a refused message stays unseen")
  func validationLimits() throws {
    var rig = try joined(20, validates: true)
    let share = UInt32(GossipsubLimits.validationsPerPeerMax)
    for number in 0..<share { rig.receive(.message(message(number)), from: peer(0)) }
    let refused = rig.receive(.message(message(share)), from: peer(0))
    #expect(refused.refusals == [.tooManyValidations])
    #expect(!rig.machine.hasSeen(messageID(share)))
    var number = share
    while rig.machine.validating < GossipsubLimits.validationsMax {
      rig.receive(.message(message(number)), from: peer(1 + number / share))
      number += 1
    }
    #expect(
      rig.receive(.message(message(number)), from: peer(19)).refusals == [.tooManyValidations])
    rig.handle(.validated(messageID(0), .accept))
    #expect(rig.receive(.message(message(number)), from: peer(0)).refusals.isEmpty)
  }

  @Test("a validation that is never answered frees its place when the id is forgotten")
  func unansweredValidation() throws {
    var rig = try joined(validates: true)
    rig.receive(.message(message(1)), from: peer(0))
    #expect(rig.machine.validating == 1)
    rig.wait(.seconds(121))
    rig.beat()
    #expect(rig.machine.validating == 0)
    #expect(rig.handle(.validated(messageID(1), .accept)).isEmpty)
  }

  @Test("a verdict after leaving the topic delivers nothing")
  func leftMeanwhile() throws {
    var rig = try joined(validates: true)
    rig.receive(.message(message(1)), from: peer(0))
    rig.handle(.leave(topic))
    #expect(rig.handle(.validated(messageID(1), .accept)).isEmpty)
  }
}
