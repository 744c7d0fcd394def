import CKernels
import Glibc
import Measure

/// The smallest product for which two threads have a bar, in operations, and the bar.
private enum ThreadBars {
  static let operationsMin = 30e6
  static let speedUp = 1.8
}

/// Prints how much faster two threads are than one for products of at least 30 MFLOP, in turn: the
/// least wall times of all pairs, which a busy machine still shows now and then, and the median of
/// the pairs, which only a machine that does nothing else does. And the least processor time of both
/// threads together: what splitting the product costs.
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
    var wall = FastestTimes()
    var processor = FastestTimes()
    for _ in 0..<pairs(isSmoke: isSmoke) {
      let one = time(count) { multiply(nil) }
      let two = time(count) { multiply(pool) }
      wall.add(own: two.wall, other: one.wall)
      processor.add(own: two.processor, other: one.processor)
      comparison.add(own: two.wall, other: one.wall)
    }
    let rate = decimal(item.operations / wall.own / 1e9, places: 1)
    let ratio = decimal(wall.ratio, places: 2)
    let bar = "bar \(ThreadBars.speedUp) \(wall.ratio >= ThreadBars.speedUp ? "met" : "missed")"
    print(
      "threads \(item.name) \(rate) GFLOP/s \(ratio) x one thread at best, \(bar); median "
        + "\(comparison.ratio(to: "one thread")); processor time of both "
        + decimal(1 / processor.ratio, places: 2))
  }
}

/// Runs `work` `count` times; returns seconds of the clock and of all threads' processors for one.
private func time(_ count: Int, _ work: () -> Void) -> (wall: Double, processor: Double) {
  let start = (seconds(CLOCK_MONOTONIC), seconds(CLOCK_PROCESS_CPUTIME_ID))
  for _ in 0..<count { work() }
  return (
    (seconds(CLOCK_MONOTONIC) - start.0) / Double(count),
    (seconds(CLOCK_PROCESS_CPUTIME_ID) - start.1) / Double(count)
  )
}

private func seconds(_ clock: clockid_t) -> Double {
  var time = timespec()
  clock_gettime(clock, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
