import Primitives
import Testing

@testable import Peering

@Suite("gossipsub: peers and limits")
struct GossipPeerLimitTests {
  private let topic = GossipRig.topic

  @Test("connections beyond the limit are refused and not remembered")
  func tooManyPeers() throws {
    var rig = try GossipRig()
    let most = UInt32(GossipsubLimits.peersMax)
    #expect(rig.connect(0..<most).isEmpty)
    let effects = rig.handle(.connected(peer(most), weDialled: false, version: .v12))
    #expect(effects == [.refused(peer(most), .tooManyPeers)])
    #expect(rig.machine.connectedCount == Int(most))
  }

  @Test("a peer with a bad score has it when it comes back within the hour")
  func retention() throws {
    var rig = try GossipRig()
    rig.connect(0..<1)
    _ = rig.join()
    for _ in 0..<3 { rig.handle(.malformed(topic, from: peer(0))) }
    let before = rig.score(peer(0))
    #expect(before < -170)
    rig.handle(.disconnected(peer(0)))
    rig.wait(.seconds(3_000))
    rig.beat()
    rig.connect(0..<1)
    #expect(rig.score(peer(0)) == -180)
    rig.handle(.disconnected(peer(0)))
    rig.wait(.seconds(3_601))
    rig.beat()
    #expect(rig.machine.peers.isEmpty)
    rig.connect(0..<1)
    #expect(rig.score(peer(0)) == 0)
  }

  @Test("a lead is lost by leaving")
  func leadIsLost() throws {
    var rig = try GossipRig()
    rig.connect(0..<1)
    _ = rig.join()
    rig.receive(.message(message(1)), from: peer(0))
    #expect(rig.score(peer(0)) == 1)
    rig.handle(.disconnected(peer(0)))
    #expect(rig.machine.peers.isEmpty)
    rig.connect(0..<1)
    #expect(rig.score(peer(0)) == 0)
  }

  @Test("a backoff survives a reconnection of a peer in good standing")
  func backoffSurvives() throws {
    var rig = try GossipRig()
    rig.connect(0..<1)
    _ = rig.join()
    rig.receive(.message(message(1)), from: peer(0))
    rig.receive(.prune(topic, backoffSeconds: 60, peers: []), from: peer(0))
    rig.handle(.disconnected(peer(0)))
    rig.connect(0..<1)
    #expect(rig.beat(3).grafted.isEmpty)
    #expect(rig.receive(.graft(topic), from: peer(0)).refusals == [.graftDuringBackoff])
  }

  @Test("remembered peers are bounded; the first to expire goes first")
  func retainedPeers() throws {
    var rig = try GossipRig()
    let most = UInt32(GossipsubLimits.retainedPeersMax)
    for index in 0...most {
      rig.connect(index..<(index + 1))
      rig.handle(.disconnected(peer(index)))
      rig.wait(.milliseconds(1))
    }
    #expect(rig.machine.peers.count == Int(most))
    #expect(rig.machine.peerIndex(peer(0)) == nil)
    #expect(rig.machine.peerIndex(peer(1)) != nil)
  }

