import Cryptography
import Glibc
import Networking
import Peering
import Primitives
import Testing

/// Failure detection goes by the real clock, so nothing else may want the processors meanwhile:
/// CI runs these alone.
@Suite(
  "groups on real hosts", .timeLimit(.minutes(5)), .serialized,
  .enabled(if: getenv("MARTLET_ALONE") != nil, "they run alone: MARTLET_ALONE=1"))
struct GroupMembershipTests {
  private static func profile(_ rule: AdmissionRule = .everyone) throws -> NetworkProfile {
    try #require(NetworkProfile(name: "lab", class: .academic, rule: rule))
  }

  @Test("fourteen form a group; a killed member is known dead by all; a killed leader is replaced")
  func life() async throws {
    try await MembershipNode.with(14) { nodes in
      let profile = try Self.profile()
      var joined: [GroupMembership] = []
      for node in nodes { joined.append(try await node.join(profile)) }
      let members = joined
      let loop = members[0].loop
      let all = Set(nodes.map(\.host.peerID))
      try await until(loop) { await members.see(all) }
      try await until(loop) { await members.leader(of: .local) != nil }
      let leader = try #require(await members.leader(of: .local))

      // One that does not lead dies.
      let ids = nodes.map(\.host.peerID)
      let victim = leader == ids[0] ? 1 : 0
      await nodes[victim].host.stop()
      let others = members.enumerated().filter { $0.offset != victim }.map(\.element)
      let rest = all.subtracting([ids[victim]])
      try await until(loop) { await others.see(rest) }
      #expect(await others.leader(of: .local) == leader)

      // The leader dies.
      let head = try #require(ids.firstIndex(of: leader))
      await nodes[head].host.stop()
      let last = members.enumerated().filter { $0.offset != victim && $0.offset != head }
        .map(\.element)
      let survivors = rest.subtracting([leader])
      try await until(loop) { await last.see(survivors) }
      try await until(loop) { await last.leader(of: .local) != nil }
      #expect(await last.leader(of: .local) != leader)
    }
  }

  @Test("two cities form two groups under one country, and a kind is found across them")
  func cities() async throws {
    try await MembershipNode.with(8) { nodes in
      let profile = try Self.profile()
      var joined: [GroupMembership] = []
      for (index, node) in nodes.enumerated() {
        joined.append(
          try await node.join(
            profile, at: index < 4 ? "berlin" : "munich", kinds: index == 2 ? ["gpu"] : ["cpu"]))
      }
      let members = joined
      let loop = members[0].loop
      let berlin = Set(nodes[..<4].map(\.host.peerID))
      let munich = Set(nodes[4...].map(\.host.peerID))
      try await until(loop) {
        guard await members[..<4].see(berlin) else { return false }
        return await members[4...].see(munich)
      }
      try await until(loop) {
        guard let first = await members[..<4].leader(of: .local),
          let second = await members[4...].leader(of: .local)
        else { return false }
        let leaders = nodes.indices.filter { [first, second].contains(nodes[$0].host.peerID) }
        let countries = leaders.map { members[$0] }
        // Both are alone in their cities, and together in the country.
        return await countries.leader(of: .country) != nil
      }
      try await until(loop) {
        await members[6].find(kind: "gpu", wanted: 1) == [nodes[2].host.peerID]
      }
      #expect(await members[6].find(kind: "tpu", wanted: 1).isEmpty)
      // Found in the own group, without going further.
      try await until(loop) { await members[1].find(kind: "cpu", wanted: 2).count == 2 }
    }
  }

  @Test("forged claims of a stranger and of a member are refused, and nobody dies of them")
  func liar() async throws {
    try await MembershipNode.with(6) { nodes in
      let profile = try Self.profile()
      var joined: [GroupMembership] = []
      for node in nodes.dropLast() { joined.append(try await node.join(profile)) }
      let members = joined
      let loop = members[0].loop
      let all = Set(nodes.dropLast().map(\.host.peerID))
      try await until(loop) { await members.see(all) }
      let cluster = await members[0].group()
      let (victim, liar) = (nodes[1], nodes[5])
      for round in 0..<3 {
        for target in nodes[2..<5] {
          let stream = try await liar.host.open(
            [SWIMProtocol.name], to: target.host.peerID, at: target.host.ownAddresses())
          // The counter is beyond all others, and the signature the liar's own.
          let leaving = round != 1
          let bytes = SWIMProtocol.attestedBytes(
            group: ClusterProtocol.group(cluster, network: "lab"), member: victim.host.peerID,
            incarnation: 1 << 60, leaving: leaving)
          let claim = SWIMClaim(
            member: victim.host.peerID, incarnation: 1 << 60, status: leaving ? .left : .dead,
            origin: liar.host.peerID, proof: liar.identity.sign(bytes).bytes)
          let frame = SWIMFrame(
            SWIMMessage(.gossip, claims: [claim]), in: cluster, at: NetworkCoordinate())
          try await stream.writeMessage(frame.encoded())
          // What is no frame ends the stream, and nothing else.
          try await stream.writeMessage([1, 2, 3])
          while (try? await stream.read()) != nil {}
        }
      }
      try await loop.perform { try await loop.sleep(for: .seconds(3)) }
      #expect(await members.see(all))
      #expect(await members.allSatisfyAsync { await !$0.members().contains { $0.isSuspected } })
    }
  }

