internal import CKernels

/// Cells of the arena that hold one intermediate result.
struct Region: Equatable, Sendable {
  /// Names the region among those of its program.
  let identity: Int
  /// Its first cell.
  let offset: Int
  /// Its cells.
  let count: Int
}

/// Collects the operations of one step and gives each intermediate result a place in the arena.
///
/// A region lives from its allocation until every holder has released it; its cells are then used
/// again. Since operations run in the order in which they are emitted, lifetimes are exact.
struct ProgramBuilder {
  /// What the layers emit their operations for.
  enum Mode {
    /// Dropout drops, batch norm measures, and layers keep what their backward pass needs.
    case training
    /// Whole examples.
    case inference
    /// The next token of one sequence; layers keep what they need of those before.
    case nextToken
  }

  let mode: Mode
  private let arena: ArenaLayout
  private(set) var operations: [mk_operation] = []
  private(set) var names: [String] = []
  /// Numbers of the operations that grow from token to token.
  private(set) var growing: [GrowingNumber] = []
  /// Cells in use so far, at most.
  private(set) var end: Int
  private var holders: [Int] = []
  private var free: [Range<Int>] = []

  /// Regions start at multiples of this: a cache line.
  private static let alignment = 16

  init(arena: ArenaLayout, mode: Mode) {
    self.arena = arena
    self.mode = mode
    end = arena.scratch
  }

  var isTraining: Bool { mode == .training }

  // MARK: Places

  /// A region of its own with one holder: the first gap that is large enough, or fresh cells.
  mutating func allocate(_ count: Int) -> Region {
    let size = ArenaLayout.aligned(count)
    holders.append(1)
    if let index = free.firstIndex(where: { $0.count >= size }) {
      let start = free[index].lowerBound
      if free[index].count == size {
        free.remove(at: index)
      } else {
        free[index] = start + size..<free[index].upperBound
      }
      return Region(identity: holders.count - 1, offset: start, count: count)
    }
    return fresh(count)
  }

  /// A region of cells that nothing else ever uses: what it holds is there in the program's next
  /// run. It is never released.
  mutating func allocateKept(_ count: Int) -> Region {
    holders.append(1)
    return fresh(count)
  }

  /// Cells that no region had before.
  private mutating func fresh(_ count: Int) -> Region {
    let start = end
    end += ArenaLayout.aligned(count)
    return Region(identity: holders.count - 1, offset: start, count: count)
  }

  /// Adds a holder.
  @discardableResult
  mutating func retain(_ region: Region) -> Region {
    holders[region.identity] += 1
    return region
  }

  /// Takes a holder away; the last one gives the cells back.
  mutating func release(_ region: Region) {
    holders[region.identity] -= 1
    precondition(holders[region.identity] >= 0)
    guard holders[region.identity] == 0 else { return }
    insertFree(region.offset..<region.offset + ArenaLayout.aligned(region.count))
  }

  /// Whether only one holder is left, who may then overwrite the cells.
  func isUnique(_ region: Region) -> Bool { holders[region.identity] == 1 }

  /// Where the result of an elementwise operation on `region` may go: the region itself if nobody
  /// else needs it, else a new one. The caller holds the result besides `region`.
  mutating func target(for region: Region) -> Region {
    isUnique(region) ? retain(region) : allocate(region.count)
  }

  private mutating func insertFree(_ range: Range<Int>) {
    let index = free.firstIndex { $0.lowerBound > range.lowerBound } ?? free.count
    free.insert(range, at: index)
    if index + 1 < free.count, free[index].upperBound == free[index + 1].lowerBound {
      free[index] = free[index].lowerBound..<free[index + 1].upperBound
      free.remove(at: index + 1)
    }
    if index > 0, free[index - 1].upperBound == free[index].lowerBound {
      free[index - 1] = free[index - 1].lowerBound..<free[index].upperBound
      free.remove(at: index)
    }
  }

