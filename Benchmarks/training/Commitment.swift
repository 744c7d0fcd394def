import Measure
import NeuralNetworks

/// Prints what the state roots of segments cost beside the training itself, and the replay of one
/// segment with both roots beside training it.
func measureCommitment(_ model: BenchModel, pairs: Int) throws {
  let segment = model.segment
  let plain = try model.run()
  let committed = try model.run()
  var roots = FastestTimes()
  var replays = FastestTimes()
  for _ in 0..<pairs {
    let start = committed.state
    let training = try processorTime(1) { try plain.run(steps: segment.steps) }
    let withRoot = try processorTime(1) {
      try committed.run(steps: segment.steps)
      _ = committed.stateRoot()
    }
    let replayed = try model.run(from: start)
    let replay = try processorTime(1) {
      _ = replayed.stateRoot()
      try replayed.run(steps: segment.steps)
      _ = replayed.stateRoot()
    }
    roots.add(own: training, other: withRoot)
    replays.add(own: training, other: replay)
  }
  let name = "\(model.rawValue), \(segment.steps) steps a segment:"
  let verdict = segment.rootMax.map { judged(isMet: roots.ratio <= $0, bar: "≤ \($0)") } ?? ""
  print("\(name) with its root \(decimal(roots.ratio, places: 3)) x training\(verdict)")
  print(
    "\(name) replay with both roots \(decimal(replays.ratio, places: 3)) x training"
      + judged(isMet: replays.ratio <= segment.replayMax, bar: "≤ \(segment.replayMax)"))
}
