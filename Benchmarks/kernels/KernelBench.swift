import Glibc
import NeuralNetworks

/// Measures the matrix product beside OpenBLAS and the training step beside PyTorch, in turn in one
/// run, one thread each, in processor time. `--avx2` measures the AVX2 kernels of a processor that
/// has more, `--threads` only two threads beside one, `--products` only the kernels; `--smoke` only
/// shows that everything works.
@main
struct KernelBench {
  static func main() throws {
    let isSmoke = CommandLine.arguments.contains("--smoke")
    let isAVX2 = CommandLine.arguments.contains("--avx2")
    print("kernels \(isAVX2 ? "avx2" : Kernels.variantName)")
    if CommandLine.arguments.contains("--threads") {
      measureThreads(isSmoke: isSmoke)
      return
    }
    measureProducts(isSmoke: isSmoke)
    measurePackedRows(isSmoke: isSmoke)
    measureConvolutions(isSmoke: isSmoke)
    if CommandLine.arguments.contains("--products") { return }
    try measureTrainingStep(isSmoke: isSmoke)
    try measureDigitsParts(isSmoke: isSmoke)
  }
}

/// Pairs of times of the same work, taken in turn.
struct Comparison {
  private var own: [Double] = []
  private var ratios: [Double] = []

  mutating func add(own: Double, other: Double) {
    self.own.append(own)
    ratios.append(other / own)
  }

  /// Median time of ours in seconds.
  var median: Double { own.sorted()[own.count / 2] }

  /// Median of the ratios.
  var middle: Double { ratios.sorted()[ratios.count / 2] }

  /// "1.03 x NAME (0.98 to 1.07, 15 pairs)": how many times faster we are.
  func ratio(to name: String) -> String {
    let sorted = ratios.sorted()
    let middle = sorted[sorted.count / 2]
    return "\(decimal(middle, places: 2)) x \(name) (\(decimal(sorted[0], places: 2)) to "
      + "\(decimal(sorted[sorted.count - 1], places: 2)), \(sorted.count) pairs)"
  }
}

/// The least time of ours and of the other, taken in turn: what the work costs without what other
/// programs take from caches and clock.
struct FastestTimes {
  private(set) var own = Double.infinity
  private var other = Double.infinity

  mutating func own(_ seconds: Double) { own = min(own, seconds) }
  mutating func other(_ seconds: Double) { other = min(other, seconds) }
  mutating func add(own: Double, other: Double) {
    self.own(own)
    self.other(other)
  }

  /// How many times faster we are.
  var ratio: Double { other / own }
}

/// Runs `work` `count` times; returns seconds of this thread's processor time for one.
func processorTime(_ count: Int, _ work: () throws -> Void) rethrows -> Double {
  let start = threadSeconds()
  for _ in 0..<count { try work() }
  return (threadSeconds() - start) / Double(count)
}

private func threadSeconds() -> Double {
  var now = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now)
  return Double(now.tv_sec) + Double(now.tv_nsec) * 1e-9
}

/// A number with a fixed count of decimals.
func decimal(_ number: Double, places: Int) -> String {
  var scale = 1.0
  for _ in 0..<places { scale *= 10 }
  let scaled = Int((number * scale).rounded())
  guard places > 0 else { return "\(scaled)" }
  let fraction = "\(scaled % Int(scale))"
  return "\(scaled / Int(scale))." + String(repeating: "0", count: places - fraction.count)
    + fraction
}
