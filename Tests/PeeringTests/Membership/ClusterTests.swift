import Cryptography
import Peering
import Primitives
import Testing

@Suite("Clusters")
struct ClusterTests {
  private func place(_ region: String, _ country: String, _ city: String) throws -> DeclaredPlace {
    try #require(DeclaredPlace(region: region, country: country, city: city))
  }

  private func berlin() throws -> ClusterID {
    ClusterID(.local, of: try place("eu", "de", "berlin"))
  }

  private func group(of count: Int, seed: UInt64, offers: [String] = []) throws -> ClusterWorld {
    var world = ClusterWorld(seed: seed)
    for node in 0..<count {
      try world.add(try berlin(), stake: UInt64(node % 7), offers: offers)
    }
    return world
  }

  @Test("a group elects one leader, whom all follow: the highest stake among equally old ones")
  func election() throws {
    var world = try group(of: 20, seed: 1)
    world.run(.seconds(20))
    let cluster = try berlin()
    #expect(world.leaders(of: cluster) == [6])
    #expect(world.nodes.indices.allSatisfy { world.followed(by: $0) == 6 })
    world.run(.seconds(120))
    #expect(world.leaders(of: cluster) == [6])
    let elections = world.happened.filter { $0.cluster == cluster && isLeading($0.effect) }
    #expect(elections.count == 1)
  }

  private func isLeading(_ effect: ClusterEffect) -> Bool {
    if case .leads = effect { true } else { false }
  }

