import Charts
import Testing

@Suite("Line of progress")
struct ProgressLineTests {
  private func text(
    _ done: UInt64, _ total: UInt64?, _ rate: Double?, _ unit: ProgressLine.Unit = .bytes,
    label: String = ""
  ) -> String {
    ProgressLine(done: done, total: total, rate: rate, unit: unit, label: label).text
  }

  @Test("bar, share, amount, rate and time left are said")
  func whole() {
    #expect(
      text(25_000_000, 100_000_000, 12_500_000)
        == "[#####...............]  25 %  25.0 MB of 100 MB  12.5 MB/s  6 s left")
    #expect(
      text(1_200, 2_400, 300, .items("blocks"))
        == "[##########..........]  50 %  1200 of 2400 blocks  300/s  4 s left")
    #expect(text(1, 100, 0.5, .items("files")).contains("  0.5/s  3 min 18 s left"))
    #expect(
      text(5, 10, nil, label: "packing")
        == "packing  [##########..........]  50 %  5 B of 10 B")
  }

  @Test("work of unknown size has an amount and a rate, and no bar")
  func unknown() {
    #expect(text(2_000_000, nil, 1_000_000) == "2.0 MB  1.0 MB/s")
    #expect(text(7, nil, nil, .items("blocks")) == "7 blocks")
  }

  @Test("without a rate no time is said, nor at the end")
  func ends() {
    #expect(text(500, 2_000, nil) == "[#####...............]  25 %  500 B of 2.0 kB")
    #expect(text(500, 2_000, 0).hasSuffix("500 B of 2.0 kB  0 B/s"))
    #expect(
      text(2_000, 2_000, 1_000) == "[####################]  100 %  2.0 kB of 2.0 kB  1.0 kB/s")
    #expect(text(0, 0, nil) == "[####################]  100 %  0 B of 0 B")
  }

  @Test("what takes longer than its bytes says so")
  func least() {
    func text(_ done: UInt64, _ secondsMin: Double) -> String {
      ProgressLine(done: done, total: 100, rate: 10, unit: .bytes, secondsMin: secondsMin).text
    }
    #expect(text(50, 2).hasSuffix("10 B/s  5 s left"))
    #expect(text(50, 90).hasSuffix("1 min 30 s left"))
    #expect(text(100, 90).hasSuffix("1 min 30 s left"))
    #expect(text(100, 0).hasSuffix("10 B/s"))
  }

  @Test("no numbers break it")
  func extremes() {
    #expect(text(.max, 10, 1).contains("100 %  10 B of 10 B"))
    #expect(text(1, .max, 1e-9).contains("18.4 EB"))
    #expect(text(1, .max, 1e-9).contains("277777 h 46 min left"))
    #expect(text(3_600, 7_300, 3_600).hasSuffix("2 s left"))
    #expect(text(1, 7_261, 1).hasSuffix("2 h 1 min left"))
    #expect(text(999_500, 1_000_000, 1).contains("1.0 MB of 1.0 MB"))
  }
}

@Suite("Rate of work")
struct ProgressRateTests {
  private func rate(_ counts: [(done: UInt64, seconds: Double)]) -> Double? {
    var rate = ProgressRate()
    for (done, seconds) in counts { rate.note(done, at: seconds) }
    return rate.perSecond
  }

  private func moments(
    _ numbers: ClosedRange<Int>, _ moment: (Int) -> (done: UInt64, seconds: Double)
  ) -> [(done: UInt64, seconds: Double)] { numbers.map(moment) }

  @Test("the first moments say nothing")
  func first() {
    #expect(rate([]) == nil)
    #expect(rate([(0, 10)]) == nil)
    #expect(rate([(100, 0.4)]) == nil)
    #expect(rate([(100, 0.5)]) == 200)
  }

  @Test("only the last seconds count")
  func recent() {
    // A start from a cache, then a slow disk.
    let slow = moments(0...100) { (1_000_000 + UInt64($0) * 10, 1 + Double($0) / 5) }
    #expect(rate(slow) == 50)
  }

  @Test("steps that are rarer than the window still have a rate")
  func rare() {
    let steps: [(UInt64, Double)] = [(0, 1), (256, 20), (256, 22), (512, 40), (512, 41)]
    #expect(rate(steps) == 12.8)
  }

  @Test("the rate falls while nothing is done")
  func stalled() throws {
    let moving = moments(1...50) { (UInt64($0) * 20, Double($0) / 5) }
    #expect(try abs(#require(rate(moving)) - 100) < 0.001)
    let stalled = try #require(rate(moving + [(1_000, 60)]))
    #expect(stalled < 12)
    #expect(try #require(rate(moving + [(1_000, 60), (1_000, 600)])) < 2)
  }

  @Test("any number of moments costs the same")
  func many() throws {
    let all = moments(1...10_000) { (UInt64($0), Double($0) / 1_000) }
    let perSecond = try #require(rate(all))
    #expect(abs(perSecond - 1_000) < 1)
  }
}
