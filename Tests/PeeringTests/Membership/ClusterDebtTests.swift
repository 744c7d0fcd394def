import Cryptography
import Primitives
import Testing

@testable import Peering

/// What a leader owes its members: to carry up what they brought.
@Suite("Digests that leaders owe")
struct ClusterDebtTests {
  private static let own = PeerHandle(0)
  private static let leader = PeerHandle(1)
  private static let unixSeconds: UInt64 = 1_800_000_000

  /// A member of a city's cluster that follows a leader, on a clock of its own.
  private struct Follower {
    let keys = try! (0..<2).map { try SigningKey(seed: Bytes(repeating: $0, count: 32)) }
    let city: ClusterID
    let group: ClusterID
    let directory: WorldDirectory
    var machine: ClusterMachine
    var now = Tick.zero
    var happened: [ClusterEffect] = []

    init() throws {
      let place = try #require(DeclaredPlace(region: "eu", country: "de", city: "berlin"))
      city = ClusterID(.city, of: place)
      group = ClusterID(.local, of: place)
      machine = ClusterMachine(cluster: city, local: own, now: now, mayLead: false)
      directory = WorldDirectory(
        keys: keys, stakes: [.zero, .zero],
        coordinates: Array(repeating: NetworkCoordinate(), count: 2), local: 0,
        unixSeconds: unixSeconds)
      give(.present(leader))
      give(.received(.renew(epoch: 1), from: leader))
    }

    mutating func give(_ event: ClusterEvent) {
      machine.handle(event, now: now, directory: directory, effects: &happened)
    }

    /// Half a minute, in which the leader says now and then that it leads.
    mutating func wait() {
      for _ in 0..<10 {
        now = now.advanced(by: ClusterLimits.renewal)
        give(.received(.renew(epoch: 1), from: leader))
        give(.tick)
      }
    }

    func digest(
      of cluster: ClusterID, sequence: UInt64, anchor: Digest, kind: Bytes, by signer: Int
    ) -> CapabilityDigest {
      var filter = BloomFilter(capacity: ClusterLimits.digestCapacity)
      filter.insert(kind)
      return CapabilityDigest(
        cluster: cluster, epoch: 1, sequence: sequence, expiresAt: unixSeconds + 100,
        memberCount: 1, anchor: anchor, filter: filter, signedBy: keys[signer])
    }

    /// The leader's digest over one of ours.
    mutating func hear(_ child: CapabilityDigest, sequence: UInt64, kind: Bytes) {
      let leaves = [child.anchorLeaf]
      let digest = digest(
        of: city, sequence: sequence, anchor: MerkleTree.root(of: leaves), kind: kind, by: 1)
      let proof = MerkleTree.proof(index: 0, in: leaves)
      give(.received(.published(digest.encoded(), inclusion: proof), from: leader))
    }
  }

  /// Signs a digest each half minute, after each of which the leader publishes the one that is
  /// `age` older; returns how often the follower was content, and whether it lost patience.
  private func run(
    age: Int, kind: Bytes = [1], carriedUp: Bytes = [1]
  ) throws -> (anchored: Int, isDisgraced: Bool) {
    var follower = try Follower()
    var brought: [CapabilityDigest] = []
    for round in 1...8 {
      brought.append(
        follower.digest(
          of: follower.group, sequence: UInt64(round), anchor: SHA256.hash([UInt8(round)]),
          kind: kind, by: 0))
      follower.give(.digestBelow(brought[round - 1]))
      if round > age {
        follower.hear(brought[round - 1 - age], sequence: UInt64(round), kind: carriedUp)
      }
      follower.wait()
    }
    let anchored = follower.happened.count { if case .anchored = $0 { true } else { false } }
    return (anchored, follower.happened.contains(.disgraced(Self.leader)))
  }

  @Test("a leader that signs just before it hears of each newest digest keeps its office")
  func crossing() throws {
    #expect(try run(age: 0) == (8, false))
    #expect(try run(age: 1) == (7, false))
  }

  @Test("a leader that carries up what is older, or without what it offers, loses it")
  func holdingBack() throws {
    #expect(try run(age: 2) == (0, true))
    #expect(try run(age: 1, kind: [1], carriedUp: [2]) == (0, true))
  }
}
