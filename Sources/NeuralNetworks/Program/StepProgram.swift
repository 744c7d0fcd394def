internal import CKernels

/// The operations of one step for one batch size, over one arena.
///
/// A value: two machines that compile the same model, settings and batch size get the same list,
/// so a dispute can name an operation by its index.
struct StepProgram: Sendable {
  /// What a program is for.
  enum Purpose: Sendable {
    case training(TrainingSettings)
    /// Outputs, and the loss of each row.
    case evaluation
    /// Outputs as probabilities or values.
    case prediction

    var settings: TrainingSettings? {
      if case .training(let settings) = self { settings } else { nil }
    }

    var hasTargets: Bool { if case .prediction = self { false } else { true } }
  }

  let arena: ArenaLayout
  let operations: [mk_operation]
  /// `layer/operation` of each.
  let names: [String]
  /// Operations before this one leave parameters and optimizer state alone, but for running
  /// statistics.
  let updateStart: Int
  /// Cells of the arena in use.
  let cells: Int
  /// Examples of a batch.
  let examples: Int
  /// Rows of the last layer.
  let rows: Int
  /// [examples, inputs], numbers or tokens.
  let input: Region
  /// [rows] labels or [rows, outputs] numbers; empty in prediction.
  let target: Region
  /// [rows, outputs]; after training steps their gradient.
  let output: Region
  /// [rows]; empty in prediction.
  let losses: Region
  /// [rows] classes with the largest output; only in evaluation of classes.
  let best: Region?

  /// Compiles a model for batches of `examples` examples.
  init(_ architecture: ModelArchitecture, examples: Int, purpose: Purpose) {
    arena = ArenaLayout(
      architecture: architecture, slots: purpose.settings?.optimizer.slots ?? 0,
      hasGradients: purpose.settings != nil)
    var program = ProgramBuilder(
      arena: arena, mode: purpose.settings == nil ? .inference : .training)
    let plan = ModelPlan(architecture)
    self.examples = examples
    rows = examples * architecture.rowsPerExample
    let head = OutputHead(output: architecture.output, rows: rows, columns: architecture.outputs)
    input = program.allocate(examples * architecture.inputs)
    target = program.allocate(purpose.hasTargets ? head.targetCount : 0)
    losses = program.allocate(purpose.hasTargets ? rows : 0)
    let pass = plan.layers.forward(input, in: &program)
    switch purpose {
    case .training:
      output = head.emitLoss(pass.output, target: target, losses: losses, in: &program)
      best = nil
      let below = plan.layers.backward(pass, gradient: output, wantsInput: false, in: &program)
      // A layer that works in place gives a region that nobody asked for.
      if let below { program.release(below) }
    case .evaluation:
      output = pass.output
      best = head.emitScore(pass.output, target: target, losses: losses, in: &program)
    case .prediction:
      output = head.emitPrediction(pass.output, in: &program)
      best = nil
    }
    updateStart = program.operations.count
    purpose.settings?.emitUpdate(arena, in: &program)
    operations = program.operations
    names = program.names
    cells = program.end
    precondition(isValid, "a layer emitted a malformed operation")
  }

  private var isValid: Bool {
    operations.allSatisfy { operation in
      withUnsafePointer(to: operation) { mk_check_operation($0, Int64(cells)) == mk_valid }
    }
  }

  /// Floats of scratch memory for up to `threads` threads.
  func workspaceCount(threads: Int) -> Int {
    Int(mk_workspace_floats(operations, Int64(operations.count), Int64(threads)))
  }
}

/// What follows the last layer: the loss, or what users see.
struct OutputHead {
  let output: ModelOutput
  let rows: Int
  let columns: Int

  /// Cells of a batch's targets.
  var targetCount: Int { if case .classes = output { rows } else { rows * columns } }

  private var loss: (opcode: mk_opcode, name: String) {
    switch output {
    case .classes: (mk_op_softmax_cross_entropy, "softmax_cross_entropy")
    case .flags: (mk_op_binary_cross_entropy, "binary_cross_entropy")
    case .values(.squared): (mk_op_mean_squared_error, "mean_squared_error")
    case .values(.absolute): (mk_op_mean_absolute_error, "mean_absolute_error")
    case .values(.huber): (mk_op_huber, "huber")
    }
  }

  private var constants: [Float] {
    let scale = 1 / Float(rows * columns)
    return switch output {
    case .classes: [1 / Float(rows)]
    case .values(.huber(let delta)): [scale, 1 / Float(columns), delta]
    default: [scale, 1 / Float(columns)]
    }
  }

