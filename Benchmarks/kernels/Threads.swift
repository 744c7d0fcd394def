import CKernels
import Glibc
import Measure

/// The smallest product for which two threads have a bar, in operations, and the bar.
private enum ThreadBars {
  static let operationsMin = 30e6
  static let speedUp = 1.8
}

/// Prints how much faster two threads are than one in wall time, in turn, median of all pairs, for
/// products of at least 30 MFLOP. Meaningful only on a machine that does nothing else.
func measureThreads(isSmoke: Bool) {
  guard let kernels = chosenKernels(), let pool = mk_pool_create(2) else {
    print("threads: cannot be started")
    return
  }
  defer { mk_pool_destroy(pool) }
  let floats = 2 * Int(mk_gemm_workspace_floats())
  let workspace = alignedFloats(floats)
  defer { workspace.deallocate() }
  for item in ProductCase.all
  where item.operations >= ThreadBars.operationsMin && (!isSmoke || item.operations < 1e8) {
    let buffers = ProductBuffers(item)
    func multiply(_ pool: OpaquePointer?) {
      mk_gemm_threads(
        kernels, pool, buffers.shape, buffers.left, buffers.right, buffers.c,
        Int64(item.columns), 0, workspace)
    }
    let count = repeats(of: item.operations)
    var comparison = Comparison()
    for pair in 0...(pairs(isSmoke: isSmoke)) {
      let one = wallTime(count) { multiply(nil) }
      let two = wallTime(count) { multiply(pool) }
      if pair > 0 { comparison.add(own: two, other: one) }
    }
    let rate = decimal(item.operations / comparison.median / 1e9, places: 1)
    print(
      "threads \(item.name) \(rate) GFLOP/s \(comparison.ratio(to: "one thread")), "
        + "bar \(ThreadBars.speedUp) \(comparison.middle >= ThreadBars.speedUp ? "met" : "missed")")
  }
}

/// Runs `work` `count` times; returns seconds of the clock for one.
private func wallTime(_ count: Int, _ work: () -> Void) -> Double {
  let start = now()
  for _ in 0..<count { work() }
  return (now() - start) / Double(count)
}

private func now() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
