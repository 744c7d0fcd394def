internal import CKernels
public import Cryptography

/// The digests of one step's operations, in the order in which they ran: what a dispute over a step
/// bisects (docs/specs/models.md §6).
public struct StepTrace: Hashable, Sendable {
  /// One operation and what it wrote.
  public struct Entry: Hashable, Sendable {
    /// `layer/operation`; the last is `state/root`.
    public let name: String
    /// SHA-256(0x00 ‖ the written cells, range by range); of the last the state root.
    public let digest: Digest
  }

  /// The step, from 0.
  public let step: Int
  /// All operations, then the state root after the step.
  public let entries: [Entry]

  /// RFC 6962 root over the digests.
  public var root: Digest {
    MerkleTree.root(of: entries.map { MerkleTree.leafHash($0.digest.bytes) })
  }
}

/// What a referee needs to compute one operation alone: the results that it reads and, if it reads
/// parameters or optimizer state from before the step, that state.
public struct OperationEvidence: Hashable, Sendable {
  /// Results of an earlier operation.
  public struct Result: Hashable, Sendable {
    /// Its index.
    public let operation: Int
    /// All cells that it wrote, range by range.
    public let cells: [Float]

    /// Collects the parts.
    public init(operation: Int, cells: [Float]) {
      self.operation = operation
      self.cells = cells
    }
  }

  /// The state before the step, if it is read.
  public let state: TrainingState?
  /// Ascending.
  public let results: [Result]

  /// Collects the parts.
  public init(state: TrainingState?, results: [Result]) {
    self.state = state
    self.results = results
  }
}

extension TrainingRun {
  /// Operations of step `step`, the state root among them.
  public func operationCount(ofStep step: Int) -> Int { program(ofStep: step).operations.count + 1 }

  /// `layer/operation` of every operation of step `step`.
  public func operationNames(ofStep step: Int) -> [String] {
    program(ofStep: step).names + ["state/root"]
  }

  /// Does the next step and notes what each operation wrote. `fault` is an operation of which the
  /// lowest bit of the first result is flipped: what a liar does, and a dispute finds.
  public func traceStep(faultIn fault: Int? = nil) throws(TrainingFailure) -> StepTrace {
    precondition(!isFinished)
    let program = program
    var entries: [StepTrace.Entry] = []
    try prepare(program)
    for index in program.operations.indices {
      guard arena.run(program, index..<index + 1) else { throw .indexOutOfRange(step: step) }
      if index == fault, let cell = program.writes(of: index).first?.lowerBound {
        arena.cells[cell] = Float(bitPattern: arena.cells[cell].bitPattern ^ 1)
      }
      entries.append(.init(name: program.names[index], digest: digest(after: index, of: program)))
    }
    finishStep()
    entries.append(.init(name: "state/root", digest: stateRoot()))
    return StepTrace(step: step - 1, entries: entries)
  }

  /// What operation `index` of the next step reads. The run stands in the middle of that step
  /// afterwards and must not be used again.
  public func evidence(of index: Int) throws(TrainingFailure) -> OperationEvidence {
    precondition(!isFinished && (0..<operationCount(ofStep: step)).contains(index))
    let program = program
    let sources = program.sources(of: index)
    let state = sources.readsState ? state : nil
    var results: [OperationEvidence.Result] = []
    try prepare(program)
    var next = 0
    for writer in sources.operations {
      guard arena.run(program, next..<writer + 1) else { throw .indexOutOfRange(step: step) }
      next = writer + 1
      results.append(
        .init(
          operation: writer,
          cells: program.writes(of: writer).flatMap { arena.array($0.lowerBound, $0.count) }))
    }
    return OperationEvidence(state: state, results: results)
  }

  /// The referee's part: computes operation `index` of the next step from evidence alone. The run
  /// may start from any state of the right sizes at this step, and must not be used again.
  ///
  /// Nil if the evidence is not what was agreed: `digests` are those of the operations before, and
  /// `startRoot` the state root before the step.
  public func recompute(
    _ index: Int, from evidence: OperationEvidence, digests: [Digest], startRoot: Digest
  ) throws(TrainingFailure) -> Digest? {
    guard !isFinished, (0..<operationCount(ofStep: step)).contains(index) else { return nil }
    let program = program
    let sources = program.sources(of: index)
    guard evidence.results.map(\.operation) == sources.operations, digests.count >= index,
      restore(evidence.state, isNeeded: sources.readsState, root: startRoot)
    else { return nil }
    try prepare(program)
    for result in evidence.results {
      guard place(result, of: program),
        digest(after: result.operation, of: program) == digests[result.operation]
      else { return nil }
    }
    guard index < program.operations.count else {
      finishStep()
      return stateRoot()
    }
    // An index out of range among agreed cells is a result like any other: no digest is right.
    guard arena.run(program, index..<index + 1) else { return .zero }
    return digest(after: index, of: program)
  }

  /// Takes the state over if it has the agreed root.
  private func restore(_ state: TrainingState?, isNeeded: Bool, root: Digest) -> Bool {
    guard let state else { return !isNeeded }
    guard state.step == step, state.fits(architecture, settings: settings) else { return false }
    let layout = program.arena
    arena.store(state.parameters.values, at: layout.parameters)
    arena.store(state.optimizer, at: layout.optimizer)
    return stateRoot() == root
  }

  /// Puts the cells of a result where its operation would have written them.
  private func place(_ result: OperationEvidence.Result, of program: StepProgram) -> Bool {
    let ranges = program.writes(of: result.operation)
    guard result.cells.count == ranges.reduce(0, { $0 + $1.count }) else { return false }
    var start = 0
    for range in ranges {
      arena.store(Array(result.cells[start..<start + range.count]), at: range.lowerBound)
      start += range.count
    }
    return true
  }

  private func digest(after index: Int, of program: StepProgram) -> Digest {
    let hasher = SHA256Hasher()
    withUnsafeBytes(of: UInt8(0)) { hasher.update($0) }
    for range in program.writes(of: index) {
      hasher.update(arena.bytes(range.lowerBound, range.count))
    }
    return hasher.finalize()
  }
}
