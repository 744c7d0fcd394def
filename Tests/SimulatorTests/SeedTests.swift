import Primitives
import Testing

@testable import Simulator

@Suite("Seed runs")
struct SeedTests {
  @Test("a run under trouble holds every invariant, and one seed is one run")
  func cleanAndRepeatable() {
    let scenario = SeedScenario.swarm(seed: 4, nodes: 20)
    let first = SeedRun.run(scenario)
    #expect(first.breach == nil, "\(scenario.command)")
    #expect(first.lookups.hops.count > 80)
    #expect(first.gossip.coverage99.count == 5)
    let second = SeedRun.run(scenario)
    #expect(first.digest == second.digest)
    #expect(first.events == second.events)
  }

  @Test("the same holds where bytes pass through streams and codecs")
  func bytes() {
    let outcome = SeedRun.run(.swarm(seed: 7, nodes: 12, level: .bytes))
    #expect(outcome.breach == nil)
    #expect(outcome.gossip.coverage99.count == 5)
    #expect(outcome.digest != SeedRun.run(.swarm(seed: 7, nodes: 12, level: .messages)).digest)
  }

  /// Enough for every kind of trouble to meet somebody.
  private static let few = 12
  private static let calm = SeedRun.run(
    SeedScenario(nodes: few, seed: 9, plan: FaultPlan()))

  @Test("every kind of trouble changes the run", arguments: FaultPlan.swarmKinds)
  func effect(kind: FaultKind) throws {
    var plan = FaultPlan()
    plan.set(kind, to: kind.usualAmount)
    let calm = Self.calm
    let troubled = SeedRun.run(SeedScenario(nodes: Self.few, seed: 9, plan: plan))
    #expect(calm.digest != troubled.digest)
    switch kind {
    case .loss: #expect(calm.deliveries.lost == 0 && troubled.deliveries.lost > 0)
    case .duplicate: #expect(calm.deliveries.doubled == 0 && troubled.deliveries.doubled > 0)
    case .reorder:
      #expect(calm.deliveries.overtaken == 0 && troubled.deliveries.overtaken > 0)
    case .partition: #expect(calm.deliveries.cut == 0 && troubled.deliveries.cut > 0)
    case .nat: #expect((troubled.load.min() ?? 0) < (calm.load.min() ?? 0) / 2)
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
  /// Those that a run shows within its first minutes; `Scripts/seeds --mistakes` looks for all.
  @Test(
    "a planted mistake is found, and by the invariant that it breaks",
    arguments: [
      (PlantedBug.dropsAnswers, Invariant.requestAnswered),
      (.forgetsKademliaAlarm, .timerServed), (.forgetsHeartbeat, .timerServed),
      (.swapsCalls, .providersVerified), (.answersStranger, .answerToAsker),
      (.believesProviders, .providersVerified), (.deliversTwice, .deliveredOnce),
      (.skipsValidation, .deliveredIntact), (.hidesDisconnect, .meshBounds),
    ])
  func found(bug: PlantedBug, invariant: Invariant) {
    let breach = SeedRun.run(.swarm(seed: 0, bug: bug)).breach
    #expect(breach?.invariant == invariant, "\(breach.map { "\($0)" } ?? "clean")")
  }
}
