import CKernels
import Glibc
import Testing

/// The functions of mk1 §4 against the C library's in binary64.
@Suite struct ActivationTests {
  private func apply(_ kind: mk_activation, _ x: [Float], variant: UInt32) throws -> [Float] {
    var fixture = OperationFixture(mk_op_activation, [x.count, Int(kind.rawValue)])
    fixture.input(0, x)
    fixture.output(0, count: x.count)
    return try #require(fixture.results(variant: variant)[0])
  }

  /// The largest error in units in the last place of the exact value.
  private func worst(_ x: [Float], _ y: [Float], _ exact: (Double) -> Double) -> Double {
    zip(x, y).map { x, y in
      let value = exact(Double(x))
      return abs(Double(y) - value) / Double(Float(value).ulp)
    }.max() ?? .infinity
  }

  private static let line = (-20_000...20_000).map { Float($0) / 1_000 }

  @Test("tanh is within two units in the last place, near 0 too", arguments: runnableVariants)
  func tanh(variant: UInt32) throws {
    let tiny = (0..<1_000).map { Float(sign: .plus, exponent: -149 + $0 / 7, significand: 1.3) }
    let x = Self.line + tiny + tiny.map { -$0 }
    #expect(worst(x, try apply(mk_tanh, x, variant: variant), Glibc.tanh) < 2)
    let ends: [Float] = [-0.0, 0, .infinity, -.infinity, 1e30]
    #expect(bits(try apply(mk_tanh, ends, variant: variant)) == bits([-0.0, 0, 1, -1, 1]))
  }

  @Test("sigmoid is within three units in the last place", arguments: runnableVariants)
  func sigmoid(variant: UInt32) throws {
    let y = try apply(mk_sigmoid, Self.line, variant: variant)
    #expect(worst(Self.line, y) { 1 / (1 + Glibc.exp(-$0)) } < 3)
    let ends: [Float] = [-.infinity, -200, 200, .infinity]
    #expect(try apply(mk_sigmoid, ends, variant: variant) == [0, 0, 1, 1])
  }

  @Test("GELU and SiLU are accurate where their values vanish", arguments: runnableVariants)
  func gates(variant: UInt32) throws {
    let x = Self.line.filter { abs($0) < 8 }
    func gelu(_ x: Double) -> Double {
      let u = (2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)
      return x / (1 + Glibc.exp(-2 * u))
    }
    // The rounding of the exponent's argument, up to 60, is multiplied by it.
    #expect(worst(x, try apply(mk_gelu, x, variant: variant), gelu) < 130)
    #expect(worst(x, try apply(mk_silu, x, variant: variant)) { $0 / (1 + Glibc.exp(-$0)) } < 5)
  }
}
