import Cryptography
import Primitives
import Testing

@testable import Peering

/// Each defence against the attack it is for.
@Suite("Kademlia under attack")
struct KademliaAttackTests {
  /// 2,000 honest peers and twenty that ground ids to lie closer to `key` than any honest one; the
  /// Sybils answer with each other alone and keep nothing.
  private static func eclipse(
    key: DistanceKey, seed: UInt64, settings: KademliaSettings, group: UInt32? = nil
  ) -> KademliaWorld {
    var world = KademliaWorld(seed: seed, settings: settings)
    for _ in 0..<2_000 { world.add() }
    var sybils: [PeerHandle] = []
    for _ in 0..<20 {
      let point = key.neighbour(sharing: 24, random: &world.random)
      sybils.append(world.add(.sybil(KademliaResponse()), key: point, group: group))
    }
    for sybil in sybils { world.kinds[Int(sybil.index)] = .sybil(.init(closer: sybils)) }
    world.fillTables()
    return world
  }

  @Test("twenty Sybils beside a key do not hide it, before or after it was stored")
  func eclipseFails() {
    var found = 0
    for seed in UInt64(1)...6 {
      var random = SplitMix64(seed: seed)
      let key = KademliaKey(point: .random(&random))
      var world = Self.eclipse(key: key.point, seed: seed, settings: .martlet)
      let stored = world.run(.provide(key), at: PeerHandle(UInt32(seed) * 100))
      let read = world.run(
        .findProviders(key, wanted: .max), at: PeerHandle(UInt32(seed) * 100 + 50))
      #expect(stored.elapsed < .seconds(5))
      if read.providers == [PeerHandle(UInt32(seed) * 100)] { found += 1 }
    }
    #expect(found == 6)
  }

  @Test("the same Sybils do hide the key from stores and reads of the closest k")
  func eclipseWorksWithoutRegions() {
    var settings = KademliaSettings.martlet
    settings.usesRegions = false
    var random = SplitMix64(seed: 1)
    let key = KademliaKey(point: .random(&random))
    var world = Self.eclipse(key: key.point, seed: 1, settings: settings)
    _ = world.run(.provide(key), at: PeerHandle(100))
    let read = world.run(.findProviders(key, wanted: .max), at: PeerHandle(150))
    #expect(read.providers == [])
  }

  @Test("Sybils that name hundreds of invented peers beside a key slow a read and do not stop it")
  func inventedPeers() {
    var random = SplitMix64(seed: 6)
    let key = KademliaKey(point: .random(&random))
    var world = Self.eclipse(key: key.point, seed: 6, settings: .martlet)
    for sybil in 2_000..<2_020 {
      let invented = (0..<20).map { _ in
        world.add(.dead, key: key.point.neighbour(sharing: 26, random: &random))
      }
      world.kinds[sybil] = .sybil(.init(closer: invented))
    }
    _ = world.run(.provide(key), at: PeerHandle(100))
    let read = world.run(.findProviders(key, wanted: .max), at: PeerHandle(150))
    #expect(read.providers == [PeerHandle(100)])
    #expect(read.requests < KademliaLimits.requestsPerLookupMax)
    #expect(read.elapsed < .seconds(8), "\(read.elapsed)")
  }

  @Test("Sybils without stake or puzzle are no part of any result")
  func admission() {
    var random = SplitMix64(seed: 2)
    let key = KademliaKey(point: .random(&random))
    var world = Self.eclipse(key: key.point, seed: 2, settings: .martlet)
    world.admission = { $0.index < 2_000 ? .staked : .none }
    let outcome = world.run(.findNode(key), at: PeerHandle(7))
    #expect(outcome.closest.allSatisfy { $0.index < 2_000 })
    let entry = PeerHandle(2_000)
    world.handle(.identified(entry, admission: .none), at: PeerHandle(7))
    world.handle(.withdrawn(entry), at: PeerHandle(8))
    world.handle(.identified(entry, admission: .none), at: PeerHandle(8))
    #expect(world.machines[8].table.entry(of: entry, directory: world.book) == nil)
  }

  @Test("an answer full of one address group adds nobody of that group")
  func answerDiversity() {
    var book = TestBook()
    var random = SplitMix64(seed: 3)
    let one = (0..<10).map { _ in book.add(.random(&random), group: 5) }
    let others = (0..<6).map { book.add(.random(&random), group: UInt32($0 + 10)) }
    let local = (0..<4).map { _ in book.add(.random(&random), group: 0) }
    #expect(
      LookupMachine.diverse(one + others + local, directory: book) == others + local)
    #expect(LookupMachine.diverse(one.prefix(3) + others, directory: book).count == 9)
    let flood = local + others + one
    #expect(LookupMachine.diverse(flood + flood, directory: book).count <= 20)
  }

  @Test("a table is not poisoned: no answer puts a peer in, and one network gets three places")
  func poisoning() {
    var world = KademliaWorld(seed: 4)
    let victim = world.add()
    let liar = world.add(.honest)
    let invented = (0..<20).map { _ in world.add(.dead, group: 99) }
    world.kinds[Int(liar.index)] = .sybil(.init(closer: invented))
    world.handle(.identified(liar, admission: .staked), at: victim)
    _ = world.run(.findNode(KademliaKey(point: .random(&world.random))), at: victim)
    #expect(world.machines[0].table.entries.map(\.peer) == [liar])
    for peer in invented {
      world.handle(.identified(peer, admission: .staked), at: victim)
    }
    #expect(world.machines[0].table.count <= 1 + KademliaLimits.peersOfGroupInTableMax)
  }

  @Test("a peer that names the same invented peers again and again cannot keep a lookup going")
  func endlessReferrals() {
    var world = KademliaWorld(seed: 5)
    let victim = world.add()
    let liar = world.add()
    let key = KademliaKey(point: .random(&world.random))
    var liars = [liar]
    for bits in 1..<40 {
      let point = key.point.neighbour(sharing: bits, random: &world.random)
      liars.append(world.add(.dead, key: point))
    }
    for (index, peer) in liars.enumerated() {
      let next = liars[min(index + 1, liars.count - 1)]
      world.kinds[Int(peer.index)] = .sybil(.init(closer: [next, liar, victim]))
    }
    world.handle(.identified(liar, admission: .staked), at: victim)
    let outcome = world.run(.findNode(key), at: victim)
    #expect(outcome.requests <= liars.count)
    #expect(outcome.elapsed < .seconds(10))
  }
}
