import CKernels
import Testing

@testable import NeuralNetworks

/// Numbers for the cases of a test, the same in every run.
struct CaseNumbers {
  private var words: [UInt32]
  private var next = 0

  init(seed: UInt64) {
    words = PhiloxStream(seed: seed, domain: .syntheticData, index: 2).words(4_096)
  }

  /// A number in `range`.
  mutating func pick(_ range: ClosedRange<Int>) -> Int {
    next = (next + 1) % words.count
    return range.lowerBound + Int(words[next]) % range.count
  }
}

/// Values in [-1, 1), every eighth a zero of either sign, every eleventh subnormal.
func values(_ count: Int, seed: UInt64) -> [Float] {
  var values = PhiloxStream(seed: seed, domain: .syntheticData, index: 3).uniform(
    count + 1, scale: 1)
  for index in stride(from: 0, to: count, by: 8) { values[index] = index % 16 == 0 ? 0 : -0.0 }
  for index in stride(from: 0, to: count, by: 11) { values[index] *= Float.leastNormalMagnitude }
  return values
}

/// A matrix of any strides in a buffer of its own, with gaps.
private struct StridedMatrix {
  let values: [Float]
  let rowStride, columnStride: Int

  init(rows: Int, columns: Int, numbers: inout CaseNumbers, seed: UInt64) {
    switch numbers.pick(0...2) {
    case 0: (rowStride, columnStride) = (columns + numbers.pick(0...2), 1)
    case 1: (rowStride, columnStride) = (1, rows + numbers.pick(0...2))
    default: (rowStride, columnStride) = (2 * columns + numbers.pick(0...1), 2)
    }
    let count = max(0, rows - 1) * rowStride + max(0, columns - 1) * columnStride + 1
    values = NeuralNetworksTests.values(count, seed: seed)
  }

  func withMatrix(_ body: (mk_matrix) -> Void) {
    values.withUnsafeBufferPointer {
      body(
        mk_matrix(
          base: $0.baseAddress, row_stride: Int64(rowStride), column_stride: Int64(columnStride)))
    }
  }
}

/// One product and what the plain loops make of it.
private struct ProductSample {
  let shape: mk_shape
  let a, b: StridedMatrix
  let stride: Int
  let accumulate: Int32
  let start: [Float]
  var expected: [Float]

  init(rows: Int, columns: Int, depth: Int, numbers: inout CaseNumbers, seed: UInt64) {
    shape = mk_shape(rows: Int64(rows), columns: Int64(columns), depth: Int64(depth))
    a = StridedMatrix(rows: rows, columns: depth, numbers: &numbers, seed: seed)
    b = StridedMatrix(rows: depth, columns: columns, numbers: &numbers, seed: seed + 1)
    // Wider than the row: every store outside the matrix shows.
    stride = columns + numbers.pick(0...3)
    accumulate = Int32(numbers.pick(0...1))
    start = values(rows * stride, seed: seed + 2)
    expected = start
    let (shape, stride, accumulate) = (shape, stride, accumulate)
    withOperands { a, b in
      mk_gemm_reference(shape, a, b, &expected, Int64(stride), accumulate)
    }
  }

  func withOperands(_ body: (mk_matrix, mk_matrix) -> Void) {
    a.withMatrix { a in b.withMatrix { b in body(a, b) } }
  }

  /// Whether `multiply` gives the expected bits and changes nothing beside them.
  func holds(_ multiply: (mk_matrix, mk_matrix, UnsafeMutablePointer<Float>) -> Void) -> Bool {
    var c = start
    withOperands { a, b in c.withUnsafeMutableBufferPointer { multiply(a, b, $0.baseAddress!) } }
    return c.map(\.bitPattern) == expected.map(\.bitPattern)
  }
}

@Suite struct ProductTests {
  /// Rows, columns, depth: mostly small, some across every block, one row, few columns.
  private static func sides(_ number: Int, _ numbers: inout CaseNumbers) -> (Int, Int, Int) {
    switch number % 8 {
    case 0: (1, numbers.pick(1...300), numbers.pick(0...100))
    case 1: (numbers.pick(60...150), numbers.pick(1...12), numbers.pick(0...60))
    case 2: (numbers.pick(1...20), numbers.pick(20...90), numbers.pick(300...900))
    case 3: (numbers.pick(65...120), numbers.pick(100...170), numbers.pick(1...40))
    default: (numbers.pick(1...40), numbers.pick(1...70), numbers.pick(0...60))
    }
  }

  @Test("products of any shape and strides equal the plain loops", arguments: runnableVariants)
  func anyStrides(variant: UInt32) throws {
    let table = try kernels(variant)
    var workspace = [Float](repeating: .nan, count: Int(mk_gemm_workspace_floats()))
    var numbers = CaseNumbers(seed: 41)
    for number in 0..<240 {
      let (m, n, k) = Self.sides(number, &numbers)
      let sample = ProductSample(
        rows: m, columns: n, depth: k, numbers: &numbers, seed: UInt64(3 * number))
      let isEqual = sample.holds { a, b, c in
        table.gemm(
          sample.shape, a, b, c, Int64(sample.stride), sample.accumulate, &workspace)
      }
      #expect(isEqual, "\(m)×\(n)×\(k), case \(number)")
    }
  }

  @Test("products with packed weights equal the plain loops", arguments: runnableVariants)
  func packedWeights(variant: UInt32) throws {
    let table = try kernels(variant)
    var numbers = CaseNumbers(seed: 43)
    for number in 0..<120 {
      let (m, n, k) = Self.sides(number, &numbers)
      let sample = ProductSample(
        rows: m, columns: n, depth: k, numbers: &numbers, seed: UInt64(5 * number))
      let (depth, columns) = (sample.shape.depth, sample.shape.columns)
      var packed = [Float](repeating: .nan, count: Int(mk_packed_floats(depth, columns)))
      let isEqual = sample.holds { a, b, c in
        mk_pack_weights(b, depth, columns, &packed)
        table.gemm_packed(sample.shape, a, packed, c, Int64(sample.stride), sample.accumulate)
      }
      #expect(isEqual, "\(m)×\(n)×\(k), case \(number)")
    }
  }

  @Test("one, two and three threads give the same bits", arguments: runnableVariants)
  func threads(variant: UInt32) throws {
    let table = try #require(mk_variant_kernels(mk_variant(variant)))
    let floats = Int(mk_gemm_workspace_floats())
    var numbers = CaseNumbers(seed: 47)
    // More than a million multiplications each, so that they are split: by columns and by rows.
    let sides = [(40, 300, 100), (300, 40, 100), (20, 1_100, 64), (1_100, 33, 40), (16, 72, 1_000)]
    for (number, (m, n, k)) in sides.enumerated() {
      let sample = ProductSample(
        rows: m, columns: n, depth: k, numbers: &numbers, seed: UInt64(7 * number))
      for threads in 1...3 {
        let pool = try #require(mk_pool_create(Int64(threads)))
        defer { mk_pool_destroy(pool) }
        var workspace = [Float](repeating: .nan, count: threads * floats)
        let isEqual = sample.holds { a, b, c in
          mk_gemm_threads(
            table, pool, sample.shape, a, b, c, Int64(sample.stride), sample.accumulate,
            &workspace)
        }
        #expect(isEqual, "\(m)×\(n)×\(k), \(threads) threads")
      }
    }
  }
}
