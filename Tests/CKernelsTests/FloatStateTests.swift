import CKernels
import Glibc
import Testing

/// A program around the kernels may have switched on flush-to-zero or another rounding.
@Suite struct FloatStateTests {
  /// Subnormal numbers and sums that round: 64 rows of a product with a bias.
  private static func products() -> OperationFixture {
    let (rows, columns, depth) = (64, 48, 40)
    var fixture = OperationFixture(mk_op_matmul, [rows, columns, depth])
    fixture.input(0, numbers(rows * depth, seed: 1).map { $0 * 1e-20 })
    fixture.input(1, numbers(depth * columns, seed: 2).map { $0 * 1e-20 })
    fixture.output(0, count: rows * columns)
    return fixture
  }

  /// Enough activations for threads to share them.
  private static func activations() -> OperationFixture {
    let count = 200_000
    var fixture = OperationFixture(mk_op_activation, [count, Int(mk_silu.rawValue)])
    fixture.input(0, numbers(count, seed: 3).map { $0 * 1e-38 })
    fixture.output(0, count: count)
    return fixture
  }

  @Test(
    "flush-to-zero and other roundings of the program around it change no bit",
    arguments: runnableVariants)
  func states(variant: UInt32) throws {
    for fixture in [Self.products(), Self.activations()] {
      let plain = fixture.results(variant: variant)
      let expected = bits(try #require(plain[0]))
      // Else the test could not fail: some results are subnormal.
      #expect(try #require(plain[0]).contains { $0.isSubnormal })
      for state in FloatState.disturbed {
        for threads in [Int64(1), 3] {
          let previous = FloatState.current
          FloatState.current = state
          let results = fixture.results(variant: variant, threads: threads)
          let after = FloatState.current
          FloatState.current = previous
          #expect(bits(try #require(results[0])) == expected, "state \(state), \(threads) threads")
          #expect(after & ~FloatState.flags == state & ~FloatState.flags, "it is not put back")
        }
      }
    }
  }
}

/// The state of floating-point arithmetic of the calling thread.
private enum FloatState {
  #if arch(x86_64)
    /// Bits of MXCSR that only report (Intel SDM 1, §10.2.3).
    static let flags: UInt32 = 0x3f
    /// Flush-to-zero with denormals-are-zero; rounding down; rounding to zero.
    static let disturbed: [UInt32] = [0x1f80 | 0x8040, 0x1f80 | 0x2000, 0x1f80 | 0x6000]

    static var current: UInt32 {
      get { environment.__mxcsr }
      set {
        var changed = environment
        changed.__mxcsr = newValue
        fesetenv(&changed)
      }
    }
  #else
    /// Nothing of FPCR only reports.
    static let flags: UInt32 = 0
    /// FZ; rounding down; rounding to zero (Arm ARM, FPCR).
    static let disturbed: [UInt32] = [1 << 24, 2 << 22, 3 << 22]

    static var current: UInt32 {
      get { environment.__fpcr }
      set {
        var changed = environment
        changed.__fpcr = newValue
        fesetenv(&changed)
      }
    }
  #endif

  private static var environment: fenv_t {
    var environment = fenv_t()
    fegetenv(&environment)
    return environment
  }
}
