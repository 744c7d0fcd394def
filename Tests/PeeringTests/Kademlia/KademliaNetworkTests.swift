import Cryptography
import Primitives
import Testing

@testable import Peering

/// Whole networks of machines in one process.
@Suite("Kademlia networks")
struct KademliaNetworkTests {
  @Test("a hundred nodes that know one bootstrap find each other by joining")
  func joins() {
    var world = KademliaWorld(seed: 21)
    world.identifies = true
    let first = world.add()
    for _ in 1..<100 { world.add() }
    for index in 1..<100 {
      let peer = PeerHandle(UInt32(index))
      world.handle(.identified(first, admission: .staked), at: peer)
      let outcome = world.run(.bootstrap, at: peer)
      #expect(outcome.ending == .complete)
    }
    world.run(milliseconds: 5_000)
    let everyone = (0..<100).map { PeerHandle(UInt32($0)) }
    for _ in 0..<10 {
      let asker = everyone[Int.random(in: 0..<100, using: &world.random)]
      let point = DistanceKey.random(&world.random)
      let outcome = world.run(.findNode(KademliaKey(point: point)), at: asker)
      let truth = world.book.closest(20, of: everyone.filter { $0 != asker }, to: point)
      #expect(Set(outcome.closest).intersection(truth).count >= 19)
      #expect(outcome.closest.first == truth.first)
    }
  }

  private static func network(
    _ count: Int, seed: UInt64, settings: KademliaSettings = .martlet
  ) -> KademliaWorld {
    var world = KademliaWorld(seed: seed, settings: settings)
    for _ in 0..<count { world.add() }
    world.fillTables()
    return world
  }

  @Test(
    "what one node provides another finds, by regions and by the rules of IPFS",
    arguments: [KademliaSettings.martlet, .ipfs])
  func providers(settings: KademliaSettings) {
    var world = Self.network(800, seed: 22, settings: settings)
    let key = KademliaKey(Bytes("a multihash".utf8))
    let provided = world.run(.provide(key), at: PeerHandle(5))
    #expect(provided.ending == .complete)
    #expect(provided.stored >= 20)
    let all = world.run(.findProviders(key, wanted: 20), at: PeerHandle(700))
    #expect(all.providers == [PeerHandle(5)])
    let one = world.run(.findProviders(key, wanted: 1), at: PeerHandle(701))
    #expect(one.providers == [PeerHandle(5)])
    #expect(one.requests <= all.requests)
    let none = world.run(
      .findProviders(KademliaKey(Bytes("another".utf8)), wanted: 1), at: PeerHandle(9))
    #expect(none.providers == [])
    #expect(none.ending == .complete)
  }

  @Test("a region's store reaches the honest peers of the region")
  func regionStore() {
    var world = Self.network(2_000, seed: 23)
    let key = KademliaKey(point: .random(&world.random))
    let believed = world.machines[1].networkPeers(directory: world.book)
    let region = KademliaRegion(center: key.point, networkPeers: believed)
    let outcome = world.run(.provide(key), at: PeerHandle(1))
    let inside = world.machines.indices.filter { region.contains(world.book.keys[$0]) }
    let holding = inside.filter {
      !world.machines[$0].providerStore.providers(of: key.point, at: world.now).isEmpty
    }
    #expect((12...80).contains(inside.count))
    #expect(holding == inside)
    #expect(outcome.stored <= 3 * KademliaLimits.regionPeers)
  }

  @Test("every node's estimate of the size lies within a factor of two and a half of the truth")
  func sizeEstimates() {
    let world = Self.network(2_000, seed: 24)
    for machine in world.machines.prefix(200) {
      let estimate = machine.networkPeers(directory: world.book)
      #expect((800...5_000).contains(estimate))
    }
    let small = Self.network(12, seed: 24)
    #expect(small.machines[0].networkPeers(directory: small.book) == 12)
  }

  @Test("a signed record is found, replaced by a higher sequence, and corrected where it is old")
  func values() throws {
    var world = Self.network(800, seed: 25)
    let owner = try SigningKey(seed: Bytes(repeating: 7, count: 32))
    func signed(_ sequence: UInt64) -> KademliaRecord {
      SignedRecord(
        name: "pool", sequence: sequence, content: [UInt8(sequence)], signedBy: owner
      ).record
    }
    let old = world.run(.putValue(signed(1)), at: PeerHandle(3))
    #expect(old.stored >= 20)
    let key = old.closest
    #expect(
      world.run(.getValue(signed(1).key), at: PeerHandle(400)).record == signed(1))
    // Only one node hears of the new one; a read finds it and tells the others.
    world.handle(
      .request(.putValue(signed(2)), from: PeerHandle(3), admission: .staked, call: 0),
      at: key[4])
    #expect(
      world.run(.getValue(signed(1).key), at: PeerHandle(401)).record == signed(2))
    world.run(milliseconds: 1_000)
    let updated = key.filter {
      world.machines[Int($0.index)].valueStore.value(of: signed(1).key.point, at: world.now)?
        .sequence == 2
    }
    #expect(updated.count >= 15)
  }

  @Test("a provider says so again after 22 hours, and its record ends after 48 without it")
  func republish() {
    var world = Self.network(60, seed: 26)
    let provider = PeerHandle(2)
    let key = KademliaKey(Bytes("a multihash".utf8))
    _ = world.run(.provide(key), at: provider)
    let holder = world.book.closest(1, of: (3..<60).map { PeerHandle(UInt32($0)) }, to: key.point)
    let machine = Int(holder[0].index)
    func isHeld(_ hours: UInt64) -> Bool {
      let at = KademliaWorld.epoch.advanced(by: .seconds(Int64(hours) * 3_600))
      return !world.machines[machine].providerStore.providers(of: key.point, at: at).isEmpty
    }
    #expect(isHeld(47))
    #expect(!isHeld(49))
    world.milliseconds = 22 * 3_600_000 + 60_000
    world.handle(.tick, at: provider)
    world.run(milliseconds: 3_000)
    #expect(isHeld(69))
    world.handle(.stopProviding(key.point), at: provider)
    world.milliseconds = 44 * 3_600_000 + 120_000
    world.handle(.tick, at: provider)
    world.run(milliseconds: 3_000)
    #expect(!isHeld(71))
  }

  @Test("one seed replays one run")
  func determinism() {
    func run() -> [KademliaOutcome] {
      var world = Self.network(300, seed: 27)
      return (0..<5).map { number in
        let key = KademliaKey(point: .random(&world.random))
        return world.run(.provide(key), at: PeerHandle(UInt32(number)))
      }
    }
    #expect(run() == run())
  }
}
