import Primitives
import Testing

@testable import Peering

@Suite("gossipsub: a network")
struct GossipWorldTests {
  private static let kind = GossipTopicKind(validates: false)

  /// Twelve dials a node, so about 24 connections; ten seconds to find meshes.
  private func settled(
    _ nodes: Int, parameters: GossipsubParameters = .standard, seed: UInt64,
    silentShare: Double = 0
  ) throws -> GossipWorld {
    var world = try GossipWorld(
      nodes: nodes, dials: 12, parameters: parameters, kind: Self.kind, seed: seed)
    for node in 1..<nodes where Double.random(in: 0..<1, using: &world.random) < silentShare {
      world.conduct[node] = .silent
    }
    world.run(milliseconds: 10_000)
    return world
  }

  @Test("among a thousand honest nodes every message reaches all, within a virtual second")
  func honest() throws {
    var world = try settled(1_000, seed: 1)
    let start = world.now / 1_000_000
    world.publish(1, at: 0)
    world.run(milliseconds: 3_000)
    #expect(world.coverage(1) == 1)
    let last = world.arrivals[1]?.values.max() ?? 0
    #expect(last - start < 1_000)
  }

  @Test("meshes keep between D_lo and D_hi peers, D_out of them dialled, and both ends agree")
  func degrees() throws {
    var world = try settled(500, seed: 2)
    world.run(milliseconds: 20_000)
    let parameters = GossipsubParameters.standard
    #expect(world.meshMax <= parameters.degreeHigh)
    var oneSided = 0
    for node in 0..<500 {
      let mesh = world.mesh(of: node)
      #expect((parameters.degreeLow...parameters.degreeHigh).contains(mesh.count), "\(node)")
      let machine = world.machines[node]
      let dialled = mesh.filter { peer in
        machine.peerIndex(peer).map { machine.peers[$0].weDialled } ?? false
      }
      #expect(dialled.count >= parameters.degreeOut, "\(node)")
      for peer in mesh where !world.mesh(of: Int(peer.index)).contains(PeerHandle(UInt32(node))) {
        oneSided += 1
      }
    }
    // Only a GRAFT or PRUNE still on its way makes two ends differ.
    #expect(oneSided <= 5)
  }

  @Test("with 60 % silent nodes 99 % still get every message", arguments: [UInt64(3), 4])
  func silent(seed: UInt64) throws {
    var world = try settled(500, parameters: .wide, seed: seed, silentShare: 0.6)
    for number in UInt32(1)...5 {
      world.publish(number, at: 0)
      world.run(milliseconds: 5_000)
      #expect(world.coverage(number) >= 0.99, "seed \(seed), message \(number)")
    }
  }

  @Test("IDONTWANT saves copies of large messages and loses none")
  func idontwant() throws {
    var world = try settled(300, seed: 5)
    let before = world.copies
    world.publish(1, at: 0, bytes: 1_000)
    world.run(milliseconds: 3_000)
    let plain = world.copies - before
    world.publish(2, at: 0, bytes: 10_000)
    world.run(milliseconds: 3_000)
    #expect(world.coverage(2) == 1)
    #expect(world.copies - before - plain < plain)
  }

  @Test("one seed gives one run, another seed another")
  func determinism() throws {
    func arrivals(_ seed: UInt64) throws -> [UInt32: UInt64]? {
      var world = try settled(100, seed: seed)
      world.publish(1, at: 3)
      world.run(milliseconds: 2_000)
      return world.arrivals[1]
    }
    let first = try arrivals(6)
    #expect(try arrivals(6) == first)
    #expect(try arrivals(7) != first)
  }

  @Test(
    "nodes that join late, and the meshes around a third that leaves, are whole again within virtual seconds"
  )
  func churn() throws {
    var world = try settled(300, seed: 8)
    for node in 0..<100 {
      for peer in world.links[node] {
        world.schedule(.disconnected(peer), at: world.now, for: node)
        world.schedule(
          .disconnected(PeerHandle(UInt32(node))), at: world.now, for: Int(peer.index))
      }
    }
    world.run(milliseconds: 3_000)
    world.publish(1, at: 299)
    world.run(milliseconds: 3_000)
    #expect((100..<300).allSatisfy { world.arrivals[1]?[UInt32($0)] != nil })
    #expect(!(0..<100).contains { world.arrivals[1]?[UInt32($0)] != nil })
  }
}
