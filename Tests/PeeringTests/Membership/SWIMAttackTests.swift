import Peering
import Primitives
import Simulator
import Testing

@Suite("Members that lie")
struct SWIMAttackTests {
  private let victim = 3
  private let liar = 9

  private func group(seed: UInt64) -> MembershipWorld {
    var world = MembershipWorld(seed: seed)
    world.add(1)
    world.add(19)
    world.run(.seconds(5))
    return world
  }

  private func handle(_ node: Int) -> PeerHandle { PeerHandle(UInt32(node)) }

  private func claim(
    about node: Int, _ status: SWIMStatus, by origin: Int, incarnation: UInt64,
    proof: Bytes? = nil, in world: MembershipWorld
  ) -> SWIMClaim<PeerHandle> {
    let genuine = world.notary(of: node).attest(incarnation: incarnation, leaving: false)
    return SWIMClaim(
      member: handle(node), incarnation: incarnation, status: status, origin: handle(origin),
      proof: proof ?? genuine)
  }

  private func tellAll(
    _ claims: [SWIMClaim<PeerHandle>], from node: Int, in world: inout MembershipWorld
  ) {
    for target in world.nodes.indices where target != node {
      world.send(SWIMMessage(.gossip, claims: claims), from: node, to: target)
    }
  }

  @Test("nobody raises another's counter: the claim is refused and nothing is passed on")
  func forgedIncarnation() {
    var world = group(seed: 11)
    // Before a newcomer knows its members it refuses what they say of others.
    let before = world.nodes.map(\.refusedClaims)
    let forged = Bytes(repeating: 7, count: 8)
    for incarnation in [1, 1 << 40, UInt64.max] {
      let lie = claim(
        about: victim, .dead, by: liar, incarnation: incarnation, proof: forged, in: world)
      tellAll([lie], from: liar, in: &world)
    }
    world.run(.seconds(20))
    #expect(world.observers(of: victim, as: .alive) == 19)
    #expect(world.nodes.allSatisfy { $0.incarnation == 0 })
    #expect(world.nodes[0].refusedClaims == before[0] + 3)
    #expect(world.nodes[victim].refusedClaims == before[victim] + 3)
  }

  @Test("a counter at its end, signed by its owner, traps nobody")
  func lastIncarnation() {
    var world = group(seed: 12)
    let own = claim(about: liar, .alive, by: liar, incarnation: .max, in: world)
    tellAll([own], from: liar, in: &world)
    world.run(.seconds(3))
    #expect(world.nodes[0].member(handle(liar))?.incarnation == .max)
    let suspicion = claim(about: liar, .suspect, by: 1, incarnation: .max, in: world)
    tellAll([suspicion], from: 1, in: &world)
    world.run(.seconds(15))
    #expect(world.nodes[0].member(handle(liar))?.status == .dead)
  }

  @Test("a liar that suspects and buries a healthy member for a minute achieves nothing")
  func forgedSuspicion() {
    var world = group(seed: 13)
    for _ in 0..<60 {
      let known = world.nodes[victim].incarnation
      let lies = [SWIMStatus.suspect, .dead].flatMap { status in
        (10..<15).map {
          claim(about: victim, status, by: $0, incarnation: known, in: world)
        }
      }
      tellAll(lies, from: liar, in: &world)
      world.run(.seconds(1))
    }
    world.run(.seconds(10))
    #expect(world.falseDeaths.isEmpty)
    #expect(world.nodes[victim].incarnation > 10)
    #expect(world.observers(of: victim, as: .alive) == 19)
  }

  @Test("one messenger counts once in however many names it speaks; three shorten the wait")
  func oneVoice() {
    var suspicion = MembershipWorld(seed: 14)
    suspicion.add(1)
    suspicion.add(9)
    suspicion.run(.seconds(5))
    // The victim is cut off, so that it cannot contradict; the liar speaks for three others.
    suspicion.side[victim] = 1
    let lies = [5, 6, 7].map {
      claim(about: victim, .dead, by: $0, incarnation: 0, in: suspicion)
    }
    suspicion.deliver(.received(SWIMMessage(.gossip, claims: lies), from: handle(liar)), to: 0)
    suspicion.deliver(.received(SWIMMessage(.gossip, claims: lies), from: handle(liar)), to: 0)
    #expect(suspicion.nodes[0].member(handle(victim))?.status == .suspect)
    for neighbour in [5, 6] {
      suspicion.deliver(
        .received(SWIMMessage(.gossip, claims: [lies[0]]), from: handle(neighbour)), to: 0)
    }
    suspicion.run(.milliseconds(1_900))
    #expect(suspicion.nodes[0].member(handle(victim))?.status == .suspect)
    suspicion.run(.milliseconds(200))
    #expect(suspicion.nodes[0].member(handle(victim))?.status == .dead)
  }

