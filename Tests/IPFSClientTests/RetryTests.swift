import IPFSClient
import Primitives
import Testing

@Suite("Repetitions")
struct RetryTests {
  @Test("waits are drawn from zero to a doubling limit that ends", arguments: 0..<12)
  func jitter(index: Int) {
    let rule = RetryRule()
    var random = SplitMix64(seed: UInt64(index))
    let drawn = (0..<2_000).map { _ in rule.delay(before: index, using: &random) }
    let longest = min(Duration.milliseconds(100 << index), .seconds(10))
    #expect(drawn.allSatisfy { $0 >= .zero && $0 <= longest })
    // Full jitter: evenly over the whole range, so both ends are met.
    #expect(drawn.min() ?? .zero < longest / 100)
    #expect(drawn.max() ?? .zero > longest / 100 * 99)
  }

  @Test("ten percent of the requests may be repeated, beyond a reserve of ten")
  func budget() {
    var budget = RetryBudget()
    var repeated = 0
    for _ in 0..<10_000 {
      budget.noteRequest()
      if budget.takeRepetition() { repeated += 1 }
    }
    #expect((1_000...1_010).contains(repeated))
  }

  @Test("calm times save up a hundred repetitions and no more")
  func saved() {
    var budget = RetryBudget()
    for _ in 0..<1_000_000 { budget.noteRequest() }
    #expect(budget.available == 100)
    let taken = (0..<200).count { _ in budget.takeRepetition() }
    #expect(taken == 100)
  }
}
