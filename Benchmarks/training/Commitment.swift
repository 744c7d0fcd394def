import Measure
import NeuralNetworks

/// Prints what the state roots of segments cost beside the training itself, and the replay of one
/// segment with both roots beside training it.
func measureCommitment(_ model: BenchModel, pairs: Int) throws {
  let length = model == .mlp || model == .mlpAdam ? 50 : 10
  let plain = try model.run()
  let committed = try model.run()
  var overhead = Comparison()
  var replays = Comparison()
  for _ in 0..<pairs {
    let start = committed.state
    let training = try processorTime(1) { try plain.run(steps: length) }
    let withRoot = try processorTime(1) {
      try committed.run(steps: length)
      _ = committed.stateRoot()
    }
    overhead.add(own: training, other: withRoot)
    let replayed = try model.run(from: start)
    let replay = try processorTime(1) {
      _ = replayed.stateRoot()
      try replayed.run(steps: length)
      _ = replayed.stateRoot()
    }
    replays.add(own: training, other: replay)
  }
  let name = "\(model.rawValue), \(length) steps a segment:"
  print("\(name) with its root \(overhead.ratio(to: "training"))")
  print("\(name) replay with both roots \(replays.ratio(to: "training"))")
}
