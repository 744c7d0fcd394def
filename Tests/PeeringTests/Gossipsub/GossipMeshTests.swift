import Primitives
import Testing

@testable import Peering

@Suite("gossipsub: the mesh")
struct GossipMeshTests {
  private let topic = GossipRig.topic

  @Test("joining a topic announces it to everybody and grafts D listeners")
  func joining() throws {
    var rig = try GossipRig()
    rig.connect(0..<20)
    rig.connect(20..<25, topic: GossipTopic(9))
    let effects = rig.join()
    #expect(effects.receivers { $0 == .subscribe(topic) }.count == 25)
    #expect(effects.grafted.count == 6)
    #expect(effects.grafted.allSatisfy { $0.index < 20 })
    #expect(rig.mesh == effects.grafted)
  }

  @Test("a peer that connects later hears which topics we listen to")
  func announcement() throws {
    var rig = try GossipRig()
    _ = rig.join()
    let effects = rig.handle(.connected(peer(1), weDialled: false, version: .v11))
    #expect(effects == [.send(peer(1), .subscribe(topic))])
  }

  @Test("leaving a topic prunes the mesh with the short backoff and names peers")
  func leaving() throws {
    var rig = try GossipRig()
    rig.connect(0..<20)
    _ = rig.join()
    let members = rig.mesh
    let effects = rig.handle(.leave(topic))
    #expect(effects.receivers { $0 == .unsubscribe(topic) }.count == 20)
    #expect(effects.pruned == members)
    for case .send(_, .prune(_, let seconds, let named)) in effects {
      #expect(seconds == 10)
      #expect(named.count == 16)
    }
    #expect(rig.mesh.isEmpty)
    // Whoever was pruned is left alone for ten seconds and two heartbeats.
    rig.wait(.seconds(11))
    #expect(Set(rig.join().grafted).isDisjoint(with: members))
  }

  @Test("a mesh that stays below D_lo wants other peers, after pauses that double to 48 heartbeats")
  func thinMesh() throws {
    var rig = try GossipRig()
    rig.connect(0..<4)
    _ = rig.join()
    rig.receive(.prune(topic, backoffSeconds: 0, peers: []), from: peer(0))
    var wanted: [Int] = []
    for beat in 1...200 {
      for case .wantsPeers(let topic, let missing) in rig.beat() {
        #expect(topic == self.topic)
        // Peer 0 comes back after its backoff of a minute.
        #expect(missing == (beat < 64 ? 3 : 2))
        wanted.append(beat)
      }
    }
    #expect(wanted == [3, 6, 12, 24, 48, 96, 144, 192])
  }

  @Test("a mesh that fills wants nobody, and begins to count anew when it thins")
  func filledMesh() throws {
    var rig = try GossipRig()
    rig.connect(0..<4)
    _ = rig.join()
    rig.beat()
    rig.connect(4..<5)
    #expect(rig.beat(20).searches == 0)
    rig.handle(.disconnected(peer(4)))
    #expect(rig.beat(2).searches == 0)
    #expect(rig.beat().searches == 1)
    rig.handle(.leave(topic))
    #expect(rig.beat(20).searches == 0)
  }

  @Test("a bootstrap node without a mesh wants nobody for it")
  func noMesh() throws {
    var rig = try GossipRig(parameters: .bootstrap)
    rig.connect(0..<4)
    _ = rig.join()
    #expect(rig.beat(20).searches == 0)
  }

  @Test("a heartbeat fills a mesh below D_lo up to D")
  func filling() throws {
    var rig = try GossipRig()
    rig.connect(0..<4)
    _ = rig.join()
    #expect(rig.mesh.count == 4)
    rig.connect(4..<20)
    let effects = rig.beat()
    #expect(effects.grafted.count == 2)
    #expect(rig.mesh.count == 6)
  }

  @Test("a mesh between D_lo and D_hi is left as it is")
  func resting() throws {
    var rig = try GossipRig()
    rig.connect(0..<20, dialled: 0..<20)
    _ = rig.join()
    let members = rig.mesh
    #expect(rig.beat(20).allSatisfy { if case .send(_, .graft) = $0 { false } else { true } })
    #expect(rig.mesh == members)
  }

