import Primitives
import Testing

@testable import Peering

@Suite("Kademlia lookups")
struct KademliaLookupTests {
  private static func world(
    peers: Int, dead: Double = 0, seed: UInt64, settings: KademliaSettings = .martlet
  ) -> KademliaWorld {
    var world = KademliaWorld(seed: seed, settings: settings)
    for index in 0..<peers {
      world.add(Double(index) < Double(peers) * dead ? .dead : .honest)
    }
    world.fillTables()
    return world
  }

  private static func live(_ world: KademliaWorld) -> [PeerHandle] {
    world.kinds.indices.filter { if case .honest = world.kinds[$0] { true } else { false } }
      .map { PeerHandle(UInt32($0)) }
  }

  @Test("a lookup among 2,000 peers finds the k that are truly closest", arguments: [1, 2, 3])
  func findsTheClosest(seed: UInt64) {
    var world = Self.world(peers: 2_000, seed: seed)
    let live = Self.live(world)
    for _ in 0..<5 {
      let asker = live[Int.random(in: live.indices, using: &world.random)]
      let point = DistanceKey.random(&world.random)
      let outcome = world.run(.findNode(KademliaKey(point: point)), at: asker)
      #expect(outcome.ending == .complete)
      let truth = world.book.closest(20, of: live.filter { $0 != asker }, to: point)
      #expect(outcome.closest == truth, "seed \(seed)")
      #expect(outcome.hops <= 4)
      #expect(outcome.elapsed < .seconds(1))
    }
  }

  @Test("with 30 % dead entries the closest are still found, within two virtual seconds")
  func deadEntries() {
    var world = Self.world(peers: 2_000, dead: 0.3, seed: 9)
    let live = Self.live(world)
    var found = 0
    var met = 0
    for _ in 0..<20 {
      let asker = live[Int.random(in: live.indices, using: &world.random)]
      let point = DistanceKey.random(&world.random)
      let outcome = world.run(.findNode(KademliaKey(point: point)), at: asker)
      let truth = world.book.closest(20, of: live.filter { $0 != asker }, to: point)
      if outcome.closest.first == truth.first { found += 1 }
      met += Set(outcome.closest).intersection(truth).count
      #expect(outcome.timeouts > 0)
      #expect(outcome.elapsed < .seconds(2), "\(outcome.elapsed)")
    }
    #expect(found >= 19)
    // An answer names k peers of which six are dead, so the outermost of the k may stay unknown.
    #expect(met >= 20 * 18, "\(met) of 400")
  }
}
