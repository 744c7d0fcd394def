internal import CKernels

/// The cells that programs run over, with their scratch memory and threads.
///
/// A class that owns raw memory, so that a step allocates nothing; used by one caller at a time.
final class StepArena {
  let cells: UnsafeMutablePointer<Float>
  let count: Int
  private let workspace: UnsafeMutablePointer<Float>
  let kernels: UnsafePointer<mk_kernels>
  private let pool: OpaquePointer?

  /// Makes room for any of `programs` on up to `threads` threads. Cells before the part of a single
  /// step are 0; of the others no operation reads one that nobody wrote.
  convenience init(
    for programs: [StepProgram], threads: Int, kernels: UnsafePointer<mk_kernels>
  ) {
    self.init(
      cells: programs.reduce(0) { max($0, $1.cells) },
      cleared: programs.reduce(0) { max($0, $1.arena.scratch) }, threads: threads, kernels: kernels
    ) { threads in programs.reduce(1) { max($0, $1.workspaceCount(threads: threads)) } }
  }

  /// Makes room for `count` cells, the first ones of them 0, and for the scratch memory of the
  /// threads that could be started.
  init(
    cells count: Int, cleared: Int, threads: Int, kernels: UnsafePointer<mk_kernels>,
    workspace: (_ threads: Int) -> Int
  ) {
    self.count = count
    cells = Self.allocate(count)
    cells.update(repeating: 0, count: cleared)
    // Fewer threads than asked for give the same bits, only later.
    pool = threads > 1 ? mk_pool_create(Int64(threads)) : nil
    self.workspace = Self.allocate(workspace(pool.map { Int(mk_pool_threads($0)) } ?? 1))
    self.kernels = kernels
  }

  deinit {
    mk_pool_destroy(pool)
    cells.deallocate()
    workspace.deallocate()
  }

  /// Cells at the start of a cache line.
  static func allocate(_ count: Int) -> UnsafeMutablePointer<Float> {
    UnsafeMutableRawPointer.allocate(
      byteCount: max(1, count) * MemoryLayout<Float>.stride, alignment: 64
    ).bindMemory(to: Float.self, capacity: max(1, count))
  }

  /// Runs a part of a program's operations; false if one met an index out of range.
  func run(_ program: StepProgram, _ range: Range<Int>) -> Bool {
    precondition(program.cells <= count && range.upperBound <= program.operations.count)
    return run(program.operations, range)
  }

  /// Runs operations that were checked against an arena of this size.
  func run(_ operations: [mk_operation], _ range: Range<Int>) -> Bool {
    operations.withUnsafeBufferPointer { operations in
      guard let base = operations.baseAddress else { return true }
      return mk_run(
        kernels, base + range.lowerBound, Int64(range.count), cells, workspace, pool) < 0
    }
  }

  func bytes(_ offset: Int, _ count: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(UnsafeBufferPointer(start: cells + offset, count: count))
  }

  func array(_ offset: Int, _ count: Int) -> [Float] {
    Array(UnsafeBufferPointer(start: cells + offset, count: count))
  }

  func store(_ values: [Float], at offset: Int) {
    precondition(offset + values.count <= count)
    values.withUnsafeBufferPointer { source in
      guard let base = source.baseAddress else { return }
      (cells + offset).update(from: base, count: source.count)
    }
  }

  func store(_ values: [UInt32], at offset: Int) {
    for (place, value) in values.enumerated() {
      cells[offset + place] = Float(bitPattern: value)
    }
  }

  func isFinite(_ offset: Int, _ count: Int) -> Bool {
    kernels.pointee.all_finite(cells + offset, Int64(count)) != 0
  }
}