  @Test("nobody keeps a dead member alive by speaking for it")
  func undead() {
    var world = group(seed: 15)
    world.isRunning[victim] = false
    for second in 0..<20 {
      let lie = claim(
        about: victim, .alive, by: victim, incarnation: UInt64(second + 1),
        proof: Bytes(repeating: UInt8(second), count: 8), in: world)
      tellAll([lie], from: liar, in: &world)
      world.run(.seconds(1))
    }
    #expect(world.observers(of: victim, as: .dead) == 19)
  }

  @Test("strangers are answered but not believed")
  func stranger() {
    var world = group(seed: 16)
    let lie = claim(about: victim, .suspect, by: 1, incarnation: 0, in: world)
    var random = SplitMix64(seed: 1)
    var effects: [SWIMEffect] = []
    let stranger = PeerHandle(900)
    world.nodes[0].handle(
      .received(SWIMMessage(.ping(sequence: 5, round: 77), claims: [lie]), from: stranger),
      now: world.now, random: &random, notary: world.notary(of: 0), effects: &effects)
    #expect(world.nodes[0].member(handle(victim))?.status == .alive)
    #expect(world.nodes[0].refusedClaims == 1)
    guard case .send(let answer, to: stranger) = effects.first else {
      Issue.record("no answer")
      return
    }
    guard case .ack(sequence: 5, _) = answer.verb else {
      Issue.record("not an ack")
      return
    }
  }

  @Test("a flood of invented members ends at the limit of the group")
  func flood() {
    var world = group(seed: 17)
    for start in stride(from: 1_000, to: 2_200, by: 12) {
      let lies = (start..<start + 12).map {
        claim(about: $0, .alive, by: $0, incarnation: 0, in: world)
      }
      world.deliver(.received(SWIMMessage(.gossip, claims: lies), from: handle(liar)), to: 0)
    }
    #expect(world.nodes[0].present.count <= SWIMLimits.membersMax)
    world.run(.seconds(1))
    let overfull = (0..<13).map {
      claim(about: 3_000 + $0, .alive, by: 3_000 + $0, incarnation: 0, in: world)
    }
    let before = world.nodes[1].present
    world.deliver(
      .received(SWIMMessage(.gossip, claims: overfull), from: handle(liar)), to: 1)
    #expect(world.nodes[1].present == before)
  }

  @Test("a newcomer that the rule keeps out, or that has no proof, is refused by name")
  func refusal() {
    var world = group(seed: 18)
    var random = SplitMix64(seed: 2)
    var effects: [SWIMEffect] = []
    var notary = world.notary(of: 0)
    notary.banned = [PeerHandle(50)]
    let own = claim(about: 50, .alive, by: 50, incarnation: 0, in: world)
    world.nodes[0].handle(
      .received(SWIMMessage(.join, claims: [own]), from: PeerHandle(50)), now: world.now,
      random: &random, notary: notary, effects: &effects)
    #expect(effects == [.send(SWIMMessage(.refused(.notAdmitted)), to: PeerHandle(50))])
    effects = []
    let unproven = claim(about: 51, .alive, by: 51, incarnation: 0, proof: [], in: world)
    world.nodes[0].handle(
      .received(SWIMMessage(.join, claims: [unproven]), from: PeerHandle(51)), now: world.now,
      random: &random, notary: notary, effects: &effects)
    #expect(effects == [.send(SWIMMessage(.refused(.notAdmitted)), to: PeerHandle(51))])
  }

  @Test("one that loses its own messages doubts itself before it buries others")
  func localHealth() {
    var world = group(seed: 19)
    world.side[liar] = 1
    world.run(.seconds(8))
    #expect(world.nodes[liar].localHealth > 0)
    #expect(world.nodes[liar].localHealth <= SWIMLimits.localHealthMax)
    #expect(world.nodes[0].localHealth <= 1)
    world.side[liar] = 0
    world.run(.seconds(120))
    #expect(world.nodes.allSatisfy { $0.present.count == 20 && $0.localHealth == 0 })
  }
}
