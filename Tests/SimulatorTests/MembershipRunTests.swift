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
  }

  /// Two show only where many part and meet, and are found by larger runs:
  /// `Scripts/seeds --membership --mistakes 100`.
  @Test(
    "a planted mistake is found",
    arguments: MembershipBug.allCases.filter { ![.neverReaches, .skipsProofs].contains($0) })
  func planted(bug: MembershipBug) {
    #expect(MembershipRun.run(Self.small(1, bug: bug)).breach != nil, "\(bug.rawValue)")
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
