internal import CKernels

/// y = x·W + b, with ReLU where asked: [rows, inputs] → [rows, outputs].
struct Dense: Layer {
  let name: String
  /// [inputs, outputs].
  let weights: ParameterTensor
  /// [outputs].
  let bias: ParameterTensor
  let hasReLU: Bool

  private var inputs: Int { weights.sizes[0] }
  private var outputs: Int { weights.sizes[1] }

  func forward(_ input: Region, in program: inout ProgramBuilder) -> LayerPass {
    let rows = input.count / inputs
    let output = program.allocate(rows * outputs)
    program.emit(
      mk_op_matmul, "\(name)/matmul", sizes: [rows, outputs, inputs],
      reads: [input.offset, program.parameter(weights)], writes: [output.offset])
    program.emitBias(name, bias, hasReLU: hasReLU, rows: rows, columns: outputs, on: output)
    let saved = hasReLU ? program.save(input, output) : program.save(input)
    return LayerPass(output: output, saved: saved)
  }

  /// dW = xᵀ·dy, db = Σ dy, dx = dy·Wᵀ, where ReLU was open.
  func backward(
    _ pass: LayerPass, gradient: Region, wantsInput: Bool, in program: inout ProgramBuilder
  ) -> Region? {
    let input = pass.saved[0]
    let rows = input.count / inputs
    let gradient =
      hasReLU
      ? program.emitActivationBackward(name, mk_relu, gradient, saved: pass.saved[1]) : gradient
    program.emit(
      mk_op_matmul, "\(name)/matmul.weights", sizes: [inputs, outputs, rows],
      flags: mk_flag_transpose_a, reads: [input.offset, gradient.offset],
      writes: [program.gradient(weights)])
    program.emit(
      mk_op_column_sums, "\(name)/column_sums.bias", sizes: [rows, outputs],
      reads: [gradient.offset], writes: [program.gradient(bias)])
    var below: Region?
    if wantsInput {
      let region = program.allocate(rows * inputs)
      program.emit(
        mk_op_matmul, "\(name)/matmul.input", sizes: [rows, inputs, outputs],
        flags: mk_flag_transpose_b,
        reads: [gradient.offset, program.parameter(weights)], writes: [region.offset])
      below = region
    }
    program.release(gradient)
    program.release(pass.saved)
    return below
  }
}

extension ProgramBuilder {
  /// Adds a bias to each row of `output`, in place, with ReLU where asked.
  mutating func emitBias(
    _ name: String, _ bias: ParameterTensor, hasReLU: Bool, rows: Int, columns: Int,
    on output: Region
  ) {
    emit(
      hasReLU ? mk_op_bias_relu : mk_op_bias, "\(name)/\(hasReLU ? "bias_relu" : "bias")",
      sizes: [rows, columns], reads: [output.offset, parameter(bias)], writes: [output.offset])
  }

  /// Turns the gradient of an activation's output into that of its input; consumes `gradient`.
  mutating func emitActivationBackward(
    _ name: String, _ function: mk_activation, _ gradient: Region, saved: Region
  ) -> Region {
    let result = target(for: gradient)
    emit(
      mk_op_activation_backward, "\(name)/activation.backward",
      sizes: [gradient.count, Int(function.rawValue)], reads: [gradient.offset, saved.offset],
      writes: [result.offset])
    release(gradient)
    return result
  }
}
