internal import CKernels

/// A model that only computes outputs: dropout does nothing, batch norm uses running statistics.
///
/// A class because it owns the arena of its programs; used by one thread at a time.
public final class Inference {
  /// What is computed.
  public enum Purpose: Sendable {
    /// Outputs as the loss takes them, and the loss of each row.
    case evaluation
    /// Probabilities of classes and flags; values as they are.
    case prediction
  }

  /// Examples evaluated at once: enough to use the matrix kernels, small enough for any cache.
  static let batchSizeMax = 64
  /// Numbers that all layers may hold for one batch, 64 MiB, but for a single example.
  static let activationsMax = 1 << 24

  private let architecture: ModelArchitecture
  private let purpose: Purpose
  private let parameters: ParameterBuffer
  private let threads: Int

  /// Takes a model.
  public init(
    _ architecture: ModelArchitecture, parameters: ParameterBuffer, purpose: Purpose = .prediction,
    threads: Int = 1
  ) {
    precondition(parameters.values.count == architecture.parameterCount)
    self.architecture = architecture
    self.purpose = purpose
    self.parameters = parameters
    self.threads = threads
  }

  /// The results of one batch; valid only while it is looked at.
  public struct Batch {
    /// Numbers of the examples in the source.
    public let examples: Range<Int>
    /// Rows of the last layer: examples, or examples × tokens.
    public let rows: Int
    /// Outputs of one row.
    public let columns: Int
    /// [rows, columns].
    public let outputs: UnsafeBufferPointer<Float>
    /// [rows]; empty in prediction.
    public let losses: UnsafeBufferPointer<Float>
    /// [rows] for classes; empty else.
    public let labels: UnsafeBufferPointer<Int32>
    /// [rows, columns] for flags and values; empty else.
    public let targets: UnsafeBufferPointer<Float>
    let best: UnsafeBufferPointer<Int32>

    /// Rows whose largest output is their label, or flags on the right side of 0.
    public var correct: Int {
      if !best.isEmpty { return zip(best, labels).reduce(0) { $0 + ($1.0 == $1.1 ? 1 : 0) } }
      guard isFlags else { return 0 }
      return zip(outputs, targets).reduce(0) { $0 + (($1.0 > 0) == ($1.1 > 0.5) ? 1 : 0) }
    }

    /// What `correct` counts among.
    public var answers: Int { isFlags ? rows * columns : rows }
    let isFlags: Bool
  }

  /// Computes all examples in order; the data fit (`checkFits`, or `checkInputs` for predictions).
  public func forEachBatch(
    of source: any DatasetSource, _ body: (Batch) -> Void
  ) throws(DatasetError) {
    guard source.rows > 0 else { throw .empty }
    let fitting = max(1, Self.activationsMax / architecture.activationCount)
    let size = min(Self.batchSizeMax, fitting, source.rows)
    let rest = source.rows % size
    let programs = (rest > 0 ? [size, rest] : [size]).map { program(examples: $0) }
    let arena = StepArena(for: programs, threads: threads, kernels: Kernels.active)
    arena.store(parameters.values, at: programs[0].arena.parameters)
    var feed = BatchFeed(source, architecture: architecture)
    for start in stride(from: 0, to: source.rows, by: size) {
      let examples = start..<min(start + size, source.rows)
      let program = examples.count == size ? programs[0] : programs[1]
      let rows = examples.map { Int32($0) }
      try feed.load(rows: rows[...], for: program, into: arena)
      guard arena.run(program, 0..<program.operations.count) else {
        throw outOfRange(program, examples, arena)
      }
      body(batch(program, examples, arena))
    }
  }

  /// All outputs, [rows, outputs].
  public func outputs(of source: any DatasetSource) throws(DatasetError) -> [Float] {
    var all: [Float] = []
    try forEachBatch(of: source) { all += $0.outputs }
    return all
  }

  /// Names the label or token that stopped a program.
  private func outOfRange(
    _ program: StepProgram, _ examples: Range<Int>, _ arena: StepArena
  ) -> DatasetError {
    let limit = architecture.outputs
    for region in architecture.readsTokens ? [program.input, program.target] : [program.target] {
      for place in 0..<region.count {
        let number = Int(Int32(bitPattern: arena.cells[region.offset + place].bitPattern))
        guard (0..<limit).contains(number) else {
          let row = examples.lowerBound + place * examples.count / region.count
          return .label(number, row: row, classes: limit)
        }
      }
    }
    preconditionFailure("a program stops only at a label or token")
  }

  private func program(examples: Int) -> StepProgram {
    StepProgram(
      architecture, examples: examples,
      purpose: purpose == .evaluation ? .evaluation : .prediction)
  }

  private func batch(
    _ program: StepProgram, _ examples: Range<Int>, _ arena: StepArena
  ) -> Batch {
    func numbers(_ region: Region) -> UnsafeBufferPointer<Float> {
      UnsafeBufferPointer(start: arena.cells + region.offset, count: region.count)
    }
    func integers(_ region: Region) -> UnsafeBufferPointer<Int32> {
      let cells = UnsafeRawPointer(arena.cells + region.offset)
      return UnsafeBufferPointer(
        start: cells.assumingMemoryBound(to: Int32.self), count: region.count)
    }
    let hasLabels = architecture.output == .classes
    let none = Region(identity: 0, offset: 0, count: 0)
    return Batch(
      examples: examples, rows: program.rows, columns: architecture.outputs,
      outputs: numbers(program.output), losses: numbers(program.losses),
      labels: integers(hasLabels ? program.target : none),
      targets: numbers(hasLabels ? none : program.target),
      best: integers(program.best ?? none), isFlags: architecture.output == .flags)
  }
}
