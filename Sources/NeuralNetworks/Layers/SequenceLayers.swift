internal import CKernels

/// Rows of a table, chosen by token: int32 [rows] → [rows, width].
struct Embedding: Layer {
  let name: String
  /// [vocabulary, width].
  let table: ParameterTensor

  private var sizes: [Int] { [table.sizes[1], table.sizes[0]] }

  func forward(_ input: Region, in program: inout ProgramBuilder) -> LayerPass {
    let output = program.allocate(input.count * table.sizes[1])
    program.emit(
      mk_op_embedding, "\(name)/embedding", sizes: [input.count] + sizes,
      reads: [input.offset, program.parameter(table)], writes: [output.offset])
    return LayerPass(output: output, saved: program.save(input))
  }

  /// Tokens have no gradient.
  func backward(
    _ pass: LayerPass, gradient: Region, wantsInput: Bool, in program: inout ProgramBuilder
  ) -> Region? {
    program.emit(
      mk_op_embedding_backward, "\(name)/embedding.backward",
      sizes: [pass.saved[0].count] + sizes, reads: [pass.saved[0].offset, gradient.offset],
      writes: [program.gradient(table)])
    program.release(gradient)
    program.release(pass.saved)
    return nil
  }
}

/// Adds a learned vector for each place of a sequence: [n · context, width].
struct PositionEmbedding: Layer {
  let name: String
  /// [context, width].
  let table: ParameterTensor

  func forward(_ input: Region, in program: inout ProgramBuilder) -> LayerPass {
    let (context, width) = (table.sizes[0], table.sizes[1])
    let output = program.target(for: input)
    guard program.mode != .nextToken else {
      program.emit(
        mk_op_add, "\(name)/add", sizes: [width],
        reads: [input.offset, program.parameter(table)], writes: [output.offset])
      program.grow((.input(1), by: width))
      return LayerPass(output: output)
    }
    program.emit(
      mk_op_add_broadcast, "\(name)/add_broadcast",
      sizes: [input.count / width, width, context],
      reads: [input.offset, program.parameter(table)], writes: [output.offset])
    return LayerPass(output: output)
  }

  func backward(
    _ pass: LayerPass, gradient: Region, wantsInput: Bool, in program: inout ProgramBuilder
  ) -> Region? {
    program.emit(
      mk_op_column_sums, "\(name)/column_sums", sizes: [gradient.count / table.count, table.count],
      reads: [gradient.offset], writes: [program.gradient(table)])
    return gradient
  }
}

/// Causal self-attention of each sequence and head (Vaswani et al. 2017, arXiv:1706.03762, §3.2):
/// [n · context, 3 · heads · size] → [n · context, heads · size].
struct Attention: Layer {
  let name: String
  let context: Int
  let heads: Int
  /// Numbers of one head.
  let size: Int

  var scale: Float { 1 / Float(size).squareRoot() }
  var width: Int { heads * size }

  func forward(_ input: Region, in program: inout ProgramBuilder) -> LayerPass {
    guard program.mode != .nextToken else {
      return LayerPass(output: forwardNextToken(input, in: &program))
    }
    let sequences = input.count / (3 * width * context)
    let output = program.allocate(input.count / 3)
    let probabilities = program.allocate(sequences * heads * context * context)
    program.emit(
      mk_op_attention, "\(name)/attention", sizes: [sequences, context, heads, size],
      flags: mk_flag_causal, reads: [input.offset],
      writes: [output.offset, probabilities.offset], constants: [scale])
    let saved = program.save(input, probabilities)
    program.release(probabilities)
    return LayerPass(output: output, saved: saved)
  }

  func backward(
    _ pass: LayerPass, gradient: Region, wantsInput: Bool, in program: inout ProgramBuilder
  ) -> Region? {
    let input = pass.saved[0]
    let below = program.allocate(input.count)
    program.emit(
      mk_op_attention_backward, "\(name)/attention.backward",
      sizes: [input.count / (3 * width * context), context, heads, size],
      flags: mk_flag_causal,
      reads: [gradient.offset, input.offset, pass.saved[1].offset], writes: [below.offset],
      constants: [scale])
    program.release(gradient)
    program.release(pass.saved)
    return below
  }
}
