import Glibc

/// cblas_sgemm of the library at hand, opened when the program runs: nothing links to it.
struct OpenBLAS {
  private typealias Product =
    @convention(c) (
      Int32, Int32, Int32, Int32, Int32, Int32, Float, UnsafePointer<Float>, Int32,
      UnsafePointer<Float>, Int32, Float, UnsafeMutablePointer<Float>, Int32
    ) -> Void
  private typealias Row =
    @convention(c) (
      Int32, Int32, Int32, Int32, Float, UnsafePointer<Float>, Int32, UnsafePointer<Float>, Int32,
      Float, UnsafeMutablePointer<Float>, Int32
    ) -> Void
  private let product: Product
  private let row: Row
  let core: String

  init?() {
    guard let library = dlopen("libopenblas.so.0", RTLD_NOW),
      let product = dlsym(library, "cblas_sgemm"), let row = dlsym(library, "cblas_sgemv"),
      let threads = dlsym(library, "openblas_set_num_threads"),
      let name = dlsym(library, "openblas_get_corename")
    else { return nil }
    unsafeBitCast(threads, to: (@convention(c) (Int32) -> Void).self)(1)
    self.product = unsafeBitCast(product, to: Product.self)
    self.row = unsafeBitCast(row, to: Row.self)
    core = String(
      cString: unsafeBitCast(name, to: (@convention(c) () -> UnsafePointer<CChar>).self)())
  }

  /// Numbers of cblas.h.
  private enum Layout {
    static let rowMajor: Int32 = 101
    static let plain: Int32 = 111
    static let transpose: Int32 = 112
  }

  /// c = a · b for row-major operands.
  func multiply(
    _ item: ProductCase, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    _ c: UnsafeMutablePointer<Float>
  ) {
    let (m, n, k) = (Int32(item.rows), Int32(item.columns), Int32(item.depth))
    product(
      Layout.rowMajor, item.transposedA ? Layout.transpose : Layout.plain,
      item.transposedB ? Layout.transpose : Layout.plain, m, n, k, 1, a,
      item.transposedA ? m : k, b, item.transposedB ? k : n, 0, c, n)
  }

  /// y = weights · x for `weights` [outputs, inputs].
  func multiply(
    weights: UnsafePointer<Float>, outputs: Int, inputs: Int, x: UnsafePointer<Float>,
    y: UnsafeMutablePointer<Float>
  ) {
    row(
      Layout.rowMajor, Layout.plain, Int32(outputs), Int32(inputs), 1, weights, Int32(inputs), x, 1,
      0, y, 1)
  }
}
