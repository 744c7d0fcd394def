import CKernels
import FoundationEssentials
import Testing

@testable import NeuralNetworks

#if canImport(Glibc)
  import Glibc
#endif

@Suite struct ElementwiseTests {
  private let table = Kernels.active.pointee

  @Test("exp is within one unit in the last place of the exact value")
  func exponential() {
    let x = (0..<40_001).map { Float($0 - 20_000) / 1_000 }
    var y = [Float](repeating: 0, count: x.count)
    table.exponential(&y, x, Int64(x.count))
    var worst = 0.0
    for (x, y) in zip(x, y) {
      let exact = Glibc.exp(Double(x))
      worst = max(worst, abs(Double(y) - exact) / Double(Float(exact).ulp))
    }
    #expect(worst < 1)
  }

  @Test("exp ends in the least subnormal or +0 below and in infinity above")
  func exponentialEnds() {
    let x: [Float] = [-200, -104, -103, -90, 0, 88, 89, 1_000, -.infinity, .infinity]
    var y = [Float](repeating: -1, count: x.count)
    table.exponential(&y, x, Int64(x.count))
    #expect(y[0] == y[1] && y[8] == y[1] && y[1] >= 0 && y[1] <= Float.leastNonzeroMagnitude)
    #expect(y[2].isSubnormal && y[3].isSubnormal && y[4] == 1)
    #expect(y[5].isFinite && y[6] == .infinity && y[7] == .infinity && y[9] == .infinity)
  }

  @Test("log is within one unit in the last place of the exact value")
  func logarithm() {
    let x = (1...40_000).map { Float($0) * 0.013 }
    var y = [Float](repeating: 0, count: x.count)
    table.logarithm(&y, x, Int64(x.count))
    var worst = 0.0
    for (x, y) in zip(x, y) where abs(x - 1) > 0.01 {
      let exact = Glibc.log(Double(x))
      worst = max(worst, abs(Double(y) - exact) / Double(Float(exact).ulp))
    }
    #expect(worst < 1)
  }

  @Test("a sum is that of sixteen lanes folded 8, 4, 2, 1", arguments: [0, 1, 15, 16, 17, 100])
  func sum(count: Int) {
    let x = PhiloxStream(seed: 9, domain: .syntheticData, index: 0).uniform(count, scale: 1)
    var lanes = [Float](repeating: 0, count: 16)
    for (index, value) in x.enumerated() { lanes[index % 16] += value }
    for width in [8, 4, 2, 1] { for lane in 0..<width { lanes[lane] += lanes[lane + width] } }
    #expect(table.sum(x, Int64(count)) == lanes[0])
  }

  @Test("ties in a classification go to the lowest class")
  func ties() {
    let logits: [Float] = [1, 3, 3, 0, 0, 0, -1, -2, -1]
    var losses = [Float](repeating: 0, count: 3)
    var best = [Int32](repeating: -1, count: 3)
    table.classify(logits, &losses, &best, [1, 0, 0], 3, 3)
    #expect(best == [1, 0, 0])
    #expect(abs(losses[1] - Glibc.log(Float(3))) < 1e-6)
  }

  @Test("a loss is finite however wrong the logits are")
  func extremeLogits() {
    var logits: [Float] = [1e30, -1e30, 0, 500, -500, 0]
    var losses = [Float](repeating: 0, count: 2)
    table.softmax_cross_entropy(&logits, &losses, [1, 1], 2, 3, 1)
    #expect(losses[1] == 1_000 && losses[0] == 2e30)
    #expect(logits == [1, -1, 0, 1, -1, 0])
  }
}
