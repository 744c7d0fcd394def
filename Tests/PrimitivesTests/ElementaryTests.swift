import Primitives
import Testing

@Suite("Elementary functions")
struct ElementaryTests {
  @Test("logarithm and exponential agree with the C library's to the last digits")
  func elementary() {
    // Values of Python 3.11's math module.
    let logarithms: [(Double, Double)] = [
      (1, 0), (2, 0.6931471805599453), (0.1, -2.3025850929940455), (1e300, 690.7755278982137),
      (3.7, 1.308332819650179), (0.999, -0.0010005003335835344),
      (.leastNonzeroMagnitude, -744.4400719213812),
    ]
    for (x, expected) in logarithms {
      #expect(abs(Elementary.logarithm(x) - expected) <= 3e-16 * max(1e-3, abs(expected)), "\(x)")
    }
    let exponentials: [(Double, Double)] = [
      (0, 1), (1, 2.718281828459045), (-1.5, 0.22313016014842982), (700, 1.0142320547350045e304),
      (-740, 85 * .leastNonzeroMagnitude),
      (-0.3, 0.7408182206817179), (709.7, 1.6549840276802644e308),
    ]
    for (x, expected) in exponentials {
      let error = abs(Elementary.exponential(x) - expected)
      #expect(error <= 4e-16 * expected + .leastNonzeroMagnitude, "\(x)")
    }
    #expect(Elementary.logarithm(0) == -.infinity && Elementary.logarithm(-1).isNaN)
    #expect(Elementary.exponential(710) == .infinity && Elementary.exponential(-746) == 0)
    #expect(abs(Elementary.power(7, -1.2) - 0.09680155905721158) < 1e-16)
  }

  @Test("the binary logarithm is exact for powers of two and right to the last digits else")
  func binaryLogarithm() {
    for exponent in [-1_074, -1_022, -3, -1, 0, 1, 2, 10, 1_023] {
      let power = Double(sign: .plus, exponent: exponent, significand: 1)
      #expect(Elementary.binaryLogarithm(power) == Double(exponent))
    }
    // Values of Python 3.11's math module.
    let logarithms: [(Double, Double)] = [
      (1e-9, -29.897352853986263), (0.3, -1.7369655941662063), (1.99, 0.9927684307689242),
      (7, 2.807354922057604), (1e12, 39.863137138648355),
    ]
    for (x, expected) in logarithms {
      #expect(abs(Elementary.binaryLogarithm(x) - expected) <= 4e-16 * abs(expected), "\(x)")
    }
    #expect(Elementary.binaryLogarithm(0) == -.infinity && Elementary.binaryLogarithm(-1).isNaN)
  }
}