  @Test("a member that goes in order has left for all others, and is gone at once")
  func farewell() async throws {
    try await MembershipNode.with(4) { nodes in
      let profile = try Self.profile()
      var joined: [GroupMembership] = []
      for node in nodes { joined.append(try await node.join(profile)) }
      let members = joined
      let loop = members[0].loop
      let ids = nodes.map(\.host.peerID)
      try await until(loop) { await members.see(Set(ids)) }
      await members[3].leave()
      await nodes[3].host.stop()
      let others = Array(members.prefix(3))
      try await until(loop) { await others.see(Set(ids.prefix(3))) }
      for member in others {
        try await until(loop) { await member.status(of: ids[3]) == .left }
      }
    }
  }

  @Test("a member is out when its invitation ends, and says why")
  func expiry() async throws {
    try await MembershipNode.with(3) { nodes in
      let issuer = SigningKey.generate()
      let profile = try Self.profile(.invited(by: [issuer.publicKey]))
      let now = WallClock.milliseconds() / 1_000
      var joined: [GroupMembership] = []
      for (index, node) in nodes.enumerated() {
        let invitation = NetworkInvitation(
          network: "lab", peer: node.host.peerID, expiresAt: now + (index < 2 ? 3_600 : 40),
          signedBy: issuer)
        joined.append(try await node.join(profile, invitation: invitation))
      }
      let members = joined
      let ids = nodes.map(\.host.peerID)
      let loop = members[0].loop
      try await until(loop) { await members.see(Set(ids)) }
      let others = Array(members.prefix(2))
      try await until(loop) { await others.see(Set(ids.prefix(2))) }
      try await until(loop) { await members[2].refusal() == .invitationExpired }
      for member in others {
        try await until(loop) { await member.status(of: ids[2]) == .left }
      }
      try await until(loop) { await members[2].members().map(\.peer) == [ids[2]] }
    }
  }

  @Test("who is not on the list, has no invitation or too little stake is refused by name")
  func admission() async throws {
    try await MembershipNode.with(4) { nodes in
      let issuer = SigningKey.generate()
      let ids = nodes.map(\.host.peerID)
      let listed = try Self.profile(.listed(Array(ids.prefix(2))))
      let invited = try Self.profile(.invited(by: [issuer.publicKey]))
      let staked = try Self.profile(.staked(minimum: .tokens(100)))
      let later = WallClock.milliseconds() / 1_000 + 3_600
      func invitation(_ index: Int, by key: SigningKey) -> NetworkInvitation {
        NetworkInvitation(network: "lab", peer: ids[index], expiresAt: later, signedBy: key)
      }
      let cases:
        [(profile: NetworkProfile, refusal: SWIMRefusal, own: NetworkInvitation?, place: String)] =
          [
            (listed, .notListed, nil, "listed"),
            (invited, .noInvitation, nil, "invited"),
            (invited, .unknownIssuer, invitation(2, by: .generate()), "known"),
            (staked, .stakeTooSmall, nil, "staked"),
          ]
      for (profile, refusal, own, place) in cases {
        let stake: @Sendable (PeerID) -> Amount = { $0 == ids[2] ? .tokens(99) : .tokens(100) }
        let first = try await nodes[0].join(
          profile, at: place, invitation: invitation(0, by: issuer), stake: stake)
        let second = try await nodes[1].join(
          profile, at: place, invitation: invitation(1, by: issuer), stake: stake)
        let members = [first, second]
        try await until(first.loop) { await members.see(Set(ids.prefix(2))) }
        // It takes itself to be admitted, and hears otherwise. Were it there from the start, the
        // others might ask it first, and it would take them for members of its group.
        let third = try await nodes[2].join(
          profile.open, at: place, invitation: own, stake: stake)
        try await until(first.loop) { await third.refusal() == refusal }
        #expect(await members.see(Set(ids.prefix(2))))
        for member in [first, second, third] { await member.leave() }
      }
    }
  }
}

extension NetworkProfile {
  /// The same network as one sees it that thinks that everyone may enter.
  fileprivate var open: NetworkProfile {
    NetworkProfile(name: name, class: networkClass, rule: .everyone) ?? self
  }
}

extension Sequence {
  fileprivate func allSatisfyAsync(_ isSo: (Element) async -> Bool) async -> Bool {
    for element in self { if await !isSo(element) { return false } }
    return true
  }
}
