internal import CKernels

/// The bit-exact arithmetic below every layer (docs/specs/mk1.md).
public enum Kernels {
  /// The version of the arithmetic; part of every task's digest.
  public static let specification = MK_SPECIFICATION

  // Points to a constant table of C; chosen once by the self-test, never changed afterwards.
  nonisolated(unsafe) static let active: UnsafePointer<mk_kernels> = mk_active()

  /// The name of the instruction set in use: it changes speed, never bits.
  public static var variantName: String { name(of: mk_active_variant()) }

  /// Runs the self-test of every variant that this processor can run.
  public static func selfTests() -> [SelfTest] {
    (0..<UInt32(mk_variant_count)).compactMap { number in
      let variant = mk_variant(number)
      guard let kernels = mk_variant_kernels(variant) else { return nil }
      return SelfTest(
        variantName: name(of: variant),
        passed: mk_passes_self_test(kernels) == 1)
    }
  }

  /// The names of the variants that this processor can run but that were refused, because their
  /// self-test differed. A line on standard error names each when the kernels are chosen.
  public static var refusedVariantNames: [String] {
    let refused = mk_refused_variants()
    return (0..<UInt32(mk_variant_count)).filter { refused >> $0 & 1 == 1 }.map {
      name(of: mk_variant($0))
    }
  }

  /// The result of one variant's self-test.
  public struct SelfTest: Equatable, Sendable {
    /// The name of the instruction set.
    public let variantName: String
    /// Whether its results have the golden hashes; a variant that fails is not used.
    public let passed: Bool
  }

  private static func name(of variant: mk_variant) -> String {
    String(cString: mk_variant_name(variant))
  }
}
