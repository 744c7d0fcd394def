internal import CKernels
public import Cryptography

/// A training run that can stop after any step; equal inputs give equal bits on every machine and
/// any number of threads.
///
/// A class because it owns the arena of its programs; used by one thread at a time.
public final class TrainingRun {
  /// Steps done so far.
  public private(set) var step: Int
  /// The schedule of this run.
  public let schedule: TrainingSchedule
  /// Mean loss of the batch of the last step, 0 before the first.
  public private(set) var lastLoss: Float = 0
  /// Whether the loss has grown as only a learning rate does that is too large.
  public var divergence: DivergenceWatch
  let architecture: ModelArchitecture
  let settings: TrainingSettings
  /// For full batches, and for the last one of an epoch if it is smaller.
  let programs: (full: StepProgram, last: StepProgram)
  let arena: StepArena
  private let order: BatchOrder
  private var feed: BatchFeed
  private var numbers: StepNumbers
  private var permutation: [Int32] = []
  private var permutationEpoch = -1
  /// Parameters and optimizer state at the start of the last call of `run`: a failed step is found
  /// by running again from here.
  private let start: UnsafeMutableBufferPointer<Float>

  /// Starts from a state; the caller has checked that the data fit (`checkFits`).
  public convenience init(
    architecture: ModelArchitecture, state: TrainingState, source: any DatasetSource,
    settings: TrainingSettings, order: BatchOrder, threads: Int = 1
  ) {
    self.init(
      architecture: architecture, state: state, source: source, settings: settings, order: order,
      threads: threads, kernels: Kernels.active)
  }

  /// Starts with chosen kernels, so that tests can compare the variants.
  init(
    architecture: ModelArchitecture, state: TrainingState, source: any DatasetSource,
    settings: TrainingSettings, order: BatchOrder, threads: Int = 1,
    kernels: UnsafePointer<mk_kernels>
  ) {
    precondition(state.fits(architecture, settings: settings))
    precondition((try? architecture.checkFits(source.layout)) != nil)
    self.architecture = architecture
    self.settings = settings
    self.order = order
    step = state.step
    schedule = TrainingSchedule(settings: settings, examples: source.rows)
    divergence = DivergenceWatch(architecture)
    programs = Self.compile(architecture, settings: settings, schedule: schedule)
    arena = StepArena(
      for: [programs.full, programs.last], threads: threads, kernels: kernels)
    feed = BatchFeed(source, architecture: architecture)
    numbers = StepNumbers(settings: settings, schedule: schedule, step: state.step)
    let layout = programs.full.arena
    start = .allocate(capacity: layout.optimizer + layout.optimizerCount)
    arena.store(state.parameters.values, at: layout.parameters)
    arena.store(state.optimizer, at: layout.optimizer)
  }

  deinit { start.deallocate() }

  private static func compile(
    _ architecture: ModelArchitecture, settings: TrainingSettings, schedule: TrainingSchedule
  ) -> (full: StepProgram, last: StepProgram) {
    let size = min(schedule.batchSize, schedule.examples)
    let rest = schedule.examples % size
    let full = StepProgram(architecture, examples: size, purpose: .training(settings))
    guard rest > 0 else { return (full, full) }
    return (full, StepProgram(architecture, examples: rest, purpose: .training(settings)))
  }

  /// The state after the steps so far.
  public var state: TrainingState {
    let layout = programs.full.arena
    return TrainingState(
      parameters: ParameterBuffer(arena.array(layout.parameters, layout.parameterCount)),
      optimizer: arena.array(layout.optimizer, layout.optimizerCount), step: step)
  }

  /// Whether all steps are done.
  public var isFinished: Bool { step >= schedule.steps }

  /// The gradient's length in the last step before it was shortened; nil where nothing is clipped.
  public var lastGradientNorm: Float? {
    guard settings.gradientNormMax != nil else { return nil }
    return arena.cells[programs.full.arena.cells + StepCell.gradientNorm.rawValue]
  }

  /// Does up to `count` further steps, not beyond the end, and calls `each` after every one.
  public func run(steps count: Int, each: () -> Void = {}) throws(TrainingFailure) {
    let end = min(step.addingReportingOverflow(count).partialValue, schedule.steps)
    let first = step
    // Rates and losses are computed here, outside of `mk_run`, which does this by itself.
    let floatState = mk_float_begin()
    defer { mk_float_end(floatState) }
    saveStart()
    while step < end {
      try advance()
      guard lastLoss.isFinite else { throw .notFinite(try findFailure(from: first)) }
      divergence.note(lastLoss, step: step - 1)
      each()
    }
    guard stateIsFinite else { throw .notFinite(try findFailure(from: first)) }
  }

