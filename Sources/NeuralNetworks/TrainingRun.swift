internal import CKernels
public import Cryptography
internal import Primitives

/// A step gave NaN or an infinity: the run has no result (mk1 §7).
public struct NumericFailure: Error, Equatable, Sendable {
  /// The step, from 0, after which the state was not finite.
  public let step: Int
}

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
  /// The optimizer's velocity, empty without momentum.
  public var velocity: [Float]
  /// Steps done.
  public var step: Int

  /// The state at the start of a run.
  public init(base: ParameterBuffer, settings: TrainingSettings) {
    parameters = base
    velocity =
      settings.optimizer.hasVelocity ? [Float](repeating: 0, count: base.values.count) : []
    step = 0
  }

  /// A state as it was sent; the caller compares its root.
  public init(parameters: ParameterBuffer, velocity: [Float], step: Int) {
    self.parameters = parameters
    self.velocity = velocity
    self.step = step
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
    StateRoot.root(
      parameters: state.parameters.digest,
      optimizer: StateRoot.optimizerDigest(state.velocity),
      progress: progress(after: state.step, order: order))
  }
}

/// A training run that can stop after any step; equal inputs give equal bits on every machine.
///
/// A class because it owns the network's buffers; used by one thread at a time.
public final class TrainingRun {
  /// Steps done so far.
  public private(set) var step: Int
  /// The schedule of this run.
  public let schedule: TrainingSchedule
  /// Mean loss of the batch of the last step, 0 before the first.
  public private(set) var lastLoss: Float = 0
  private let dataset: Dataset
  private let settings: TrainingSettings
  private let order: BatchOrder
  private let network: Network
  private let kernels: UnsafePointer<mk_kernels>
  private var parameters: ParameterBuffer
  private var velocity: [Float]
  private var permutation: [Int32] = []
  private var permutationEpoch = -1

  /// Starts from a state; the caller has checked that the shape fits the data set.
  public convenience init(
    shape: ModelShape, state: TrainingState, dataset: Dataset, settings: TrainingSettings,
    order: BatchOrder
  ) {
    self.init(
      shape: shape, state: state, dataset: dataset, settings: settings, order: order,
      kernels: Kernels.active)
  }

  /// Starts with chosen kernels, so that tests can compare the variants.
  init(
    shape: ModelShape, state: TrainingState, dataset: Dataset, settings: TrainingSettings,
    order: BatchOrder, kernels: UnsafePointer<mk_kernels>
  ) {
    precondition(state.parameters.values.count == shape.parameterCount)
    precondition(dataset.inputs == shape.inputs && dataset.classes <= shape.outputs)
    precondition(
      state.velocity.count == (settings.optimizer.hasVelocity ? shape.parameterCount : 0))
    step = state.step
    parameters = state.parameters
    velocity = state.velocity
    self.dataset = dataset
    self.settings = settings
    self.order = order
    schedule = TrainingSchedule(settings: settings, examples: dataset.rows)
    self.kernels = kernels
    network = Network(
      shape: shape, batchSize: min(settings.batchSize, dataset.rows), kernels: kernels)
  }

  /// The state after the steps so far.
  public var state: TrainingState {
    TrainingState(parameters: parameters, velocity: velocity, step: step)
  }

  /// Whether all steps are done.
  public var isFinished: Bool { step >= schedule.steps }

  /// Does up to `count` further steps, not beyond the end.
  public func run(steps count: Int) throws(NumericFailure) {
    let end = min(step + count, schedule.steps)
    while step < end {
      advance()
      guard lastLoss.isFinite else { throw NumericFailure(step: step - 1) }
    }
    guard parameters.isFinite, ParameterBuffer(velocity).isFinite else {
      throw NumericFailure(step: step - 1)
    }
  }

  /// The root of the current state.
  public func stateRoot() -> Digest { schedule.root(of: state, order: order) }

  private func advance() {
    let epoch = step / schedule.stepsPerEpoch
    if epoch != permutationEpoch {
      permutation = order.permutation(epoch: epoch, count: dataset.rows)
      permutationEpoch = epoch
    }
    let range = schedule.range(of: step)
    gather(range)
    lastLoss = parameters.values.withUnsafeMutableBufferPointer { buffer in
      // A shape has at least one parameter.
      guard let base = buffer.baseAddress else { return 0 }
      let loss = network.computeGradient(base, count: range.count)
      applyGradient(to: base)
      return loss
    }
    step += 1
  }

  private func gather(_ range: Range<Int>) {
    let inputs = dataset.inputs
    dataset.features.withUnsafeBufferPointer { features in
      guard let source = features.baseAddress else { return }
      for (row, place) in range.enumerated() {
        let example = Int(permutation[place])
        (network.input + row * inputs).update(from: source + example * inputs, count: inputs)
        network.labels[row] = dataset.labels[example]
      }
    }
  }

  private func applyGradient(to parameters: UnsafeMutablePointer<Float>) {
    let count = Int64(network.shape.parameterCount)
    let optimizer = settings.optimizer
    guard optimizer.hasVelocity else {
      kernels.pointee.sgd(parameters, network.gradient, count, settings.learningRate)
      return
    }
    velocity.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      kernels.pointee.sgd_momentum(
        parameters, base, network.gradient, count, settings.learningRate, optimizer.momentum,
        optimizer.weightDecay)
    }
  }
}
