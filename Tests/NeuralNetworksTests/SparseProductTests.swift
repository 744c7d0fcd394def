import CKernels
import Primitives
import Testing

@testable import NeuralNetworks

/// Products whose second operand has many zeros leave terms out; nobody must be able to tell.
@Suite struct SparseProductTests {
  /// (rows, columns, depth) around the vectors, groups and limits of the sparse product.
  static let sizes: [(Int, Int, Int)] = [
    (784, 128, 32), (128, 16, 1), (129, 17, 31), (145, 40, 64), (143, 530, 5), (300, 33, 65),
    (127, 128, 32), (200, 15, 8),
  ]

  /// What is put among the numbers of A and B, and how many zeros B has.
  enum Content: CaseIterable {
    case ordinary, negativeZeros, allZero, infinite, notANumber, tiny, subnormal, dense
  }

  @Test(
    "products with zeros in B equal the three plain loops bit for bit", arguments: runnableVariants,
    Content.allCases)
  func products(variant: UInt32, content: Content) throws {
    let table = try kernels(variant)
    var workspace = [Float](repeating: .nan, count: Int(mk_gemm_workspace_floats()))
    for (number, (m, n, k)) in Self.sizes.enumerated() {
      let (a, b) = operands(content, m * k, k * n, seed: UInt64(number))
      for accumulate: Int32 in [0, 1] {
        let stride = n + 3
        let start = [Float](repeating: -0.0, count: m * stride)
        var (c, expected) = (start, start)
        a.withUnsafeBufferPointer { a in
          b.withUnsafeBufferPointer { b in
            let shape = mk_shape(rows: Int64(m), columns: Int64(n), depth: Int64(k))
            let left = mk_matrix(base: a.baseAddress, row_stride: 1, column_stride: Int64(m))
            let right = mk_matrix(base: b.baseAddress, row_stride: Int64(n), column_stride: 1)
            table.gemm(shape, left, right, &c, Int64(stride), accumulate, &workspace)
            mk_gemm_reference(shape, left, right, &expected, Int64(stride), accumulate)
          }
        }
        #expect(
          c.map(bits) == expected.map(bits), "\(m)×\(n)×\(k) \(content), accumulate \(accumulate)")
      }
    }
  }

  private func operands(
    _ content: Content, _ aCount: Int, _ bCount: Int, seed: UInt64
  ) -> (a: [Float], b: [Float]) {
    let stream = PhiloxStream(seed: seed, domain: .syntheticData, index: 5)
    let values = stream.uniform(aCount + bCount, scale: 2)
    var (a, b) = (Array(values[..<aCount]), Array(values[aCount...]))
    for place in b.indices where place % 8 < zerosOfEight(content) {
      b[(place &* 7) % bCount] = content == .negativeZeros ? -0.0 : 0
    }
    switch content {
    case .ordinary, .negativeZeros, .allZero, .dense: break
    case .infinite: a[aCount / 2] = -.infinity
    case .notANumber: a[aCount - 1] = .nan
    // Products that are rounded to −0, which a zero after them turns into +0.
    case .tiny: (a, b) = (a.map { $0 * 0x1p-76 }, b.map { $0 * 0x1p-74 })
    case .subnormal: a[aCount / 3] = .leastNonzeroMagnitude
    }
    return (a, b)
  }

  private func zerosOfEight(_ content: Content) -> Int {
    switch content {
    case .allZero: 8
    case .dense: 1
    default: 4
    }
  }

  /// NaNs may differ in sign and payload.
  private func bits(_ number: Float) -> UInt32 { number.isNaN ? .max : number.bitPattern }

  @Test("the tiny products of the test do meet a negative zero")
  func tinyProducts() {
    let (a, b) = operands(.tiny, 128 * 16, 16 * 16, seed: 1)
    let products = zip(a, b.filter { $0 != 0 }).map { (0 as Float).addingProduct($0, $1) }
    #expect(products.contains { $0 == 0 && $0.sign == .minus })
  }
}
