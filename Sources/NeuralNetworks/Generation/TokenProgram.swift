internal import CKernels

/// The operations that compute the next token's outputs, for the first place of a sequence; those
/// of a later place differ in the growing numbers alone.
struct TokenProgram: Sendable {
  /// What is run in one go.
  enum Stretch: Equatable, Sendable {
    /// Operations as they are.
    case operations(Range<Int>)
    /// A product with weights, which are packed once.
    case product(Int)
  }

  let arena: ArenaLayout
  let operations: [mk_operation]
  let growing: [GrowingNumber]
  let stretches: [Stretch]
  /// Cells of the arena in use.
  let cells: Int
  /// One token.
  let input: Region
  /// [vocabulary], as the loss takes them.
  let output: Region
  /// Floats of scratch memory.
  let workspaceCount: Int

  /// Compiles a language model.
  init(_ architecture: ModelArchitecture) {
    precondition(architecture.readsTokens)
    arena = ArenaLayout(architecture: architecture, slots: 0, hasGradients: false)
    var program = ProgramBuilder(arena: arena, mode: .nextToken)
    input = program.allocate(1)
    output = ModelPlan(architecture).layers.forward(input, in: &program).output
    operations = program.operations
    growing = program.growing
    cells = program.end
    stretches = Self.stretches(of: operations, parameters: arena.parameterCount)
    var last = operations
    for number in growing { number.grow(&last, tokens: architecture.inputs - 1) }
    workspaceCount = max(1, Int(mk_workspace_floats(last, Int64(last.count), 1)))
    let end = Int64(program.end)
    let isValid = (operations + last).allSatisfy { operation in
      withUnsafePointer(to: operation) { mk_check_operation($0, end) == mk_valid }
    }
    precondition(isValid, "a layer emitted a malformed operation")
  }

  /// Products whose second factor is a parameter stand alone.
  private static func stretches(of operations: [mk_operation], parameters: Int) -> [Stretch] {
    var stretches: [Stretch] = []
    var start = 0
    for (index, operation) in operations.enumerated()
    where operation.opcode == mk_op_matmul.rawValue && operation.in.1 < Int64(parameters) {
      if start < index { stretches.append(.operations(start..<index)) }
      stretches.append(.product(index))
      start = index + 1
    }
    if start < operations.count { stretches.append(.operations(start..<operations.count)) }
    return stretches
  }
}
