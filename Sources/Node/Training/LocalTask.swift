internal import Cryptography
package import NeuralNetworks
internal import Primitives
package import UsefulWork

/// One training on this machine: everything that fixes its bits.
///
/// It is a work task like that of a session, whose session is the digest of configuration, data
/// and seed, whose round and client are 0.
package struct LocalTask: Sendable {
  /// What is trained on and tested with.
  package let data: TrainingData
  /// The model before the first step.
  package let base: ParameterBuffer
  /// What a commitment names.
  package let task: TrainingTask

  private static let sessionDomain = Bytes("martlet/local-training/1".utf8)

  /// Defines the task; the base model follows from the seed.
  package init(
    shape: ModelShape, settings: TrainingSettings, data: TrainingData, seed: UInt64,
    segmentSteps: Int
  ) throws {
    try data.training.checkFits(shape)
    try data.test.checkFits(shape)
    let base = ParameterBuffer(randomFor: shape, seed: seed)
    let configuration = CanonicalValue.map([
      "shape": shape.canonicalValue, "settings": settings.canonicalValue,
    ]).encoded()
    let seedBytes = withUnsafeBytes(of: seed.bigEndian) { Bytes($0) }
    task = try TrainingTask(
      shape: shape, settings: settings,
      session: SHA256.hash(
        Self.sessionDomain, configuration, data.training.digest.bytes, seedBytes),
      seed: seed, round: 0, client: 0, base: base.digest, dataset: data.training.digest,
      examples: data.training.rows, segmentSteps: segmentSteps)
    self.data = data
    self.base = base
  }

  /// The task of a commitment, whose base and data follow from what it names.
  init(task: TrainingTask, data: TrainingData) throws {
    base = ParameterBuffer(randomFor: task.shape, seed: task.seed)
    self.task = task
    self.data = data
    do {
      try task.checkInputs(dataset: data.training, base: base)
    } catch WorkError.otherDataset {
      throw LocalTrainingError.dataReadOtherwise
    }
  }

  /// A run from a state.
  func makeRun(from state: TrainingState) -> TrainingRun {
    TrainingRun(
      shape: task.shape, state: state, dataset: data.training, settings: task.settings,
      order: task.order)
  }

  /// The state before the first step.
  var start: TrainingState { TrainingState(base: base, settings: task.settings) }

  /// Scores a model on the test data.
  package func score(_ parameters: ParameterBuffer) -> (loss: Double, metrics: [EpochScore.Metric])
  {
    let result = Evaluation(parameters, shape: task.shape, dataset: data.test)
    return (result.loss, [EpochScore.Metric("accuracy", result.accuracy)])
  }
}
