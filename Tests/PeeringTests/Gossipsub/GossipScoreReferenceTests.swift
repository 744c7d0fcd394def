import FoundationEssentials
import Primitives
import Testing

@testable import Peering

/// Histories and scores of Tests/References/gossip_score.py, which computes them from the text of
/// libp2p/specs pubsub/gossipsub/gossipsub-v1.1.md.
@Suite("gossipsub: scores against a reference")
struct GossipScoreReferenceTests {
  private let reference: JSONValue

  init() throws {
    let tests = #filePath.replacing(
      "PeeringTests/Gossipsub/GossipScoreReferenceTests.swift", with: "")
    let data = try #require(
      FileManager.default.contents(atPath: tests + "References/gossip_score.json"))
    reference = try JSONValue(parsing: Bytes(data))
  }

  @Test("every peer's score after every second is the reference's", arguments: [0, 1])
  func scores(history: Int) throws {
    var replay = try Replay(reference)
    let steps = try #require(reference["histories"]?.elements?[history].elements)
    for step in steps { try replay.take(step) }
    #expect(replay.seconds == 90)
  }

  /// Drives a router through a history.
  private struct Replay {
    var rig: GossipRig
    var seconds = 0
    private var lastMessage: UInt32 = 0
    private static let topics = [GossipTopic(0), GossipTopic(1)]

    init(_ reference: JSONValue) throws {
      var parameters = GossipsubParameters()
      // The reference says who is in the mesh: the router adds nobody by itself.
      (parameters.degreeLow, parameters.degreeOut, parameters.degreeHigh) = (0, 0, 1_000)
      parameters.opportunisticGraftHeartbeats = .max
      parameters.pruneBackoff = .seconds(try Self.number(reference, "pruneBackoffSeconds"))
      parameters.graftFloodThreshold = .seconds(try Self.number(reference, "graftFloodSeconds"))
      var peerScore = GossipPeerScore()
      peerScore.topicScoreCap = try Self.number(reference, "topicScoreCap")
      peerScore.reputationWeight = try Self.number(reference, "reputationWeight")
      let colocation = try #require(reference["colocation"])
      peerScore.colocationWeight = try Self.number(colocation, "weight")
      peerScore.colocationThreshold = Int(try Self.number(colocation, "threshold"))
      let behaviour = try #require(reference["behaviour"])
      peerScore.behaviourWeight = try Self.number(behaviour, "weight")
      peerScore.behaviourThreshold = try Self.number(behaviour, "threshold")
      peerScore.behaviourDecay = try Self.number(behaviour, "decay")
      peerScore.retention = .seconds(try Self.number(reference, "retentionSeconds"))
      var thresholds = GossipThresholds()
      (thresholds.gossip, thresholds.publish, thresholds.graylist) = (-1e6, -1e6, -1e6)
      let kinds = try #require(reference["topics"]?.elements).map {
        GossipTopicKind(score: try Self.topicScore($0))
      }
      rig = try GossipRig(
        parameters: parameters, thresholds: thresholds, peerScore: peerScore, kinds: kinds)
      for (index, group) in try #require(reference["groups"]?.elements).enumerated() {
        rig.directory.groups[peer(UInt32(index))] = UInt32(try #require(group.integer))
      }
      for (index, topic) in Self.topics.enumerated() {
        rig.handle(.join(topic, kind: UInt8(index)))
      }
    }

    private static func number(_ value: JSONValue, _ name: String) throws -> Double {
      try #require(value[name]?.double, "\(name)")
    }

    private static func topicScore(_ value: JSONValue) throws -> GossipTopicScore {
      var score = GossipTopicScore()
      score.topicWeight = try number(value, "topicWeight")
      score.timeInMeshWeight = try number(value, "timeInMeshWeight")
      score.timeInMeshQuantum = .seconds(try number(value, "timeInMeshQuantum"))
      score.timeInMeshCap = try number(value, "timeInMeshCap")
      score.firstDeliveriesWeight = try number(value, "firstDeliveriesWeight")
      score.firstDeliveriesDecay = try number(value, "firstDeliveriesDecay")
      score.firstDeliveriesCap = try number(value, "firstDeliveriesCap")
      score.meshDeliveriesWeight = try number(value, "meshDeliveriesWeight")
      score.meshDeliveriesDecay = try number(value, "meshDeliveriesDecay")
      score.meshDeliveriesCap = try number(value, "meshDeliveriesCap")
      score.meshDeliveriesThreshold = try number(value, "meshDeliveriesThreshold")
      score.meshDeliveriesWindow = .seconds(try number(value, "meshDeliveriesWindow"))
      score.meshDeliveriesActivation = .seconds(try number(value, "meshDeliveriesActivation"))
      score.meshFailureWeight = try number(value, "meshFailureWeight")
      score.meshFailureDecay = try number(value, "meshFailureDecay")
      score.invalidMessagesWeight = try number(value, "invalidMessagesWeight")
      score.invalidMessagesDecay = try number(value, "invalidMessagesDecay")
      return score
    }

    private func peers(_ step: JSONValue, _ name: String) throws -> [PeerHandle] {
      try #require(step[name]?.elements).map { peer(UInt32(try #require($0.integer))) }
    }

    mutating func take(_ step: JSONValue) throws {
      if let milliseconds = step["ms"]?.integer {
        rig.now = Tick(nanoseconds: UInt64(milliseconds) * 1_000_000)
      }
      let actor = PeerHandle(UInt32(step["peer"]?.integer ?? 0))
      let topic = Self.topics[Int(step["topic"]?.integer ?? 0)]
      switch try #require(step["op"]?.text) {
      case "at": break
      case "connect":
        rig.handle(.connected(actor, weDialled: false, version: .v12))
        for topic in Self.topics { rig.receive(.subscribe(topic), from: actor) }
      case "leave": rig.handle(.disconnected(actor))
      case "graft": rig.receive(.graft(topic), from: actor)
      case "prune": rig.receive(.prune(topic, backoffSeconds: 0, peers: []), from: actor)
      case "first": publish(topic, by: actor, during: [], after: [], verdict: .accept)
      case "message":
        if step["again"]?.bool == true { rig.receive(.message(next(topic, 0)), from: actor) }
        publish(
          topic, by: actor, during: try peers(step, "during"), after: try peers(step, "after"),
          verdict: .accept, isStarted: step["again"]?.bool == true)
      case "reject":
        publish(
          topic, by: actor, during: try peers(step, "during"), after: try peers(step, "after"),
          verdict: .reject)
      case "reputation":
        rig.handle(.reputation(actor, Float(try #require(step["value"]?.double))))
      case "second": try compare(step)
      case let other: Issue.record("an unknown step \(other)")
      }
    }

    private func next(_ topic: GossipTopic, _ offset: UInt32) -> GossipMessage<UInt32> {
      message(lastMessage + offset, topic: topic)
    }

    /// A message of `by`; `during` send it before the verdict, `after` once the window is over.
    private mutating func publish(
      _ topic: GossipTopic, by author: PeerHandle, during: [PeerHandle], after: [PeerHandle],
      verdict: GossipVerdict, isStarted: Bool = false
    ) {
      let sent = next(topic, 0)
      lastMessage += 1
      rig.receive(.message(sent), from: author)
      // A second copy of the same peer counts for nothing.
      if isStarted { rig.receive(.message(sent), from: author) }
      for other in during { rig.receive(.message(sent), from: other) }
      rig.handle(.validated(sent.id, verdict))
      let before = rig.now
      rig.wait(.milliseconds(300))
      for other in after { rig.receive(.message(sent), from: other) }
      rig.now = before
    }

    private mutating func compare(_ step: JSONValue) throws {
      rig.handle(.tick)
      seconds += 1
      for (index, expected) in try #require(step["scores"]?.elements).enumerated() {
        let wanted = try #require(expected.double)
        let score = rig.score(peer(UInt32(index)))
        #expect(
          abs(score - wanted) <= 1e-9 * max(1, abs(wanted)),
          "second \(seconds), peer \(index): \(score) instead of \(wanted)")
      }
      for (index, row) in try #require(step["mesh"]?.elements).enumerated() {
        let members = try #require(row.elements).enumerated().filter { $1.bool == true }
        #expect(
          rig.machine.mesh(of: Self.topics[index]) == members.map { peer(UInt32($0.offset)) },
          "second \(seconds), topic \(index)")
      }
    }
  }
}