  /// Where a tensor of the model lies.
  func parameter(_ tensor: ParameterTensor) -> Int { arena.parameters + tensor.offset }

  /// Where the gradient of a trainable tensor lies.
  func gradient(_ tensor: ParameterTensor) -> Int { arena.gradients + tensor.offset }

  /// Where a cell that the engine writes before a step lies.
  func cell(_ cell: StepCell) -> Int { arena.cells + cell.rawValue }

  // MARK: Operations

  /// Appends an operation; `name` is `layer/operation`.
  mutating func emit(
    _ opcode: mk_opcode, _ name: String, sizes: [Int], flags: Int = 0, reads: [Int?],
    writes: [Int?], constants: [Float] = []
  ) {
    operations.append(
      mk_operation(
        opcode, flags: UInt32(flags), sizes: sizes, inputs: reads, outputs: writes,
        constants: constants))
    names.append(name)
  }

  /// Lets numbers of the operation that was emitted last grow by a step with each token.
  mutating func grow(_ fields: (GrowingNumber.Field, by: Int)...) {
    growing += fields.map {
      GrowingNumber(operation: operations.count - 1, field: $0.0, step: $0.by)
    }
  }
}

/// The cells that change from step to step, and those that a step reports in.
enum StepCell: Int {
  case rate = 0
  /// η / (1 − β₁ᵗ), then 1 / √(1 − β₂ᵗ), then 1 − η·λ.
  case adam = 1
  /// Key low, key high, logical client, step.
  case dropout = 4
  case gradientNorm = 8
  case loss = 9

  /// Cells of all; a cache line.
  static let count = 16
}

/// Where the parts of the arena lie: parameters, optimizer slots, gradients, cells, then what one
/// step needs.
struct ArenaLayout: Equatable, Sendable {
  let parameters = 0
  let parameterCount: Int
  let trainableCount: Int
  let optimizer: Int
  let optimizerCount: Int
  let gradients: Int
  let cells: Int
  let scratch: Int

  /// `slots` numbers per trainable parameter; no gradients and slots where nothing is trained.
  init(architecture: ModelArchitecture, slots: Int, hasGradients: Bool) {
    parameterCount = architecture.parameterCount
    trainableCount = architecture.trainableCount
    optimizer = Self.aligned(parameterCount)
    optimizerCount = slots * trainableCount
    gradients = optimizer + Self.aligned(optimizerCount)
    cells = gradients + (hasGradients ? Self.aligned(trainableCount) : 0)
    scratch = cells + StepCell.count
  }

  /// The next multiple of a cache line's 16 cells.
  static func aligned(_ count: Int) -> Int { (count + 15) & ~15 }
}

extension mk_operation {
  /// Fills unused slots as the encoding demands: sizes and constants 0, operands absent.
  init(
    _ opcode: mk_opcode, flags: UInt32, sizes: [Int], inputs: [Int?], outputs: [Int?],
    constants: [Float]
  ) {
    self.init()
    self.opcode = opcode.rawValue
    self.flags = flags
    fill(&size, with: sizes.map { Int64($0) }, otherwise: 0)
    fill(&`in`, with: inputs.map { Int64($0 ?? Int(mk_absent)) }, otherwise: Int64(mk_absent))
    fill(&out, with: outputs.map { Int64($0 ?? Int(mk_absent)) }, otherwise: Int64(mk_absent))
    fill(&constant, with: constants, otherwise: 0)
  }
}

/// Writes the slots of a C array, which Swift sees as a tuple.
private func fill<Tuple, Element: BitwiseCopyable>(
  _ tuple: inout Tuple, with values: [Element], otherwise rest: Element
) {
  withUnsafeMutableBytes(of: &tuple) { bytes in
    let slots = bytes.bindMemory(to: Element.self)
    precondition(values.count <= slots.count)
    for index in slots.indices { slots[index] = index < values.count ? values[index] : rest }
  }
}