  @Test("a mesh above D_hi shrinks to D; the best and D_out dialled peers stay")
  func shrinking() throws {
    for seed in UInt64(0)..<20 {
      var rig = try GossipRig(seed: seed)
      rig.connect(0..<20, dialled: 17..<20)
      _ = rig.join()
      for index in UInt32(0)..<20 { rig.receive(.graft(topic), from: peer(index)) }
      // Inbound peers fill the mesh to D_hi, dialled peers are taken beyond.
      #expect(rig.mesh.count >= 12)
      rig.connect(20..<22, dialled: 20..<22)
      for index in UInt32(20)..<22 { rig.receive(.graft(topic), from: peer(index)) }
      #expect(rig.mesh.count > 12)
      let best = rig.mesh.filter { $0.index < 17 }.prefix(4)
      for (place, handle) in best.enumerated() {
        rig.handle(.reputation(handle, Float(50 + place)))
      }
      let effects = rig.beat()
      #expect(rig.mesh.count == 6)
      #expect(Set(best).isSubset(of: rig.mesh))
      #expect(rig.mesh.filter { $0.index >= 17 }.count >= 2)
      #expect(!effects.pruned.isEmpty)
    }
  }

  @Test("a full mesh of inbound peers gets D_out dialled peers at the next heartbeat")
  func outboundQuota() throws {
    var rig = try GossipRig()
    rig.connect(0..<12)
    _ = rig.join()
    for index in UInt32(0)..<12 { rig.receive(.graft(topic), from: peer(index)) }
    #expect(rig.mesh.count == 12)
    rig.connect(12..<20, dialled: 12..<20)
    let effects = rig.beat()
    #expect(effects.grafted.count == 2)
    #expect(rig.mesh.filter { $0.index >= 12 }.count == 2)
    #expect(rig.mesh.count <= 12)
  }

  @Test("a GRAFT into a full mesh is pruned unless we dialled the peer")
  func fullMesh() throws {
    var rig = try GossipRig()
    rig.connect(0..<12)
    _ = rig.join()
    rig.connect(13..<14, dialled: 13..<14)
    for index in UInt32(0)..<12 { rig.receive(.graft(topic), from: peer(index)) }
    #expect(rig.mesh.count == 12)
    let outsider = peer(20)
    rig.connect(20..<21)
    let refused = rig.receive(.graft(topic), from: outsider)
    #expect(refused.refusals == [.meshFull])
    #expect(refused.pruned == [outsider])
    rig.receive(.graft(topic), from: peer(13))
    #expect(rig.mesh.contains(peer(13)))
  }

  @Test("a PRUNE ends the mesh link, and its backoff is kept for two heartbeats more")
  func prunedByPeer() throws {
    var rig = try GossipRig()
    rig.connect(0..<1)
    _ = rig.join()
    rig.receive(.prune(topic, backoffSeconds: 5, peers: []), from: peer(0))
    #expect(rig.mesh.isEmpty)
    rig.wait(.seconds(5))
    #expect(rig.beat().grafted.isEmpty)
    rig.wait(.seconds(2))
    #expect(rig.beat().grafted == [peer(0)])
  }

  @Test("a PRUNE cannot hold us back for more than an hour")
  func endlessBackoff() throws {
    var rig = try GossipRig()
    rig.connect(0..<1)
    _ = rig.join()
    rig.receive(.prune(topic, backoffSeconds: .max, peers: []), from: peer(0))
    rig.wait(.seconds(3_603))
    #expect(rig.beat().grafted == [peer(0)])
  }

  @Test("a peer that unsubscribes or disconnects leaves the mesh without a PRUNE")
  func departures() throws {
    var rig = try GossipRig()
    rig.connect(0..<2)
    _ = rig.join()
    #expect(rig.receive(.unsubscribe(topic), from: peer(0)).isEmpty)
    rig.handle(.disconnected(peer(1)))
    #expect(rig.mesh.isEmpty)
    #expect(rig.machine.subscribers(of: topic).isEmpty)
  }