  /// The root of the current state.
  public func stateRoot() -> Digest {
    let layout = programs.full.arena
    return StateRoot.root(
      parameters: arena.bytes(layout.parameters, layout.parameterCount),
      optimizer: arena.bytes(layout.optimizer, layout.optimizerCount),
      progress: schedule.progress(after: step, order: order))
  }

  /// The program of the next step.
  var program: StepProgram { program(ofStep: step) }

  func program(ofStep step: Int) -> StepProgram {
    let isLast = schedule.range(of: step).count < programs.full.examples
    return isLast ? programs.last : programs.full
  }

  /// Puts examples, learning rate and counters of the next step into the arena.
  func prepare(_ program: StepProgram) throws(TrainingFailure) {
    let epoch = step / schedule.stepsPerEpoch
    if epoch != permutationEpoch {
      permutation = order.permutation(epoch: epoch, count: schedule.examples)
      permutationEpoch = epoch
    }
    do {
      try feed.load(rows: permutation[schedule.range(of: step)], for: program, into: arena)
    } catch {
      throw .data(error, step: step)
    }
    numbers.advance(to: step)
    let cells = arena.cells + program.arena.cells
    cells[StepCell.rate.rawValue] = numbers.rate
    (cells + StepCell.adam.rawValue).update(from: numbers.adam)
    let counters = order.dropoutCounters(step: step, stepsPerEpoch: schedule.stepsPerEpoch)
    (cells + StepCell.dropout.rawValue).update(from: counters)
  }

  /// Notes that the operations of the prepared step have been run.
  func finishStep() {
    lastLoss = arena.cells[programs.full.arena.cells + StepCell.loss.rawValue]
    step += 1
  }

  private func advance() throws(TrainingFailure) {
    let program = program
    try prepare(program)
    guard arena.run(program, 0..<program.operations.count) else {
      throw .indexOutOfRange(step: step)
    }
    finishStep()
  }

  // MARK: Failures

  private var stateIsFinite: Bool {
    let layout = programs.full.arena
    return arena.isFinite(layout.parameters, layout.parameterCount)
      && arena.isFinite(layout.optimizer, layout.optimizerCount)
  }

  private func saveStart() {
    _ = start.update(fromContentsOf: UnsafeBufferPointer(start: arena.cells, count: start.count))
  }

  /// Runs the steps from `first` again, operation by operation, up to the one that writes a number
  /// that is not finite.
  private func findFailure(from first: Int) throws(TrainingFailure) -> NumericFailure {
    let end = step
    if let base = start.baseAddress { arena.cells.update(from: base, count: start.count) }
    step = first
    numbers = StepNumbers(settings: settings, schedule: schedule, step: first)
    while step < end {
      let program = program
      try prepare(program)
      for index in program.operations.indices {
        guard arena.run(program, index..<index + 1) else { throw .indexOutOfRange(step: step) }
        if let failure = failure(after: index, of: program) { return failure }
      }
      finishStep()
    }
    // The state that was handed in is not finite.
    return NumericFailure(step: first, operation: "state", tensor: brokenTensor)
  }

  private func failure(after index: Int, of program: StepProgram) -> NumericFailure? {
    let isBroken = program.ranges(of: index).contains {
      $0.isWritten && !arena.isFinite($0.offset, $0.count)
    }
    guard isBroken else { return nil }
    return NumericFailure(
      step: step, operation: program.names[index],
      tensor: index >= program.updateStart ? brokenTensor : nil)
  }

  /// The first tensor of the parameters that is not finite.
  private var brokenTensor: String? {
    architecture.layout.tensors.first { !arena.isFinite($0.offset, $0.count) }?.name
  }
}

extension UnsafeMutablePointer<Float> {
  fileprivate func update(from numbers: (Float, Float, Float)) {
    (self[0], self[1], self[2]) = numbers
  }

  /// Key low, key high, logical client, step.
  fileprivate func update(from counters: DropoutCounters) {
    self[0] = Float(bitPattern: UInt32(truncatingIfNeeded: counters.seed))
    self[1] = Float(bitPattern: UInt32(truncatingIfNeeded: counters.seed >> 32))
    self[2] = Float(bitPattern: counters.client)
    self[3] = Float(bitPattern: counters.step)
  }
}
