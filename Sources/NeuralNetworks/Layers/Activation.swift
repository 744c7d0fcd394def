internal import CKernels

extension ActivationFunction {
  /// The kernel's number; nil for the identity.
  var kernel: mk_activation? {
    switch self {
    case .none: nil
    case .relu: mk_relu
    case .tanh: mk_tanh
    case .sigmoid: mk_sigmoid
    case .gelu: mk_gelu
    case .silu: mk_silu
    }
  }
}

/// y = f(x), any shape.
struct Activation: Layer {
  let name: String
  let function: mk_activation

  /// GELU and SiLU need x for their derivative, the others are quicker from y.
  private var derivesFromInput: Bool { function == mk_gelu || function == mk_silu }

  func forward(_ input: Region, in program: inout ProgramBuilder) -> LayerPass {
    let keepsInput = derivesFromInput && program.isTraining
    let output = keepsInput ? program.allocate(input.count) : program.target(for: input)
    program.emit(
      mk_op_activation, "\(name)/activation", sizes: [input.count, Int(function.rawValue)],
      reads: [input.offset], writes: [output.offset])
    return LayerPass(output: output, saved: program.save(keepsInput ? input : output))
  }

  func backward(
    _ pass: LayerPass, gradient: Region, wantsInput: Bool, in program: inout ProgramBuilder
  ) -> Region? {
    let below = program.emitActivationBackward(name, function, gradient, saved: pass.saved[0])
    program.release(pass.saved)
    return below
  }
}

/// y = kept ? x / (1 − p) : 0 in training, x else; any shape.
struct Dropout: Layer {
  let name: String
  /// Tells the dropout layers of a model apart in the random counters (mk1 §6).
  let number: Int
  let probability: Float

  func forward(_ input: Region, in program: inout ProgramBuilder) -> LayerPass {
    guard program.isTraining else { return LayerPass(output: program.retain(input)) }
    let output = program.target(for: input)
    emit("dropout", from: input, to: output, in: &program)
    return LayerPass(output: output)
  }

  /// The same elements pass the gradient on, with the same factor.
  func backward(
    _ pass: LayerPass, gradient: Region, wantsInput: Bool, in program: inout ProgramBuilder
  ) -> Region? {
    let below = program.target(for: gradient)
    emit("dropout.backward", from: gradient, to: below, in: &program)
    program.release(gradient)
    return below
  }

  private func emit(
    _ operation: String, from input: Region, to output: Region, in program: inout ProgramBuilder
  ) {
    let domain = Int(PhiloxStream.Domain.dropout.rawValue) << 28
    let threshold = (Double(probability) * 0x1p24).rounded()
    program.emit(
      mk_op_dropout, "\(name)/\(operation)",
      sizes: [input.count, min(Int(threshold), 1 << 24 - 1), domain + number],
      reads: [input.offset, program.cell(.dropout)], writes: [output.offset],
      constants: [Float(1 / (1 - Double(probability)))])
  }
}
