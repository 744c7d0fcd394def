import CKernels
import Testing

@Suite struct SelfTestTests {
  @Test("the golden hashes are those of the specification")
  func golden() {
    // docs/specs/mk1.md §9.
    #expect(mk_self_test_golden() == 0x6147_c525_8033_824b)
    #expect(
      (0..<UInt32(mk_group_count)).map { mk_operations_golden(mk_group($0)) } == [
        0x84b1_e585_7562_743c, 0xfb64_d993_a5ae_811c, 0x26a6_85a3_dba3_d7df,
        0x2941_332e_95f6_6c19, 0xb7da_3802_c062_213c, 0xfd3f_0398_0cdc_8ee3,
      ])
  }

  @Test("every variant passes the self-test of every group", arguments: runnableVariants)
  func passes(variant: UInt32) {
    let kernels = mk_variant_kernels(mk_variant(variant))
    for group in 0..<UInt32(mk_group_count) {
      #expect(mk_operations_hash(kernels, mk_group(group)) == mk_operations_golden(mk_group(group)))
    }
    #expect(mk_passes_self_test(kernels) == 1)
    #expect(mk_refused_variants() == 0)
  }

  @Test("a variant that computes something else is refused and named, and the next one used")
  func refused() throws {
    var wrong = try #require(mk_variant_kernels(mk_variant_portable)).pointee
    // A product in another order: the sum from behind, right to a few units in the last place.
    wrong.gemm = { shape, a, b, c, stride, accumulate, _ in
      guard let a = Optional(a), let c else { return }
      for i in 0..<Int(shape.rows) {
        for j in 0..<Int(shape.columns) {
          var sum = accumulate != 0 ? c[i * Int(stride) + j] : 0
          for p in (0..<Int(shape.depth)).reversed() {
            sum.addProduct(
              a.base[i * Int(a.row_stride) + p * Int(a.column_stride)],
              b.base[p * Int(b.row_stride) + j * Int(b.column_stride)])
          }
          c[i * Int(stride) + j] = sum
        }
      }
    }
    withUnsafePointer(to: wrong) { wrong in
      var candidates: [UnsafePointer<mk_kernels>?] = [
        mk_variant_kernels(mk_variant_portable), nil, wrong, nil,
      ]
      var choice = mk_choose(&candidates)
      #expect(choice.kernels == candidates[0] && choice.variant == mk_variant_portable)
      #expect(choice.refused == 1 << mk_variant_avx2.rawValue)
      candidates[0] = nil
      choice = mk_choose(&candidates)
      #expect(choice.kernels == nil)
    }
  }
}
