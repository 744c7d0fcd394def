internal import CKernels

/// Constants of the normalisations: those of PyTorch.
enum NormalizationConstants {
  /// Keeps a division by a vanishing variance finite.
  static let epsilon: Float = 1e-5
  /// Weight of a batch in the running statistics.
  static let momentum = 0.1
}

/// Layer norm (Ba et al. 2016, arXiv:1607.06450), or RMS norm (Zhang and Sennrich 2019,
/// arXiv:1910.07467) where there is no bias: [rows, columns] → [rows, columns].
struct RowNormalization: Layer {
  let name: String
  /// [columns].
  let gain: ParameterTensor
  /// [columns]; none for RMS norm.
  let bias: ParameterTensor?

  private var columns: Int { gain.count }
  private var inverse: Float { 1 / Float(columns) }

  func forward(_ input: Region, in program: inout ProgramBuilder) -> LayerPass {
    let rows = input.count / columns
    let output = program.allocate(input.count)
    let statistics = program.allocate(bias == nil ? rows : rows * 2)
    program.emit(
      bias == nil ? mk_op_rms_norm : mk_op_layer_norm,
      "\(name)/\(bias == nil ? "rms_norm" : "layer_norm")", sizes: [rows, columns],
      reads: [input.offset, program.parameter(gain)] + (bias.map { [program.parameter($0)] } ?? []),
      writes: [output.offset, statistics.offset],
      constants: [NormalizationConstants.epsilon, inverse])
    let saved = program.save(input, statistics)
    program.release(statistics)
    return LayerPass(output: output, saved: saved)
  }

  func backward(
    _ pass: LayerPass, gradient: Region, wantsInput: Bool, in program: inout ProgramBuilder
  ) -> Region? {
    backward(pass, gradient: gradient, addend: nil, in: &program)
  }

  /// The input's gradient, plus `addend` if there is one; releases both.
  func backward(
    _ pass: LayerPass, gradient: Region, addend: Region?, in program: inout ProgramBuilder
  ) -> Region {
    let below = program.target(for: gradient)
    program.emit(
      bias == nil ? mk_op_rms_norm_backward : mk_op_layer_norm_backward,
      "\(name)/\(bias == nil ? "rms_norm" : "layer_norm").backward",
      sizes: [gradient.count / columns, columns],
      reads: [
        gradient.offset, pass.saved[0].offset, program.parameter(gain), pass.saved[1].offset,
        addend?.offset,
      ],
      writes: [below.offset, program.gradient(gain)]
        + (bias.map { [program.gradient($0)] } ?? []),
      constants: [inverse])
    program.release(gradient)
    if let addend { program.release(addend) }
    program.release(pass.saved)
    return below
  }
}

/// Batch normalisation over all pixels of a batch (Ioffe and Szegedy 2015, arXiv:1502.03167):
/// [rows, channels] → [rows, channels]. Inference uses the running statistics.
struct BatchNormalization: Layer {
  let name: String
  /// [channels].
  let gain: ParameterTensor
  /// [channels].
  let bias: ParameterTensor
  /// [2, channels]: means, then variances; not trained.
  let running: ParameterTensor

  private var channels: Int { gain.count }

  func forward(_ input: Region, in program: inout ProgramBuilder) -> LayerPass {
    let rows = input.count / channels
    let reads = [input.offset, program.parameter(gain), program.parameter(bias)]
    guard program.isTraining else {
      let output = program.target(for: input)
      program.emit(
        mk_op_batch_norm_inference, "\(name)/batch_norm", sizes: [rows, channels],
        reads: reads + [program.parameter(running)], writes: [output.offset],
        constants: [NormalizationConstants.epsilon])
      return LayerPass(output: output)
    }
    let output = program.allocate(input.count)
    let statistics = program.allocate(2 * channels)
    let momentum = NormalizationConstants.momentum
    program.emit(
      mk_op_batch_norm, "\(name)/batch_norm", sizes: [rows, channels], reads: reads,
      writes: [output.offset, statistics.offset, program.parameter(running)],
      constants: [
        NormalizationConstants.epsilon, 1 / Float(rows), Float(momentum), Float(1 - momentum),
        rows > 1 ? Float(Double(rows) / Double(rows - 1)) : 1,
      ])
    let saved = program.save(input, statistics)
    program.release(statistics)
    return LayerPass(output: output, saved: saved)
  }

  func backward(
    _ pass: LayerPass, gradient: Region, wantsInput: Bool, in program: inout ProgramBuilder
  ) -> Region? {
    let rows = gradient.count / channels
    let below = program.target(for: gradient)
    program.emit(
      mk_op_batch_norm_backward, "\(name)/batch_norm.backward", sizes: [rows, channels],
      reads: [
        gradient.offset, pass.saved[0].offset, program.parameter(gain), pass.saved[1].offset,
      ],
      writes: [below.offset, program.gradient(gain), program.gradient(bias)],
      constants: [1 / Float(rows)])
    program.release(gradient)
    program.release(pass.saved)
    return below
  }
}
