internal import CKernels

extension Attention {
  /// Attention of the next token alone: [3 · heads · size] → [heads · size].
  ///
  /// Keys and values of the tokens before are kept in two regions [heads, context, size]; the new
  /// token's are added to them. The operations write out row i of ATTENTION
  /// (mk1 §14): the same chains in the same order, so the same bits.
  func forwardNextToken(_ input: Region, in program: inout ProgramBuilder) -> Region {
    let keys = program.allocateKept(width * context)
    let values = program.allocateKept(width * context)
    emitKept(input.offset + width, in: keys, "keys", &program)
    emitKept(input.offset + 2 * width, in: values, "values", &program)
    let scores = program.allocate(heads * context)
    emitScores(input, keys, into: scores, &program)
    let output = program.allocate(width)
    for head in 0..<heads {
      program.emit(
        mk_op_matmul, "\(name)/values.\(head)", sizes: [1, size, 1],
        reads: [scores.offset + head, values.offset + head * context * size],
        writes: [output.offset + head * size])
      program.grow((.size(2), by: 1), (.input(0), by: head))
    }
    program.release(scores)
    return output
  }

  /// Puts the new token's row of every head behind those of the tokens before.
  private func emitKept(
    _ row: Int, in kept: Region, _ what: String, _ program: inout ProgramBuilder
  ) {
    program.emit(
      mk_op_copy, "\(name)/copy.\(what)", sizes: [heads, size, size, context * size],
      reads: [row], writes: [kept.offset])
    program.grow((.output(0), by: size))
  }

  /// The probabilities of every head, [heads, tokens so far].
  private func emitScores(
    _ input: Region, _ keys: Region, into scores: Region, _ program: inout ProgramBuilder
  ) {
    for head in 0..<heads {
      program.emit(
        mk_op_matmul, "\(name)/scores.\(head)", sizes: [1, 1, size], flags: mk_flag_transpose_b,
        reads: [input.offset + head * size, keys.offset + head * context * size],
        writes: [scores.offset + head])
      program.grow((.size(1), by: 1), (.output(0), by: head))
    }
    program.emit(
      mk_op_scale, "\(name)/scale", sizes: [heads], reads: [scores.offset],
      writes: [scores.offset], constants: [scale])
    program.grow((.size(0), by: heads))
    program.emit(
      mk_op_softmax, "\(name)/softmax", sizes: [heads, 1], reads: [scores.offset],
      writes: [scores.offset])
    program.grow((.size(1), by: 1))
  }
}
