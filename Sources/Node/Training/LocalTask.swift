internal import Cryptography
package import NeuralNetworks
internal import Primitives
package import UsefulWork

/// One training on this machine: everything that fixes its bits.
///
/// It is a work task like that of a session, whose session is the digest of configuration, data
/// and seed, and whose round and client are 0.
package struct LocalTask: Sendable {
  /// What is trained on and tested with.
  package let data: TrainingData
  /// The model before the first step.
  package let base: ParameterBuffer
  /// What a commitment names.
  package let task: TrainingTask
  /// What was ordered; nil for a task that is only checked.
  package let configuration: ModelConfiguration?
  /// A step in which one operator computes a wrong bit: for those who want to see it found.
  package var lie: Int?
  /// The lying operator's place in the step; nil for the last, which writes the parameters.
  var lieOperation: Int?
  /// Threads of the matrix kernels; they change speed, never bits.
  package let threads: Int

  private static let sessionDomain = Bytes("martlet/local-training/1".utf8)

  /// Defines the task; the base model follows from the seed, unless another one is given.
  package init(
    _ configuration: ModelConfiguration, settings: TrainingSettings, data: TrainingData,
    seed: UInt64, initial: ParameterBuffer? = nil, segmentSteps: Int, threads: Int
  ) throws {
    let architecture = configuration.architecture
    let base = initial ?? ParameterBuffer(randomFor: architecture, seed: seed)
    let dataset = try data.training.contentDigest()
    let order = CanonicalValue.map([
      "model": architecture.canonicalValue, "settings": settings.canonicalValue,
    ]).encoded()
    let seedBytes = withUnsafeBytes(of: seed.bigEndian) { Bytes($0) }
    task = try TrainingTask(
      architecture: architecture, settings: settings,
      session: SHA256.hash(Self.sessionDomain, order, dataset.bytes, seedBytes),
      seed: seed, round: 0, client: 0, base: base.digest, dataset: dataset,
      examples: data.training.rows, segmentSteps: segmentSteps)
    self.data = data
    self.base = base
    self.threads = threads
    self.configuration = configuration
  }

  /// The task of a commitment; base model and data must be the ones it names.
  init(task: TrainingTask, data: TrainingData, threads: Int) throws {
    base = ParameterBuffer(randomFor: task.architecture, seed: task.seed)
    self.task = task
    self.data = data
    self.threads = threads
    configuration = nil
    guard base.digest == task.base else { throw WorkError.otherBase }
    guard data.training.rows == task.examples, try data.training.contentDigest() == task.dataset
    else { throw LocalTrainingError.dataReadOtherwise }
  }

  /// A run from a state.
  func makeRun(from state: TrainingState) -> TrainingRun {
    TrainingRun(
      architecture: task.architecture, state: state, source: data.training,
      settings: task.settings, order: task.order, threads: threads)
  }

  /// Steps up to `end`, lying where a lie is wanted.
  func advance(
    _ run: TrainingRun, to end: Int, each: () -> Void = {}
  ) throws(TrainingFailure) {
    if let lie, (run.step..<end).contains(lie) {
      try run.run(steps: lie - run.step, each: each)
      _ = try traceStep(run)
      each()
    }
    try run.run(steps: end - run.step, each: each)
  }

  /// The next step with the digest of every operator.
  func traceStep(_ run: TrainingRun) throws(TrainingFailure) -> StepTrace {
    // Behind the last operator only the state root follows.
    let operation = lieOperation ?? run.operationCount(ofStep: run.step) - 2
    return try run.traceStep(faultIn: run.step == lie ? operation : nil)
  }

  /// A trained model with what a prediction needs.
  package func saved(_ parameters: ParameterBuffer) -> SavedModel {
    SavedModel(
      configuration: configuration ?? ModelConfiguration(architecture: task.architecture),
      preparation: data.preparation, parameters: parameters)
  }

  /// The state before the first step.
  var start: TrainingState { task.startState(base: base) }
}
