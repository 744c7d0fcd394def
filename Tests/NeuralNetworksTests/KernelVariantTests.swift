import CKernels
import Primitives
import Testing

@testable import NeuralNetworks

/// The variants that this processor can run.
let runnableVariants = (0..<UInt32(mk_variant_count)).filter {
  mk_variant_kernels(mk_variant($0)) != nil
}

func kernels(_ variant: UInt32) throws -> mk_kernels {
  try #require(mk_variant_kernels(mk_variant(variant))).pointee
}

@Suite struct KernelVariantTests {
  @Test("every variant has the golden self-test hash", arguments: runnableVariants)
  func golden(variant: UInt32) throws {
    let table = try #require(mk_variant_kernels(mk_variant(variant)))
    #expect(mk_self_test_hash(table) == mk_self_test_golden())
    #expect(mk_self_test_golden() == 0x6147_c525_8033_824b)
  }

  @Test("the kernels in use are the widest that passed")
  func active() {
    #expect(Kernels.selfTests().allSatisfy { $0.passed })
    #expect(Kernels.variantName == Kernels.selfTests().last?.variantName)
    #expect(Kernels.selfTests().first?.variantName == "portable")
  }

  @Test("Philox gives the published block", arguments: runnableVariants)
  func philox(variant: UInt32) throws {
    // Random123 1.14, kat_vectors, philox4x32 10: counter and key all zero, all ones, digits of π.
    let table = try kernels(variant)
    var block = [UInt32](repeating: 0, count: 4)
    table.philox(&block, 1, 0, 0, 0)
    #expect(block == [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8])
    table.philox(&block, 1, .max, .max, .max)
    #expect(block == [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd])
    table.philox(
      &block, 1, 0x299f_31d0_a409_3822, 0x85a3_08d3_243f_6a88, 0x0370_7344_1319_8a2e)
    #expect(block == [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1])
  }

  /// Sizes around every tile edge of every variant, and across the depth block.
  static let sizes: [(Int, Int, Int)] = [
    (1, 1, 1), (1, 10, 128), (2, 17, 3), (3, 31, 256), (4, 32, 257), (5, 33, 7), (6, 15, 64),
    (7, 16, 300), (13, 48, 1), (14, 64, 9), (15, 65, 30), (28, 8, 513), (29, 130, 5),
    (65, 129, 70), (141, 40, 11), (150, 70, 260), (32, 10, 0),
  ]

  @Test("every product equals the three plain loops bit for bit", arguments: runnableVariants)
  func products(variant: UInt32) throws {
    let table = try kernels(variant)
    var workspace = [Float](repeating: .nan, count: Int(mk_gemm_workspace_floats()))
    for (number, (m, n, k)) in Self.sizes.enumerated() {
      for flags in 0..<8 {
        let stream = PhiloxStream(seed: UInt64(number), domain: .syntheticData, index: 1)
        let values = stream.uniform(m * k + k * n + m * n + 1, scale: 2)
        let a = Array(values[..<(m * k)])
        let b = Array(values[(m * k)..<(m * k + k * n)])
        // A row stride wider than the row shows every store outside the matrix.
        let stride = n + 3
        let start = (0..<m * stride).map { values[$0 % values.count] }
        var c = start
        var expected = start
        a.withUnsafeBufferPointer { a in
          b.withUnsafeBufferPointer { b in
            let shape = mk_shape(rows: Int64(m), columns: Int64(n), depth: Int64(k))
            let left = matrix(a.baseAddress, rows: m, columns: k, transposed: flags & 1 != 0)
            let right = matrix(b.baseAddress, rows: k, columns: n, transposed: flags & 2 != 0)
            let accumulate: Int32 = flags & 4 != 0 ? 1 : 0
            table.gemm(shape, left, right, &c, Int64(stride), accumulate, &workspace)
            mk_gemm_reference(shape, left, right, &expected, Int64(stride), accumulate)
          }
        }
        #expect(c.map(\.bitPattern) == expected.map(\.bitPattern), "\(m)×\(n)×\(k) flags \(flags)")
      }
    }
  }

  private func matrix(
    _ base: UnsafePointer<Float>?, rows: Int, columns: Int, transposed: Bool
  ) -> mk_matrix {
    mk_matrix(
      base: base, row_stride: transposed ? 1 : Int64(columns),
      column_stride: transposed ? Int64(rows) : 1)
  }

  @Test("a row's result does not depend on the rows beside it")
  func batchInvariance() throws {
    let table = Kernels.active.pointee
    var workspace = [Float](repeating: 0, count: Int(mk_gemm_workspace_floats()))
    let (rows, n, k) = (37, 50, 90)
    let a = PhiloxStream(seed: 1, domain: .syntheticData, index: 1).uniform(rows * k, scale: 1)
    let b = PhiloxStream(seed: 2, domain: .syntheticData, index: 1).uniform(k * n, scale: 1)
    var whole = [Float](repeating: 0, count: rows * n)
    var single = [Float](repeating: 0, count: n)
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in
        let right = matrix(b.baseAddress, rows: k, columns: n, transposed: false)
        table.gemm(
          mk_shape(rows: Int64(rows), columns: Int64(n), depth: Int64(k)),
          matrix(a.baseAddress, rows: rows, columns: k, transposed: false), right, &whole,
          Int64(n), 0, &workspace)
        for row in 0..<rows {
          let one = mk_matrix(
            base: a.baseAddress.map { $0 + row * k }, row_stride: Int64(k), column_stride: 1)
          table.gemm(
            mk_shape(rows: 1, columns: Int64(n), depth: Int64(k)), one, right, &single, Int64(n),
            0, &workspace)
          #expect(single == Array(whole[row * n..<(row + 1) * n]))
        }
      }
    }
  }

  @Test("finite means neither NaN nor infinity, at any place", arguments: runnableVariants)
  func finite(variant: UInt32) throws {
    let table = try kernels(variant)
    for count in 1...40 {
      var x = [Float](repeating: .greatestFiniteMagnitude, count: count)
      #expect(table.all_finite(x, Int64(count)) == 1)
      for bad: Float in [.nan, -.nan, .infinity, -.infinity, .signalingNaN] {
        for place in 0..<count {
          x[place] = bad
          #expect(table.all_finite(x, Int64(count)) == 0)
          x[place] = 0
        }
      }
    }
  }
}
