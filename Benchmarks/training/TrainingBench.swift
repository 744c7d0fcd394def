import Measure
import NeuralNetworks

/// Measures training steps beside PyTorch, LibTorch and jax, in turn in one run, one thread each, in
/// processor time; then what roots and a replay cost. `--smoke` only shows that everything works.
@main
struct TrainingBench {
  static func main() throws {
    let isSmoke = CommandLine.arguments.contains("--smoke")
    print("kernels \(Kernels.variantName)")
    for model in BenchModel.allCases {
      try measureStep(model, pairs: isSmoke ? 1 : 15)
    }
    for model in BenchModel.allCases {
      try measureCommitment(model, pairs: isSmoke ? 1 : 9)
    }
  }
}

/// Prints the time of a step, reading the batch and checking for NaN included.
private func measureStep(_ model: BenchModel, pairs: Int) throws {
  let run = try model.run()
  try run.run(steps: model.steps)
  var hasRival = false
  for command in model.rivals {
    guard let rival = RivalProcess(command) else { continue }
    hasRival = true
    var comparison = Comparison()
    for _ in 0..<pairs {
      guard let other = rival.secondsOfStep(model.steps) else {
        print("\(model.rawValue): \(rival.name) ended")
        return
      }
      let own = try processorTime(1) { try run.run(steps: model.steps) } / Double(model.steps)
      comparison.add(own: own, other: other)
    }
    let time = decimal(comparison.median * 1e6, places: 0)
    print("\(model.rawValue)-step \(time) us \(comparison.ratio(to: rival.name))")
  }
  if !hasRival { print("\(model.rawValue)-step: no library is installed to compare with") }
}
