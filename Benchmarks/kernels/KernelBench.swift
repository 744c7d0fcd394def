import NeuralNetworks

/// Measures the matrix product beside OpenBLAS, in turn in one run, one thread each, in processor
/// time. `--avx2` measures the AVX2 kernels of a processor that has more, `--threads` only two
/// threads beside one; `--smoke` only shows that everything works.
@main
struct KernelBench {
  static func main() {
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
  }
}
