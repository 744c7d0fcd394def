internal import CKernels
public import Primitives

extension TrainingRun {
  /// Does up to `count` further steps and returns them as a trace file (docs/specs/mk1.md §16): the
  /// programs, the state, each step's inputs, and a running hash after each operation. The C driver
  /// of `Tests/Kernels` replays it on other processors.
  public func traceFile(steps count: Int) throws(TrainingFailure) -> Bytes {
    var file = TraceWriter()
    let steps = min(count, schedule.steps - step)
    file.append(cells: arena.count, programs: programs, steps: steps)
    let layout = program.arena
    file.append([(layout.parameters, layout.optimizer + layout.optimizerCount)], of: arena)
    for _ in 0..<steps {
      let program = program
      try prepare(program)
      file.append(number: program.examples == programs.full.examples ? 0 : 1)
      file.append(
        [
          (program.input.offset, program.input.count),
          (program.target.offset, program.target.count), (layout.cells, StepCell.count),
        ], of: arena)
      for index in program.operations.indices {
        guard arena.run(program, index..<index + 1) else { throw .indexOutOfRange(step: step) }
        for range in program.writes(of: index) {
          file.hash(arena.bytes(range.lowerBound, range.count))
        }
        file.appendHash()
      }
      finishStep()
    }
    return file.bytes
  }
}

/// Collects a trace file: little-endian 64-bit numbers, operations as they lie in memory, cells.
private struct TraceWriter {
  private(set) var bytes = Bytes("mktrace1".utf8)
  /// FNV-1a over all bytes written by operations so far.
  private var state: UInt64 = 14_695_981_039_346_656_037
  private static let prime: UInt64 = 1_099_511_628_211

  mutating func append(number: Int) {
    withUnsafeBytes(of: UInt64(number).littleEndian) { bytes += $0 }
  }

  mutating func append(
    cells: Int, programs: (full: StepProgram, last: StepProgram), steps: Int
  ) {
    let all =
      programs.last.examples == programs.full.examples
      ? [programs.full] : [programs.full, programs.last]
    append(number: cells)
    append(number: all.count)
    append(number: steps)
    for program in all {
      append(number: program.operations.count)
      program.operations.withUnsafeBytes { bytes += $0 }
    }
  }

  /// Cells that are not the result of an operation.
  mutating func append(_ updates: [(offset: Int, count: Int)], of arena: StepArena) {
    append(number: updates.count)
    for update in updates {
      append(number: update.offset)
      append(number: update.count)
      bytes += arena.bytes(update.offset, update.count)
    }
  }

  mutating func hash(_ written: UnsafeRawBufferPointer) {
    for byte in written { state = (state ^ UInt64(byte)) &* Self.prime }
  }

  mutating func appendHash() { withUnsafeBytes(of: state.littleEndian) { bytes += $0 } }
}
