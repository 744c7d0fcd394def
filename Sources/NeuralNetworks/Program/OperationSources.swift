/// Where the cells come from that an operation reads.
struct OperationSources: Equatable, Sendable {
  /// Operations before it whose results it reads, ascending.
  var operations: [Int] = []
  /// Whether it reads parameters or optimizer state from before the step.
  var readsState = false
}

extension StepProgram {
  /// Ranges that operation `index` reads. The one after the last stands for the state root, which
  /// reads parameters and optimizer state.
  func reads(of index: Int) -> [Range<Int>] {
    guard index < operations.count else { return stateRanges }
    return ranges(of: index).filter(\.isRead).map { $0.offset..<$0.offset + $0.count }
  }

  /// Ranges that operation `index` writes, in the order of its operands.
  func writes(of index: Int) -> [Range<Int>] {
    ranges(of: index).filter(\.isWritten).map { $0.offset..<$0.offset + $0.count }
  }

  private var stateRanges: [Range<Int>] {
    [
      arena.parameters..<arena.parameters + arena.parameterCount,
      arena.optimizer..<arena.optimizer + arena.optimizerCount,
    ].filter { !$0.isEmpty }
  }

  /// Follows each cell that operation `index` reads back to the last operation that wrote it.
  func sources(of index: Int) -> OperationSources {
    var unknown = reads(of: index)
    var sources = OperationSources()
    for writer in (0..<index).reversed() where !unknown.isEmpty {
      let left = writes(of: writer).reduce(unknown) { rest, written in
        rest.flatMap { $0.without(written) }
      }
      if cellCount(left) < cellCount(unknown) {
        sources.operations.append(writer)
      }
      unknown = left
    }
    sources.operations.reverse()
    sources.readsState = unknown.contains { range in stateRanges.contains { $0.overlaps(range) } }
    return sources
  }
}

private func cellCount(_ ranges: [Range<Int>]) -> Int { ranges.reduce(0) { $0 + $1.count } }

extension Range<Int> {
  private func part(_ lower: Int, _ upper: Int) -> Range<Int>? {
    lower < upper ? lower..<upper : nil
  }

  /// The parts of this range that lie outside `other`.
  fileprivate func without(_ other: Range<Int>) -> [Range<Int>] {
    guard overlaps(other) else { return [self] }
    return [
      part(lowerBound, other.lowerBound), part(other.upperBound, upperBound),
    ].compactMap(\.self)
  }
}
