import Testing

@testable import Simulator

@Suite("Membership in the simulator")
struct MembershipRunTests {
  /// Small enough for a debug build, with a group in each of two cities.
  private static func small(_ seed: UInt64, bug: MembershipBug? = nil) -> MembershipScenario {
    MembershipScenario(
      nodes: 12, seed: seed, dead: 0.2, isPartitioned: true, loss: 0.02, cities: 2, bug: bug)
  }

  @Test("groups, leaders and digests come through crashes, loss and a cut; one seed is one run")
  func clean() {
    let first = MembershipRun.run(Self.small(2))
    #expect(first.breach == nil, "\(Self.small(2).command)")
    #expect(first.elections > 5)
    #expect(first.moves > 0)
    #expect(!first.detections.isEmpty)
    #expect(first.membersAtRoot == 11)
    let second = MembershipRun.run(Self.small(2))
    #expect(first.digest == second.digest)
    #expect(first.events == second.events)
    #expect(first.digest != MembershipRun.run(Self.small(3)).digest)
  }

  @Test("a planted mistake is found", arguments: MembershipBug.allCases)
  func planted(bug: MembershipBug) {
    let breach = (1...6).lazy.compactMap { MembershipRun.run(Self.small($0, bug: bug)).breach }
      .first
    #expect(breach != nil, "\(bug.rawValue)")
  }

  @Test("the printed command names everything a run follows from")
  func command() {
    var scenario = Self.small(17, bug: .neverReaches)
    #expect(
      scenario.command == "martlet simulate membership --nodes 12 --seed 17 --dead 0.2 --partition"
        + " --loss 0.02 --cities 2 --bug never-reaches")
    scenario = MembershipScenario.swarm(seed: 15)
    #expect(scenario.cities == 1)
    #expect(scenario.nodes > 200)
  }
}
