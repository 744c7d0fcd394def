import Cryptography
import Testing

@testable import UsefulWork

@Suite struct SamplePlanTests {
  private let beacon = SHA256.hash([1])
  private let work = SHA256.hash([2])

  @Test("a full audit takes every segment once", arguments: [0, 1, 2, 13, 500])
  func full(total: Int) {
    let plan = SamplePlan(beacon: beacon, workRoot: work, total: total, rate: SamplePlan.fullAudit)
    #expect(plan.segments == Array(0..<total))
  }

  @Test("the number of samples is the rate, rounded up", arguments: [(1, 1), (250_000, 5), (0, 0)])
  func count(rate: UInt32, expected: Int) {
    let plan = SamplePlan(beacon: beacon, workRoot: work, total: 20, rate: rate)
    #expect(plan.segments.count == expected)
    #expect(Set(plan.segments).count == expected)
    #expect(plan.segments == plan.segments.sorted())
  }

  @Test("beacon and commitment both move the sample")
  func binding() {
    let plan = SamplePlan(beacon: beacon, workRoot: work, total: 1_000, rate: 10_000)
    #expect(plan == SamplePlan(beacon: beacon, workRoot: work, total: 1_000, rate: 10_000))
    let others = [
      SamplePlan(beacon: work, workRoot: work, total: 1_000, rate: 10_000),
      SamplePlan(beacon: beacon, workRoot: beacon, total: 1_000, rate: 10_000),
    ]
    #expect(!others.contains(plan))
  }

  @Test("every segment is drawn about equally often")
  func uniform() {
    var hits = [Int](repeating: 0, count: 10)
    for draw in UInt8(0)..<250 {
      let plan = SamplePlan(
        beacon: SHA256.hash([3, draw]), workRoot: work, total: 10, rate: 200_000)
      for segment in plan.segments { hits[segment] += 1 }
    }
    // 500 draws over 10 places: mean 50, standard deviation below 6.4; five of them either way.
    #expect(hits.allSatisfy { (18...82).contains($0) })
  }

  @Test("the miss probability is (1 - φ)^s")
  func miss() {
    let plan = SamplePlan(beacon: beacon, workRoot: work, total: 12, rate: 250_000)
    #expect(plan.segments.count == 3)
    #expect(plan.missProbability(falseFraction: 0.5) == 0.125)
    #expect(plan.missProbability(falseFraction: 1) == 0)
  }

  @Test("a rate is a fraction from 0 to 1")
  func rate() {
    #expect(SamplePlan.partsPerMillion(0.25) == 250_000)
    #expect(SamplePlan.partsPerMillion(1) == SamplePlan.fullAudit)
    for wrong in [-0.1, 1.1, .nan, .infinity] { #expect(SamplePlan.partsPerMillion(wrong) == nil) }
  }
}
