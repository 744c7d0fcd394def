import Primitives
import Testing

@testable import Simulator

@Suite("Seed runs")
struct SeedTests {
  @Test("one seed is one run", arguments: [UInt64(1), 4])
  func determinism(seed: UInt64) {
    let first = SeedRun.run(.swarm(seed: seed))
    let second = SeedRun.run(.swarm(seed: seed))
    #expect(first.digest == second.digest)
    #expect(first.events == second.events)
    #expect(first.breach == nil && second.breach == nil)
    #expect(first.digest != SeedRun.run(.swarm(seed: seed + 100)).digest)
  }

  @Test("a run under trouble holds every invariant", arguments: [UInt64(2), 3, 5])
  func clean(seed: UInt64) {
    let outcome = SeedRun.run(.swarm(seed: seed))
    #expect(outcome.breach == nil, "\(SeedScenario.swarm(seed: seed).command)")
    #expect(outcome.events > 100_000)
    #expect(outcome.lookups.hops.count > 80)
    #expect(outcome.gossip.coverage99.count == 5)
  }

  @Test("every kind of trouble changes the run", arguments: FaultPlan.swarmKinds)
  func effect(kind: FaultKind) throws {
    var plan = FaultPlan()
    plan.set(kind, to: kind.usualAmount)
    let calm = SeedRun.run(SeedScenario(nodes: 20, seed: 9, plan: FaultPlan()))
    let troubled = SeedRun.run(SeedScenario(nodes: 20, seed: 9, plan: plan))
    #expect(calm.digest != troubled.digest)
    switch kind {
    case .loss: #expect(calm.deliveries.lost == 0 && troubled.deliveries.lost > 0)
    case .duplicate: #expect(calm.deliveries.doubled == 0 && troubled.deliveries.doubled > 0)
    case .reorder:
      #expect(calm.deliveries.overtaken == 0 && troubled.deliveries.overtaken > 0)
    case .partition: #expect(calm.deliveries.cut == 0 && troubled.deliveries.cut > 0)
    case .nat: #expect(calm.deliveries.filtered == 0 && troubled.deliveries.filtered > 0)
    case .churn, .crash, .dead: #expect(troubled.lifeEvents > calm.lifeEvents)
    case .silent: #expect(troubled.gossip.copies < calm.gossip.copies)
    case .skew, .sybils: break
    }
  }

  @Test("the printed command names everything a run follows from")
  func command() throws {
    let scenario = SeedScenario(
      nodes: 50, seed: 17, plan: try FaultPlan("loss=0.05,crash=3"), bug: .dropsPrunes)
    #expect(
      scenario.command == "martlet simulate network --nodes 50 --seed 17 "
        + "--faults loss=0.05,crash=3 --bug drops-prunes")
    #expect(
      SeedScenario(seed: 1, plan: FaultPlan()).command
        == "martlet simulate network --nodes 50 --seed 1 --faults none")
  }

  @Test("shrinking leaves only the trouble that a failure needs")
  func shrinking() throws {
    let scenario = SeedScenario(
      seed: 1, plan: try FaultPlan("loss=0.08,duplicate=0.1,partition=2,crash=4"))
    var runs = 0
    let small = SeedRun.shrink(scenario, breaking: .meshBounds) { candidate in
      runs += 1
      var outcome = SeedOutcome()
      // Fails whenever there are crashes, and something else fails without loss.
      if candidate.plan.count(.crash) > 0 {
        let invariant: Invariant =
          candidate.plan.share(.loss) > 0 ? .meshBounds : .tableShape
        outcome.breach = Breach(invariant: invariant, time: 1, node: 2, detail: "x")
      }
      return outcome
    }
    #expect(small.plan.text == "loss=0.04,crash=2")
    #expect(runs <= 8)
  }
}

@Suite("Planted mistakes")
struct PlantedBugTests {
  @Test("a planted mistake is found", arguments: PlantedBug.allCases)
  func found(bug: PlantedBug) {
    let seedsMax: UInt64 = 20
    let breach = (0..<seedsMax).lazy.compactMap { seed in
      SeedRun.run(.swarm(seed: seed, bug: bug)).breach
    }.first
    #expect(breach != nil, "\(bug.rawValue)")
  }
}
