import CKernels
import Glibc
import Measure

/// C [rows, columns] of depth `depth`; A or B as the transpose of what lies in memory.
struct ProductCase {
  let name: String
  let rows, columns, depth: Int
  var transposedA = false
  var transposedB = false
  var operations: Double { 2 * Double(rows) * Double(columns) * Double(depth) }

  init(_ name: String, _ rows: Int, _ columns: Int, _ depth: Int, _ transposed: Character = "-") {
    (self.name, self.rows, self.columns, self.depth) = (name, rows, columns, depth)
    transposedA = transposed == "A"
    transposedB = transposed == "B"
  }

  /// The 26 products of training and inference that the bar is set for.
  static let all: [ProductCase] = [
    .init("64", 64, 64, 64), .init("128", 128, 128, 128), .init("256", 256, 256, 256),
    .init("384", 384, 384, 384), .init("512", 512, 512, 512), .init("768", 768, 768, 768),
    .init("1024", 1024, 1024, 1024), .init("mlp-forward-1", 32, 128, 784),
    .init("mlp-weights-1", 784, 128, 32, "A"), .init("mlp-forward-2", 32, 10, 128),
    .init("mlp-below-2", 32, 128, 10, "B"), .init("mlp-batch-256", 256, 512, 784),
    .init("cnn-forward-1", 8, 25_088, 9), .init("cnn-forward-2", 16, 6_272, 72),
    .init("cnn-weights-2", 16, 72, 6_272, "B"), .init("cnn-below-2", 72, 6_272, 16, "A"),
    .init("transformer-qkv", 512, 384, 128), .init("transformer-up", 512, 512, 128),
    .init("transformer-down", 512, 128, 512), .init("transformer-weights", 128, 512, 512, "A"),
    .init("transformer-below", 512, 128, 512, "B"), .init("transformer-logits", 512, 96, 128),
    .init("attention-scores", 64, 64, 32, "B"), .init("attention-values", 64, 32, 64),
    .init("row", 1, 1_024, 1_024), .init("row-transposed", 1, 4_096, 1_024, "B"),
  ]
}

/// The operands of one product, filled with fixed numbers.
final class ProductBuffers {
  let shape: mk_shape
  let left, right: mk_matrix
  let a, b, c: UnsafeMutablePointer<Float>

  init(_ item: ProductCase) {
    let (m, n, k) = (item.rows, item.columns, item.depth)
    func filled(_ count: Int, _ factor: Int) -> UnsafeMutablePointer<Float> {
      let buffer = alignedFloats(count)
      for index in 0..<count {
        buffer[index] = Float(index * factor % 2_001 - 1_000) / 1_000
      }
      return buffer
    }
    (a, b, c) = (filled(m * k, 37), filled(k * n, 53), filled(m * n, 1))
    shape = mk_shape(rows: Int64(m), columns: Int64(n), depth: Int64(k))
    left = Self.matrix(a, rows: m, columns: k, isTransposed: item.transposedA)
    right = Self.matrix(b, rows: k, columns: n, isTransposed: item.transposedB)
  }

  deinit { for buffer in [a, b, c] { buffer.deallocate() } }

  private static func matrix(
    _ base: UnsafeMutablePointer<Float>, rows: Int, columns: Int, isTransposed: Bool
  ) -> mk_matrix {
    mk_matrix(
      base: base, row_stride: isTransposed ? 1 : Int64(columns),
      column_stride: isTransposed ? Int64(rows) : 1)
  }
}

/// Uninitialised floats that begin a cache line, as the arena of a training step does.
func alignedFloats(_ count: Int) -> UnsafeMutablePointer<Float> {
  UnsafeMutableRawPointer.allocate(byteCount: max(1, count) * 4, alignment: 64)
    .bindMemory(to: Float.self, capacity: count)
}

/// How often a product is repeated in one measurement: about two milliseconds, so that many of them
/// fit between two turns of other programs.
func repeats(of operations: Double) -> Int { max(1, Int(2e8 / operations)) }

/// Measurements of each kernel.
func pairs(isSmoke: Bool) -> Int { isSmoke ? 3 : 75 }

/// The kernels to measure: AVX2 also where the processor has more if `--avx2` is given.
func chosenKernels() -> UnsafePointer<mk_kernels>? {
  CommandLine.arguments.contains("--avx2") ? mk_variant_kernels(mk_variant_avx2) : mk_active()
}

/// The bars of the products: each one, and their geometric mean.
private enum ProductBars {
  static let each = 0.95
  static let mean = 1.05
}

/// Prints one line for each of the 26 products and their geometric mean beside OpenBLAS.
func measureProducts(isSmoke: Bool) {
  guard let kernels = chosenKernels() else {
    print("gemm: this processor has no AVX2")
    return
  }
  guard let openBLAS = OpenBLAS() else {
    print("gemm: libopenblas.so.0 is not installed, nothing to compare with")
    return
  }
  print("openblas core \(openBLAS.core)")
  var logarithms = 0.0
  var count = 0.0
  for item in ProductCase.all where !isSmoke || item.operations < 1e8 {
    let times = measure(
      item, with: kernels.pointee, beside: openBLAS, pairs: pairs(isSmoke: isSmoke))
    let rate = decimal(item.operations / times.own / 1e9, places: 1)
    let shape = "\(item.rows)x\(item.columns)x\(item.depth)"
    print(
      "gemm \(item.name) \(shape) \(rate) GFLOP/s \(decimal(times.ratio, places: 2)) x openblas, "
        + "bar \(ProductBars.each) \(times.ratio >= ProductBars.each ? "met" : "missed")")
    logarithms += log(times.ratio)
    count += 1
  }
  let mean = exp(logarithms / count)
  print(
    "gemm geometric mean of \(Int(count)) \(decimal(mean, places: 3)) x openblas, "
      + "bar \(ProductBars.mean) \(mean >= ProductBars.mean ? "met" : "missed")")
}

private func measure(
  _ item: ProductCase, with kernels: mk_kernels, beside openBLAS: OpenBLAS, pairs: Int
) -> FastestTimes {
  let buffers = ProductBuffers(item)
  let other = alignedFloats(item.rows * item.columns)
  let workspace = alignedFloats(Int(mk_gemm_workspace_floats()))
  defer {
    other.deallocate()
    workspace.deallocate()
  }
  let count = repeats(of: item.operations)
  var times = FastestTimes()
  for _ in 0..<pairs {
    times.other(processorTime(count) { openBLAS.multiply(item, buffers.a, buffers.b, other) })
    times.own(
      processorTime(count) {
        kernels.gemm(
          buffers.shape, buffers.left, buffers.right, buffers.c, Int64(item.columns), 0, workspace)
      })
  }
  return times
}
