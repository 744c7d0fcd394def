import Cryptography
import NeuralNetworks
import Primitives

@testable import UsefulWork

/// A small task with its inputs, different for each seed.
struct WorkFixture {
  let task: TrainingTask
  let dataset: Dataset
  let base: ParameterBuffer

  init(
    seed: UInt64, client: Int = 0, momentum: Float = 0, epochs: Int = 3, segmentSteps: Int = 4
  ) throws {
    let architecture = try ModelArchitecture(units: [6, 5, 3])
    let rows = 21 + Int(seed % 5)
    let stream = PhiloxStream(
      seed: seed, domain: .syntheticData, index: 0, client: UInt32(client))
    dataset = try Dataset(
      features: stream.uniform(rows * architecture.inputs, scale: 1),
      labels: stream.words(rows).map { Int32($0 % 3) }, inputs: architecture.inputs, classes: 3)
    base = ParameterBuffer(randomFor: architecture, seed: seed)
    task = try TrainingTask(
      architecture: architecture,
      settings: TrainingSettings(
        learningRate: 0.2, batchSize: 4, epochs: epochs,
        optimizer: .init(momentum: momentum, weightDecay: momentum / 100)),
      session: SHA256.hash([7]), seed: seed, round: Int(seed % 9), client: client,
      base: base.digest, dataset: dataset.digest, examples: dataset.rows,
      segmentSteps: segmentSteps)
  }

  func replayAll(_ result: WorkResult) throws -> ReplayVerdict {
    try Replay.checkAll(
      record: result.record, update: result.update, task: task, dataset: dataset, base: base)
  }
}