  @Test("peers of floodsub are never in a mesh, and 1.0 peers get PRUNEs without peers")
  func olderPeers() throws {
    var rig = try GossipRig()
    rig.connect(0..<3, version: .floodsub)
    rig.connect(3..<5, version: .v10)
    #expect(rig.join().grafted == [peer(3), peer(4)])
    let effects = rig.handle(.leave(topic))
    #expect(
      effects.sent(to: peer(3)) == [
        .unsubscribe(topic), .prune(topic, backoffSeconds: 0, peers: []),
      ])
  }

  @Test("a poor mesh gets better peers every sixty heartbeats")
  func opportunisticGrafting() throws {
    var rig = try GossipRig()
    rig.connect(0..<6, dialled: 0..<6)
    _ = rig.join()
    rig.connect(6..<16)
    for index in UInt32(6)..<16 { rig.handle(.reputation(peer(index), 5)) }
    // Time in the mesh must not lift the median over the threshold of 2.
    for index in UInt32(0)..<6 { rig.handle(.reputation(peer(index), 0.5)) }
    #expect(rig.beat(59).grafted.isEmpty)
    #expect(rig.beat().grafted.count == 2)
    #expect(rig.mesh.count == 8)
  }

  @Test("PRUNEs name listeners with a score of at least 0, never the pruned peer")
  func peerExchange() throws {
    var rig = try GossipRig()
    rig.connect(0..<13)
    _ = rig.join()
    for index in UInt32(0)..<12 { rig.receive(.graft(topic), from: peer(index)) }
    rig.handle(.reputation(peer(3), -1))
    let outsider = try #require((UInt32(0)..<13).map(peer).first { !rig.mesh.contains($0) })
    let effects = rig.receive(.graft(topic), from: outsider)
    guard case .prune(_, 60, let named) = effects.sent(to: outsider).first else {
      Issue.record("no PRUNE")
      return
    }
    #expect(named.count == 11)
    #expect(!named.contains(peer(3)) && !named.contains(outsider))
  }

  @Test("named peers are dialled only for a peer with a good score, and only strangers")
  func acceptingPeerExchange() throws {
    var rig = try GossipRig()
    rig.connect(0..<2)
    _ = rig.join()
    let prune = GossipItem<UInt32>.prune(
      topic, backoffSeconds: 60, peers: (1..<40).map { peer($0) })
    #expect(rig.receive(prune, from: peer(0)).refusals == [.scoreBelowPeerExchange])
    rig.handle(.reputation(peer(0), 11))
    let effects = rig.receive(prune, from: peer(0))
    #expect(effects == (2..<17).map { .connect(peer($0)) })
  }

  @Test("direct peers get everything, are in no mesh and are dialled when they are gone")
  func directPeers() throws {
    var rig = try GossipRig()
    #expect(rig.handle(.direct(peer(0), true)) == [.connect(peer(0))])
    rig.connect(0..<3)
    #expect(rig.join().grafted == [peer(1), peer(2)])
    #expect(rig.receive(.graft(topic), from: peer(0)).refusals == [.graftFromDirectPeer])
    rig.handle(.reputation(peer(0), -1_000))
    #expect(rig.receive(.message(message(1)), from: peer(1)).told == [peer(0), peer(2)])
    rig.handle(.disconnected(peer(0)))
    #expect(rig.beat(300).contains(.connect(peer(0))))
  }

  @Test("a bootstrap node takes nobody into its mesh and names peers instead")
  func bootstrapNode() throws {
    var rig = try GossipRig(parameters: .bootstrap)
    rig.connect(0..<5)
    #expect(rig.join().grafted.isEmpty)
    let effects = rig.receive(.graft(topic), from: peer(2))
    guard case .prune(_, _, let named) = effects.sent(to: peer(2)).first else {
      Issue.record("no PRUNE")
      return
    }
    #expect(named.sorted() == [peer(0), peer(1), peer(3), peer(4)])
    #expect(rig.beat(3).grafted.isEmpty)
  }
}