  @Test("a newcomer with more stake does not depose who is longer there")
  func longestLived() throws {
    var world = try group(of: 10, seed: 2)
    world.run(.seconds(90))
    let old = world.leaders(of: try berlin())
    try world.add(try berlin(), stake: 1_000_000)
    world.run(.seconds(30))
    #expect(world.leaders(of: try berlin()) == old)
    world.crash(try #require(old.first))
    world.run(.seconds(40))
    let next = world.leaders(of: try berlin())
    #expect(next.count == 1)
    #expect(next != [10])
  }

  @Test("there is never more than one leader of an epoch", arguments: 0..<8 as Range<UInt64>)
  func oneLeaderAnEpoch(seed: UInt64) throws {
    var world = try group(of: 15, seed: 100 + seed)
    world.run(.seconds(15))
    for _ in 0..<3 {
      if let leader = world.leaders(of: try berlin()).first { world.crash(leader) }
      world.run(.seconds(40))
    }
    var leaders: [UInt64: Set<Int>] = [:]
    for (node, cluster, effect) in world.happened where cluster.level == .local {
      if case .leads(let epoch) = effect { leaders[epoch, default: []].insert(node) }
    }
    #expect(leaders.count >= 4)
    #expect(leaders.values.allSatisfy { $0.count == 1 })
    #expect(world.leaders(of: try berlin()).count == 1)
  }

  @Test("a cut group has a leader on each side, and one again when it is healed")
  func partitionAndHeal() throws {
    var world = try group(of: 21, seed: 4)
    world.run(.seconds(20))
    world.cut(Array(0..<8), true)
    world.run(.seconds(60))
    #expect(world.leaders(of: try berlin()).count == 2)
    world.cut(Array(0..<8), false)
    world.run(.seconds(90))
    let leaders = world.leaders(of: try berlin())
    #expect(leaders.count == 1)
    #expect(world.nodes.indices.allSatisfy { world.followed(by: $0) == leaders.first })
  }

  @Test("an epoch from far away is not taken, and traps nobody")
  func wildEpoch() throws {
    var world = try group(of: 9, seed: 5)
    world.run(.seconds(20))
    let leader = try #require(world.leaders(of: try berlin()).first)
    let liar = leader == 0 ? 1 : 0
    for node in world.nodes.indices where node != liar {
      for epoch in [UInt64.max, 1 << 40] {
        world.send(.stand(epoch: epoch), in: try berlin(), from: liar, to: node)
        world.send(.decline(known: epoch), in: try berlin(), from: liar, to: node)
      }
      world.send(.stand(epoch: 900), in: try berlin(), from: liar, to: node)
    }
    world.run(.seconds(30))
    #expect(world.leaders(of: try berlin()) == [leader])
    #expect(world.nodes[leader].clusters[0].epoch < 10_000)
  }

  @Test("a leader that keeps its members out of the digest loses its office")
  func withholding() throws {
    var world = try group(of: 9, seed: 6, offers: ["gpu"])
    world.run(.seconds(10))
    let liar = try #require(world.leaders(of: try berlin()).first)
    world.tamper[liar] = { message in
      if case .published = message { nil } else { message }
    }
    world.run(.seconds(150))
    let leaders = world.leaders(of: try berlin())
    #expect(leaders.count == 1)
    #expect(leaders != [liar])
    #expect(world.happened.contains { $0.effect == .disgraced(PeerHandle(UInt32(liar))) })
  }

  @Test("clusters of clusters form up to the globe, and every member is anchored")
  func hierarchy() throws {
    var world = try threeCities()
    world.run(.seconds(240))
    let globe = ClusterID(.global, of: try place("eu", "de", "berlin"))
    #expect(world.leaders(of: globe).count == 1)
    let digests = world.happened.compactMap { entry -> CapabilityDigest? in
      guard entry.cluster == globe, case .signed(let digest) = entry.effect else { return nil }
      return digest
    }
    let last = try #require(digests.last)
    #expect(last.memberCount == 18)
    #expect(last.filter.mayContain(Array("gpu".utf8)))
    #expect(!last.filter.mayContain(Array("tpu".utf8)))
    #expect(try chainIsAnchored(in: world))
  }

  /// Six in each of three cities of two regions.
  private func threeCities() throws -> ClusterWorld {
    var world = ClusterWorld(seed: 7)
    for names in [("eu", "de", "berlin"), ("eu", "fr", "paris"), ("us", "us", "boston")] {
      let cluster = ClusterID(.local, of: try place(names.0, names.1, names.2))
      for node in 0..<6 {
        try world.add(
          cluster, stake: UInt64(node),
          offers: names.2 == "paris" && node == 2 ? ["gpu"] : ["cpu"])
      }
    }
    return world
  }

  /// Follows one digest of each level from Paris to the globe.
  private func chainIsAnchored(in world: ClusterWorld) throws -> Bool {
    let paris = ClusterID(.local, of: try place("eu", "fr", "paris"))
    var cluster: ClusterID? = paris
    var links: [AnchorLink] = []
    var leaf = ClusterMachine.memberLeaf(
      world.directory(of: 8).signingKey.publicKey, kinds: [Array("gpu".utf8)])
    let first = leaf
    while let current = cluster {
      let fitting = world.happened.compactMap { entry -> AnchorLink? in
        guard entry.cluster == current, case .anchored(let digest, let proof) = entry.effect,
          proof.proves(leaf, under: digest.anchor)
        else { return nil }
        return AnchorLink(digest: digest, inclusion: proof)
      }
      // The last but so many: what is below was signed before it was anchored above.
      guard let link = current == paris ? fitting.dropLast(5).last : fitting.last else {
        return false
      }
      links.append(link)
      leaf = link.digest.anchorLeaf
      cluster = current.parent
    }
    let time = links.map(\.digest.expiresAt).min() ?? 0
    let now = time - 1
    guard AnchorLink.anchors(first, through: links, now: now) else { return false }
    #expect(!AnchorLink.anchors(SHA256.hash([1]), through: links, now: now))
    #expect(!AnchorLink.anchors(first, through: Array(links.dropFirst()), now: now))
    return links.count == 5
  }

  @Test("a user in one region finds a kind that only another country offers")
  func pools() throws {
    var world = try threeCities()
    world.run(.seconds(240))
    let kind = Array("gpu".utf8)
    let boston = ClusterID(.local, of: try place("us", "us", "boston"))
    var upwards: [Int] = []
    var cluster: ClusterID? = boston
    while let current = cluster {
      upwards += world.leaders(of: current)
      cluster = current.parent
    }
    var search = PoolSearch(wanted: 1, leadersUpwards: upwards.map { PeerHandle(UInt32($0)) })
    var effects = search.start(now: world.now)
    while !effects.isEmpty {
      let effect = effects.removeFirst()
      switch effect {
      case .finished(let members): #expect(members == [PeerHandle(8)])
      case .ask(let leader):
        let (members, leaders) = world.answers(of: Int(leader.index), kind: kind)
        effects += search.found(members, leaders: leaders, from: leader, now: world.now)
      }
    }
  }

  @Test("a node of a mobile network follows and never leads")
  func mobile() throws {
    #expect(!NetworkClass.mobile.membersLead)
    var world = ClusterWorld(seed: 8)
    for node in 0..<6 {
      try world.add(try berlin(), stake: UInt64(100 - node), mayLead: node >= 3)
    }
    world.run(.seconds(30))
    #expect(world.leaders(of: try berlin()) == [3])
  }

  @Test("a group above 200 splits in two near halves, and each elects a leader")
  func splitting() throws {
    var world = ClusterWorld(seed: 9)
    for node in 0..<202 {
      let far: Int64 = node % 2 == 0 ? 0 : 90_000
      let coordinate = try #require(
        NetworkCoordinate(microseconds: [far, 0, 0, 100], errorPercent: 5))
      try world.add(try berlin(), at: coordinate)
    }
    world.run(.seconds(30))
    let groups = world.nodes.map { $0.clusters[0].cluster.number }
    #expect(Set(groups) == [1, 2])
    #expect(groups.indices.allSatisfy { groups[$0] == groups[$0 % 2] })
    for number in [UInt32(1), 2] {
      #expect(world.leaders(of: try berlin().numbered(number)).count == 1)
    }
  }

  @Test("a group below 50 joins its nearest neighbour that has room")
  func merging() throws {
    var world = ClusterWorld(seed: 10)
    for node in 0..<12 {
      try world.add(try berlin().numbered(node < 6 ? 1 : 2))
    }
    world.run(.seconds(10))
    let siblings = [
      GroupPlan.Sibling(
        try berlin().numbered(1), memberCount: 6, at: NetworkCoordinate())
    ]
    let leader = try #require(world.leaders(of: try berlin().numbered(2)).first)
    world.give(.siblings(siblings), to: leader, in: try berlin().numbered(2))
    world.run(.seconds(60))
    #expect(world.nodes.allSatisfy { $0.clusters[0].cluster.number == 1 })
    #expect(world.leaders(of: try berlin().numbered(1)).count == 1)
    #expect(world.nodes.allSatisfy { $0.clusters[0].present.count == 12 })
  }
}

extension ClusterWorld {
  /// What a leader would answer, in all its clusters.
  func answers(of node: Int, kind: Bytes) -> ([PeerHandle], [PeerHandle]) {
    var members: [PeerHandle] = []
    var leaders: [PeerHandle] = []
    for machine in nodes[node].clusters where machine.isLeader {
      let answer = machine.offering(kind, nearTo: nil, directory: directory(of: node))
      members += answer.members
      leaders += answer.leaders
    }
    return (members, leaders)
  }
}
