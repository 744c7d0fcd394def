/// Runs scenarios, and makes failing ones small.
package enum SeedRun {
  /// The run of a scenario, to its end or to the first invariant that does not hold.
  package static func run(_ scenario: SeedScenario) -> SeedOutcome { SeedNetwork.run(scenario) }

  /// A scenario with less trouble in which the same invariant does not hold.
  ///
  /// Leaves out one kind of trouble after another, then halves what is left, and keeps each step
  /// after which the run still fails alike (Zeller and Hildebrandt, "Simplifying and Isolating
  /// Failure-Inducing Input", 2002, with single steps: there are at most eleven kinds).
  package static func shrink(
    _ scenario: SeedScenario, breaking invariant: Invariant, run: (SeedScenario) -> SeedOutcome
  ) -> SeedScenario {
    func fails(_ candidate: SeedScenario) -> Bool {
      run(candidate).breach?.invariant == invariant
    }
    var smallest = scenario
    for kind in scenario.plan.entries.map(\.kind) {
      var candidate = smallest
      candidate.plan = smallest.plan.without(kind)
      if fails(candidate) { smallest = candidate }
    }
    for entry in smallest.plan.entries {
      var candidate = smallest
      candidate.plan.set(entry.kind, to: halved(entry))
      if fails(candidate) { smallest = candidate }
    }
    return smallest
  }

  /// The same with the product's machines.
  package static func shrink(
    _ scenario: SeedScenario, breaking invariant: Invariant
  ) -> SeedScenario {
    shrink(scenario, breaking: invariant, run: run)
  }

  private static func halved(_ entry: FaultPlan.Entry) -> Double {
    let half = entry.amount / 2
    return entry.kind.isShare ? (half * 1_000).rounded() / 1_000 : max(1, half.rounded(.down))
  }
}
