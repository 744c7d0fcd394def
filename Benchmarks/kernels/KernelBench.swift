import NeuralNetworks

/// Measures the matrix product beside OpenBLAS, in turn in one run, one thread each, in processor
/// time. `--smoke` only shows that everything works.
@main
struct KernelBench {
  static func main() {
    let isSmoke = CommandLine.arguments.contains("--smoke")
    print("kernels \(Kernels.variantName)")
    measureProducts(isSmoke: isSmoke)
  }
}
