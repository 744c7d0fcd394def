import CKernels
import Glibc
import Measure

/// cblas_sgemm of the library at hand, opened when the program runs: nothing links to it.
private struct OpenBLAS {
  typealias Product =
    @convention(c) (
      Int32, Int32, Int32, Int32, Int32, Int32, Float, UnsafePointer<Float>, Int32,
      UnsafePointer<Float>, Int32, Float, UnsafeMutablePointer<Float>, Int32
    ) -> Void
  let product: Product
  let core: String

  init?() {
    guard let library = dlopen("libopenblas.so.0", RTLD_NOW),
      let product = dlsym(library, "cblas_sgemm"),
      let threads = dlsym(library, "openblas_set_num_threads"),
      let name = dlsym(library, "openblas_get_corename")
    else { return nil }
    unsafeBitCast(threads, to: (@convention(c) (Int32) -> Void).self)(1)
    self.product = unsafeBitCast(product, to: Product.self)
    core = String(
      cString: unsafeBitCast(name, to: (@convention(c) () -> UnsafePointer<CChar>).self)())
  }
}

/// C [rows, columns] of depth `depth`; A or B as the transpose of what lies in memory.
private struct ProductCase {
  let name: String
  let rows, columns, depth: Int
  var transposedA = false
  var transposedB = false
  var operations: Double { 2 * Double(rows) * Double(columns) * Double(depth) }
}

private let cases: [ProductCase] = [
  .init(name: "128", rows: 128, columns: 128, depth: 128),
  .init(name: "192", rows: 192, columns: 192, depth: 192),
  .init(name: "256", rows: 256, columns: 256, depth: 256),
  .init(name: "384", rows: 384, columns: 384, depth: 384),
  .init(name: "512", rows: 512, columns: 512, depth: 512),
  .init(name: "768", rows: 768, columns: 768, depth: 768),
  .init(name: "1024", rows: 1024, columns: 1024, depth: 1024),
  .init(name: "mlp-forward-1", rows: 32, columns: 128, depth: 784),
  .init(name: "mlp-weights-1", rows: 784, columns: 128, depth: 32, transposedA: true),
  .init(name: "mlp-forward-2", rows: 32, columns: 10, depth: 128),
  .init(name: "mlp-weights-2", rows: 128, columns: 10, depth: 32, transposedA: true),
  .init(name: "mlp-below-2", rows: 32, columns: 128, depth: 10, transposedB: true),
]

/// Prints one line for each case, with AVX2 also where the processor has more if `--avx2` is given.
func measureProducts(isSmoke: Bool) {
  let isAVX2 = CommandLine.arguments.contains("--avx2")
  guard let table = isAVX2 ? mk_variant_kernels(mk_variant_avx2) : mk_active() else {
    print("gemm: this processor has no AVX2")
    return
  }
  guard let openBLAS = OpenBLAS() else {
    print("gemm: libopenblas.so.0 is not installed, nothing to compare with")
    return
  }
  print("openblas core \(openBLAS.core)")
  for item in cases where !isSmoke || item.operations < 1e8 {
    measure(item, with: table.pointee, beside: openBLAS, pairs: isSmoke ? 3 : 25)
  }
}

private func measure(
  _ item: ProductCase, with kernels: mk_kernels, beside openBLAS: OpenBLAS, pairs: Int
) {
  let (m, n, k) = (item.rows, item.columns, item.depth)
  let buffers = [m * k, k * n, m * n, m * n, Int(mk_gemm_workspace_floats())].map {
    UnsafeMutablePointer<Float>.allocate(capacity: $0)
  }
  defer { for buffer in buffers { buffer.deallocate() } }
  let (a, b, c, d) = (buffers[0], buffers[1], buffers[2], buffers[3])
  for index in 0..<m * k { a[index] = Float(index * 37 % 2_001 - 1_000) / 1_000 }
  for index in 0..<k * n { b[index] = Float(index * 53 % 2_001 - 1_000) / 1_000 }
  let left = matrix(a, rows: m, columns: k, transposed: item.transposedA)
  let right = matrix(b, rows: k, columns: n, transposed: item.transposedB)
  let shape = mk_shape(rows: Int64(m), columns: Int64(n), depth: Int64(k))
  // About ten milliseconds a measurement.
  let repeats = max(1, Int(1e9 / item.operations))
  let (rowMajor, plain, transpose): (Int32, Int32, Int32) = (101, 111, 112)
  var comparison = Comparison()
  for pair in 0...pairs {
    let other = processorTime(repeats) {
      openBLAS.product(
        rowMajor, item.transposedA ? transpose : plain, item.transposedB ? transpose : plain,
        Int32(m), Int32(n), Int32(k), 1, a, Int32(item.transposedA ? m : k), b,
        Int32(item.transposedB ? k : n), 0, d, Int32(n))
    }
    let own = processorTime(repeats) {
      kernels.gemm(shape, left, right, c, Int64(n), 0, buffers[4])
    }
    if pair > 0 { comparison.add(own: own, other: other) }
  }
  let rate = decimal(item.operations / comparison.median / 1e9, places: 1)
  print("gemm \(item.name) \(rate) GFLOP/s \(comparison.ratio(to: "openblas"))")
}

private func matrix(
  _ base: UnsafeMutablePointer<Float>, rows: Int, columns: Int, transposed: Bool
) -> mk_matrix {
  mk_matrix(
    base: base, row_stride: transposed ? 1 : Int64(columns),
    column_stride: transposed ? Int64(rows) : 1)
}
