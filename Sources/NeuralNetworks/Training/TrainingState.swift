public import Cryptography

/// The part of the training state that is not numbers of the model.
public struct TrainingProgress: Hashable, Sendable {
  /// Philox blocks drawn so far.
  public let randomBlocks: UInt64
  /// Epochs completed.
  public let epoch: Int
  /// Examples of the current epoch already used.
  public let position: Int
}

/// Everything that determines the rest of a run, besides the task itself.
public struct TrainingState: Hashable, Sendable {
  /// The model.
  public var parameters: ParameterBuffer
  /// The optimizer's slots one after another, each with a number per trainable parameter.
  public var optimizer: [Float]
  /// Steps done.
  public var step: Int

  /// The state at the start of a run.
  public init(
    base: ParameterBuffer, architecture: ModelArchitecture, settings: TrainingSettings
  ) {
    parameters = base
    optimizer = [Float](
      repeating: 0, count: settings.optimizer.slots * architecture.trainableCount)
    step = 0
  }

  /// A state as it was sent; the caller compares its root.
  public init(parameters: ParameterBuffer, optimizer: [Float], step: Int) {
    self.parameters = parameters
    self.optimizer = optimizer
    self.step = step
  }

  /// Whether the sizes are those of a model and its settings.
  public func fits(_ architecture: ModelArchitecture, settings: TrainingSettings) -> Bool {
    parameters.values.count == architecture.parameterCount
      && optimizer.count == settings.optimizer.slots * architecture.trainableCount
  }
}

/// How steps, epochs and segments of one run fit together.
public struct TrainingSchedule: Hashable, Sendable {
  /// Examples of one epoch.
  public let examples: Int
  /// Examples of one full batch.
  public let batchSize: Int
  /// Passes over the examples.
  public let epochs: Int

  /// The schedule of `settings` over `examples` examples (at least one).
  public init(settings: TrainingSettings, examples: Int) {
    precondition(examples > 0)
    self.examples = examples
    batchSize = settings.batchSize
    epochs = settings.epochs
  }

  /// Steps of one epoch; the last may be smaller.
  public var stepsPerEpoch: Int { (examples + batchSize - 1) / batchSize }
  /// Steps of the whole run.
  public var steps: Int { stepsPerEpoch * epochs }

  /// The examples of step `step` as a range of its epoch's permutation.
  func range(of step: Int) -> Range<Int> {
    let start = step % stepsPerEpoch * batchSize
    return start..<min(start + batchSize, examples)
  }

  /// The counters after `step` steps.
  public func progress(after step: Int, order: BatchOrder) -> TrainingProgress {
    let begun = (step + stepsPerEpoch - 1) / stepsPerEpoch
    return TrainingProgress(
      randomBlocks: order.randomBlocks(epochs: begun, count: examples),
      epoch: step / stepsPerEpoch, position: step % stepsPerEpoch * batchSize)
  }

  /// The root of a state of this schedule.
  public func root(of state: TrainingState, order: BatchOrder) -> Digest {
    state.parameters.values.withUnsafeBytes { parameters in
      state.optimizer.withUnsafeBytes { optimizer in
        StateRoot.root(
          parameters: parameters, optimizer: optimizer,
          progress: progress(after: state.step, order: order))
      }
    }
  }
}