  @Test("one peer can announce sixteen topics nobody asked for, and ours still find room")
  func foreignTopics() throws {
    var rig = try GossipRig()
    rig.connect(0..<40)
    for index in UInt32(0)..<40 {
      for number in UInt32(0)..<17 {
        let effects = rig.receive(
          .subscribe(GossipTopic(100 + index * 17 + number)), from: peer(index))
        if number == 16 { #expect(effects.refusals == [.tooManyTopics]) }
      }
    }
    #expect(rig.machine.topics.count == GossipsubLimits.topicsMax)
    #expect(rig.join(GossipTopic(5_000)).refusals.isEmpty)
    #expect(rig.machine.topics.count == GossipsubLimits.topicsMax)
    #expect(rig.machine.joinedKind(of: GossipTopic(5_000)) != nil)
  }

  @Test("topics without listeners are forgotten")
  func emptyTopics() throws {
    var rig = try GossipRig()
    rig.connect(0..<2)
    rig.receive(.subscribe(GossipTopic(9)), from: peer(0))
    rig.receive(.unsubscribe(GossipTopic(9)), from: peer(0))
    rig.handle(.disconnected(peer(1)))
    rig.beat(15)
    #expect(rig.machine.topics.map(\.topic) == [topic])
  }

  @Test("one peer's subscriptions are bounded")
  func subscriptions() throws {
    var rig = try GossipRig()
    rig.connect(0..<1)
    for number in UInt32(10)..<200 { _ = rig.join(GossipTopic(number)) }
    var refused: [GossipRefusal] = []
    for number in UInt32(10)..<200 {
      refused += rig.receive(.subscribe(GossipTopic(number)), from: peer(0)).refusals
    }
    #expect(refused.count == 190 + 1 - GossipsubLimits.subscriptionsPerPeerMax)
    #expect(Set(refused) == [.tooManySubscriptions])
  }

  @Test("what strangers, the gone and the graylisted say is not read")
  func unheard() throws {
    var rig = try GossipRig()
    rig.connect(0..<2)
    _ = rig.join()
    #expect(rig.receive(.message(message(1)), from: peer(9)).isEmpty)
    rig.handle(.disconnected(peer(0)))
    #expect(rig.receive(.message(message(1)), from: peer(0)).isEmpty)
    rig.handle(.reputation(peer(1), -161))
    #expect(rig.receive(.message(message(1)), from: peer(1)).refusals == [.graylisted])
    #expect(!rig.machine.hasSeen(messageID(1)))
  }

  @Test("parameters that contradict each other are refused by name")
  func parameterFaults() {
    func fault(_ change: (inout GossipsubParameters) -> Void) -> String? {
      var parameters = GossipsubParameters()
      change(&parameters)
      do throws(GossipsubParameterFault) {
        try parameters.validate()
        return nil
      } catch {
        return error.name
      }
    }
    #expect(fault { _ in } == nil)
    #expect(fault { $0 = .wide } == nil)
    #expect(fault { $0 = .bootstrap } == nil)
    #expect(fault { $0.historyGossip = 6 } == "historyGossip")
    #expect(fault { $0.degreeLow = 7 } == "degreeLow")
    #expect(fault { $0.degree = 13 } == "degree")
    #expect(fault { $0.degreeOut = 5 } == "degreeOut")
    #expect(fault { $0.degreeOut = 4 } == "degreeOut")
    #expect(fault { $0.degreeScore = 7 } == "degreeScore")
    #expect(fault { $0.gossipFactor = .nan } == "gossipFactor")
    #expect(fault { $0.heartbeatInterval = .zero } == "heartbeatInterval")
    #expect(fault { $0.seenTTL = .seconds(1) } == "iwantFollowup")
  }

  @Test("scores with a wrong sign, without decay or not a number are refused by name")
  func scoreFaults() {
    func topicFault(_ change: (inout GossipTopicScore) -> Void) -> String? {
      var score = GossipTopicScore()
      change(&score)
      do throws(GossipsubParameterFault) { try score.validate() } catch { return error.name }
      return nil
    }
    #expect(topicFault { _ in } == nil)
    #expect(topicFault { $0.topicWeight = -1 } == "topicWeight")
    #expect(topicFault { $0.timeInMeshQuantum = .zero } == "timeInMeshQuantum")
    #expect(topicFault { $0.firstDeliveriesDecay = 1 } == "firstDeliveriesDecay")
    #expect(topicFault { $0.firstDeliveriesCap = 0 } == "firstDeliveriesCap")
    #expect(topicFault { $0.meshDeliveriesWeight = 1 } == "meshDeliveriesWeight")
    #expect(topicFault { $0.meshFailureWeight = .nan } == "meshFailureWeight")
    #expect(topicFault { $0.invalidMessagesDecay = 0 } == "invalidMessagesDecay")
    var thresholds = GossipThresholds()
    thresholds.publish = -10
    #expect(throws: GossipsubParameterFault.self) { try thresholds.validate() }
    var peerScore = GossipPeerScore()
    peerScore.decayInterval = .milliseconds(100)
    #expect(throws: GossipsubParameterFault.self) { try peerScore.validate() }
  }

  @Test("decay factors take a counter to zero in the time they are made for")
  func decayFactor() {
    let factor = GossipPeerScore.decay(over: .seconds(100))
    var value = 1.0
    for _ in 0..<100 { value *= factor }
    #expect(abs(value - 0.01) < 1e-12)
  }

  @Test("a late heartbeat is one heartbeat, and the next comes an interval later")
  func lateHeartbeat() throws {
    var rig = try GossipRig()
    #expect(rig.machine.nextWake <= Tick(nanoseconds: 1_000_000_000))
    rig.wait(.seconds(30))
    rig.handle(.tick)
    #expect(rig.machine.heartbeats == 1)
    #expect(rig.machine.nextWake == Tick(nanoseconds: 31_000_000_000))
    rig.handle(.tick)
    #expect(rig.machine.heartbeats == 1)
  }
}
