internal import CKernels

/// A language model that reads one token after another and keeps keys and values of those before,
/// so that a token costs one row of every product. The outputs have the bits of `Inference` on the
/// whole sequence (docs/specs/models.md §8).
///
/// A class because it owns the arena of its program; used by one thread at a time.
public final class IncrementalInference {
  /// Tokens that fit.
  public let context: Int
  /// Tokens read so far.
  public private(set) var position = 0
  private let vocabulary: Int
  private let program: TokenProgram
  private let arena: StepArena
  private let weights: [PackedWeights]
  /// The program's operations for the next token.
  private var operations: [mk_operation]

  /// Takes a language model; the parameters fit it.
  public convenience init(_ architecture: ModelArchitecture, parameters: ParameterBuffer) {
    self.init(architecture, parameters: parameters, kernels: Kernels.active)
  }

  /// Takes chosen kernels, so that tests can compare the variants.
  init(
    _ architecture: ModelArchitecture, parameters: ParameterBuffer,
    kernels: UnsafePointer<mk_kernels>
  ) {
    precondition(parameters.values.count == architecture.parameterCount)
    let program = TokenProgram(architecture)
    let arena = StepArena(
      cells: program.cells, cleared: program.arena.scratch, threads: 1, kernels: kernels
    ) { _ in program.workspaceCount }
    arena.store(parameters.values, at: program.arena.parameters)
    weights = program.stretches.compactMap { stretch in
      guard case .product(let index) = stretch else { return nil }
      let product = program.operations[index]
      return PackedWeights(
        arena.cells + Int(product.in.1), depth: Int(product.size.2), columns: Int(product.size.1))
    }
    context = architecture.inputs
    vocabulary = architecture.outputs
    operations = program.operations
    self.program = program
    self.arena = arena
  }

  /// Forgets all tokens.
  public func restart() {
    operations = program.operations
    position = 0
  }

  /// Reads the next token; the outputs for the one after it, [vocabulary], are valid until the next
  /// call. There is room, and the token is one of the vocabulary.
  public func read(_ token: Int32) -> UnsafeBufferPointer<Float> {
    precondition(position < context && (0..<vocabulary).contains(Int(token)))
    arena.cells[program.input.offset] = Float(bitPattern: UInt32(bitPattern: token))
    // Products are called without `mk_run`, which does this by itself.
    let state = mk_float_begin()
    defer { mk_float_end(state) }
    var product = 0
    for stretch in program.stretches {
      switch stretch {
      case .operations(let range):
        guard arena.run(operations, range) else { preconditionFailure("the token is in range") }
      case .product(let index):
        weights[product].multiply(
          arena.cells + Int(operations[index].in.0),
          into: arena.cells + Int(operations[index].out.0), kernels: arena.kernels)
        product += 1
      }
    }
    for number in program.growing { number.grow(&operations, tokens: 1) }
    position += 1
    return UnsafeBufferPointer(start: arena.cells + program.output.offset, count: vocabulary)
  }
}