  /// Turns `logits` into their gradient, in place; the mean loss goes to its cell.
  func emitLoss(
    _ logits: Region, target: Region, losses: Region, in program: inout ProgramBuilder
  ) -> Region {
    let gradient = program.target(for: logits)
    program.emit(
      loss.opcode, "loss/\(loss.name)", sizes: [rows, columns],
      reads: [logits.offset, target.offset], writes: [gradient.offset, losses.offset],
      constants: constants)
    program.release(logits)
    program.emit(
      mk_op_mean, "loss/mean", sizes: [rows], reads: [losses.offset],
      writes: [program.cell(.loss)], constants: [1 / Float(rows)])
    return gradient
  }

  /// The loss of each row; the outputs stay. Returns where the best classes are.
  func emitScore(
    _ logits: Region, target: Region, losses: Region, in program: inout ProgramBuilder
  ) -> Region? {
    guard case .classes = output else {
      let gradient = program.allocate(logits.count)
      program.emit(
        loss.opcode, "loss/\(loss.name)", sizes: [rows, columns],
        reads: [logits.offset, target.offset], writes: [gradient.offset, losses.offset],
        constants: constants)
      program.release(gradient)
      return nil
    }
    let best = program.allocate(rows)
    program.emit(
      mk_op_classify, "loss/classify", sizes: [rows, columns],
      reads: [logits.offset, target.offset], writes: [losses.offset, best.offset])
    return best
  }

  /// Probabilities of classes or flags; values as they are.
  func emitPrediction(_ logits: Region, in program: inout ProgramBuilder) -> Region {
    switch output {
    case .classes:
      program.emit(
        mk_op_softmax, "output/softmax", sizes: [rows, columns], reads: [logits.offset],
        writes: [logits.offset])
    case .flags:
      program.emit(
        mk_op_activation, "output/sigmoid", sizes: [logits.count, Int(mk_sigmoid.rawValue)],
        reads: [logits.offset], writes: [logits.offset])
    case .values: break
    }
    return logits
  }
}

extension TrainingSettings {
  /// Clips where asked, then lets the optimizer change the trainable prefix.
  func emitUpdate(_ arena: ArenaLayout, in program: inout ProgramBuilder) {
    if let gradientNormMax {
      program.emit(
        mk_op_gradient_norm, "optimizer/gradient_norm", sizes: [arena.trainableCount],
        reads: [arena.gradients], writes: [program.cell(.gradientNorm)])
      program.emit(
        mk_op_clip, "optimizer/clip", sizes: [arena.trainableCount],
        reads: [program.cell(.gradientNorm)], writes: [arena.gradients],
        constants: [gradientNormMax])
    }
    let slots = (0..<optimizer.slots).map { arena.optimizer + $0 * arena.trainableCount }
    let (opcode, flags, cell, constants) = optimizer.operation
    program.emit(
      opcode, "optimizer/\(optimizer.name)", sizes: [arena.trainableCount], flags: flags,
      reads: [arena.gradients, program.cell(cell)], writes: [arena.parameters] + slots,
      constants: constants)
  }
}

extension Optimizer {
  fileprivate typealias Operation = (
    opcode: mk_opcode, flags: Int, cell: StepCell, constants: [Float]
  )

  fileprivate var operation: Operation {
    switch rule {
    case .sgd where slots == 0: return (mk_op_sgd, 0, .rate, [])
    case .sgd(let momentum, let nesterov):
      let flags = nesterov ? mk_flag_nesterov : 0
      return (mk_op_momentum, flags, .rate, [momentum, weightDecay])
    case .adam(let moments):
      return (mk_op_adam, 0, .adam, moments.constants + [weightDecay])
    case .adamW(let moments): return (mk_op_adamw, 0, .adam, moments.constants)
    case .rmsProp(let smoothing, let epsilon, let momentum):
      return (
        mk_op_rmsprop, 0, .rate,
        [Float(smoothing), Float(1 - smoothing), epsilon, weightDecay, momentum]
      )
    case .adaGrad(let epsilon, _): return (mk_op_adagrad, 0, .rate, [epsilon, weightDecay])
    }
  }
}

extension Optimizer.Moments {
  /// β₁, 1 − β₁, β₂, 1 − β₂, ε.
  fileprivate var constants: [Float] {
    [Float(first), Float(1 - first), Float(second), Float(1 - second), epsilon]
  }
}
