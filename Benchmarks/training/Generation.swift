import Measure
import NeuralNetworks

/// Models that read token by token beside PyTorch, as `torch_generation.py` builds them.
private let generationModels = [
  ("small", TransformerNetwork(vocabulary: 96, context: 64, layers: 4, width: 128, heads: 4)),
  ("wide", TransformerNetwork(vocabulary: 256, context: 256, layers: 6, width: 512, heads: 8)),
]

/// Prints the time of a token, as a mean over a whole context.
func measureGeneration(pairs: Int) throws {
  for (name, network) in generationModels {
    let architecture = try ModelArchitecture(body: .transformer(network), output: .classes)
    let model = IncrementalInference(
      architecture, parameters: ParameterBuffer(randomFor: architecture, seed: 1))
    let numbers = [
      network.layers, network.width, network.heads, network.context, network.vocabulary,
    ]
    let rival = RivalProcess(
      ["/usr/bin/python3", "Benchmarks/training/torch_generation.py"] + numbers.map { "\($0)" })
    var comparison = Comparison()
    var fastest = FastestTimes()
    for _ in 0..<pairs {
      let own = processorTime(1) { read(model, network) } / Double(network.context)
      let other = rival?.secondsOfStep(network.context) ?? own
      comparison.add(own: own, other: other)
      fastest.add(own: own, other: other)
    }
    let rate = decimal(1 / fastest.own, places: 0)
    guard let rival else {
      print("generation-\(name) \(rate) tokens/s: no library is installed to compare with")
      continue
    }
    print(
      "generation-\(name) \(rate) tokens/s, least times \(decimal(fastest.ratio, places: 2)) x, "
        + "median \(comparison.ratio(to: rival.name))")
  }
}

/// Reads a whole context.
private func read(_ model: IncrementalInference, _ network: TransformerNetwork) {
  model.restart()
  for place in 0..<network.context { _ = model.read(Int32(place % network.vocabulary)) }
}
