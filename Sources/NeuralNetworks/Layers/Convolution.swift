internal import CKernels

/// y = x ∗ W + b, with ReLU where asked:
/// [n, height, width, channels] → [n, height′, width′, outputs].
struct Convolution: Layer {
  let name: String
  /// Size of one input image.
  let image: ImageSize
  let stride: Int
  let padding: Int
  /// [kernel, kernel, channels, outputs].
  let weights: ParameterTensor
  /// [outputs]; none before batch normalisation, which has its own.
  let bias: ParameterTensor?
  let hasReLU: Bool
  /// Size of one output image.
  let result: ImageSize

  private func sizes(examples: Int) -> [Int] {
    [
      examples, image.height, image.width, image.channels, result.channels, weights.sizes[0],
      stride, padding,
    ]
  }

  func forward(_ input: Region, in program: inout ProgramBuilder) -> LayerPass {
    let examples = input.count / image.count
    let output = program.allocate(examples * result.count)
    program.emit(
      mk_op_conv, "\(name)/conv", sizes: sizes(examples: examples),
      reads: [input.offset, program.parameter(weights)], writes: [output.offset])
    if let bias {
      program.emitBias(
        name, bias, hasReLU: hasReLU, rows: output.count / result.channels,
        columns: result.channels, on: output)
    }
    let saved = hasReLU ? program.save(input, output) : program.save(input)
    return LayerPass(output: output, saved: saved)
  }

  func backward(
    _ pass: LayerPass, gradient: Region, wantsInput: Bool, in program: inout ProgramBuilder
  ) -> Region? {
    let input = pass.saved[0]
    let sizes = sizes(examples: input.count / image.count)
    let gradient =
      hasReLU
      ? program.emitActivationBackward(name, mk_relu, gradient, saved: pass.saved[1]) : gradient
    program.emit(
      mk_op_conv_weights, "\(name)/conv.weights", sizes: sizes,
      reads: [input.offset, gradient.offset], writes: [program.gradient(weights)])
    if let bias {
      program.emit(
        mk_op_column_sums, "\(name)/column_sums.bias",
        sizes: [gradient.count / result.channels, result.channels], reads: [gradient.offset],
        writes: [program.gradient(bias)])
    }
    var below: Region?
    if wantsInput {
      let region = program.allocate(input.count)
      program.emit(
        mk_op_conv_input, "\(name)/conv.input", sizes: sizes,
        reads: [gradient.offset, program.parameter(weights)], writes: [region.offset])
      below = region
    }
    program.release(gradient)
    program.release(pass.saved)
    return below
  }
}

/// Max or average over windows that do not overlap:
/// [n, height, width, channels] → [n, height / size, width / size, channels].
struct PoolingLayer: Layer {
  let name: String
  let pooling: ConvolutionBlock.Pooling
  /// Size of one input image.
  let image: ImageSize

  private var result: ImageSize { pooling.pooled(image) }
  private var constants: [Float] {
    pooling.kind == .average ? [1 / Float(pooling.size * pooling.size)] : []
  }

  private func sizes(examples: Int) -> [Int] {
    [examples, image.height, image.width, image.channels, pooling.size, pooling.size, 0]
  }

  func forward(_ input: Region, in program: inout ProgramBuilder) -> LayerPass {
    let examples = input.count / image.count
    let output = program.allocate(examples * result.count)
    guard pooling.kind == .max else {
      program.emit(
        mk_op_average_pool, "\(name)/average_pool", sizes: sizes(examples: examples),
        reads: [input.offset], writes: [output.offset], constants: constants)
      return LayerPass(output: output)
    }
    let places = program.allocate(output.count)
    program.emit(
      mk_op_max_pool, "\(name)/max_pool", sizes: sizes(examples: examples),
      reads: [input.offset], writes: [output.offset, places.offset])
    let saved = program.save(places)
    program.release(places)
    return LayerPass(output: output, saved: saved)
  }

  func backward(
    _ pass: LayerPass, gradient: Region, wantsInput: Bool, in program: inout ProgramBuilder
  ) -> Region? {
    let examples = gradient.count / result.count
    let below = program.allocate(examples * image.count)
    if pooling.kind == .max {
      program.emit(
        mk_op_max_pool_backward, "\(name)/max_pool.backward", sizes: sizes(examples: examples),
        reads: [gradient.offset, pass.saved[0].offset], writes: [below.offset])
    } else {
      program.emit(
        mk_op_average_pool_backward, "\(name)/average_pool.backward",
        sizes: sizes(examples: examples), reads: [gradient.offset], writes: [below.offset],
        constants: constants)
    }
    program.release(gradient)
    program.release(pass.saved)
    return below
  }
}
