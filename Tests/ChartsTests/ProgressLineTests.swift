import Charts
import Testing

@Suite("Line of progress")
struct ProgressLineTests {
  private func text(
    _ done: UInt64, _ total: UInt64, _ seconds: Double, _ unit: ProgressLine.Unit = .bytes
  ) -> String {
    ProgressLine(done: done, total: total, seconds: seconds, unit: unit).text
  }

  @Test("bar, share, amount, rate and time left are said")
  func whole() {
    #expect(
      text(25_000_000, 100_000_000, 2)
        == "[#####...............]  25 %  25.0 MB of 100 MB  12.5 MB/s  6 s left")
    #expect(
      text(1_200, 2_400, 4, .items("blocks"))
        == "[##########..........]  50 %  1200 of 2400 blocks  300/s  4 s left")
    #expect(text(1, 100, 2, .items("files")).contains("  0.5/s  3 min 18 s left"))
  }

  @Test("the first moments say no rate, and the end no time")
  func ends() {
    #expect(text(0, 2_000, 10) == "[....................]  0 %  0 B of 2.0 kB")
    #expect(text(500, 2_000, 0.4) == "[#####...............]  25 %  500 B of 2.0 kB")
    #expect(text(2_000, 2_000, 2) == "[####################]  100 %  2.0 kB of 2.0 kB  1.0 kB/s")
    #expect(text(0, 0, 0) == "[####################]  100 %  0 B of 0 B")
  }

  @Test("no numbers break it")
  func extremes() {
    #expect(text(.max, 10, 1).contains("100 %  10 B of 10 B"))
    #expect(text(1, .max, 1e9).contains("18.4 EB"))
    #expect(text(1, .max, 1e9).contains("277777 h 46 min left"))
    #expect(text(3_600, 7_300, 1).hasSuffix("2 s left"))
    #expect(text(1, 7_261, 1).hasSuffix("2 h 1 min left"))
    #expect(text(999_500, 1_000_000, 1).contains("1.0 MB of 1.0 MB"))
  }
}
