import Measure
import NeuralNetworks

/// Measures training steps beside PyTorch, LibTorch and jax, in turn in one run, one thread each, in
/// processor time; then tokens that are generated, and what roots and a replay cost. `--smoke` only shows that everything works.
@main
struct TrainingBench {
  static func main() throws {
    let isSmoke = CommandLine.arguments.contains("--smoke")
    print("kernels \(Kernels.variantName)")
    for model in BenchModel.allCases {
      try measureStep(model, pairs: isSmoke ? 1 : 15)
    }
    try measureGeneration(pairs: isSmoke ? 1 : 15)
    for model in BenchModel.allCases {
      try measureCommitment(model, pairs: isSmoke ? 1 : 9)
    }
  }
}

/// Prints the time of a step, reading the batch and checking for NaN included.
private func measureStep(_ model: BenchModel, pairs: Int) throws {
  var hasRival = false
  for (command, bar) in model.rivals {
    guard let rival = RivalProcess(command) else { continue }
    hasRival = true
    // One run for each: a run that has done all its steps would measure nothing.
    let run = try model.run()
    try run.run(steps: model.steps)
    precondition(run.schedule.steps > model.steps * (pairs + 1))
    var comparison = Comparison()
    var fastest = FastestTimes()
    for _ in 0..<pairs {
      guard let other = rival.secondsOfStep(model.steps) else {
        print("\(model.rawValue): \(rival.name) ended")
        return
      }
      let own = try processorTime(1) { try run.run(steps: model.steps) } / Double(model.steps)
      comparison.add(own: own, other: other)
      fastest.add(own: own, other: other)
    }
    let verdict = bar.map { judged(isMet: fastest.ratio >= $0, bar: "≥ \($0)") }
    print(
      "\(model.rawValue)-step \(decimal(fastest.own * 1e6, places: 0)) us, least times "
        + "\(decimal(fastest.ratio, places: 2)) x, median \(comparison.ratio(to: rival.name))"
        + (verdict ?? ""))
  }
  if !hasRival { print("\(model.rawValue)-step: no library is installed to compare with") }
}

/// ", bar ≥ 1.5 met".
func judged(isMet: Bool, bar: String) -> String {
  ", bar \(bar) \(isMet ? "met" : "missed")"
}
