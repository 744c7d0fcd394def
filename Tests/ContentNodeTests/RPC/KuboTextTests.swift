import ContentStore
import Primitives
import Testing

@testable import ContentNode

@Suite("Times and spans as Go writes them")
struct KuboTextTests {
  static let times: [(Int64, UInt32, String)] = [
    (0, 0, "1970-01-01T00:00:00Z"), (951_782_400, 0, "2000-02-29T00:00:00Z"),
    (1_234_567_890, 120_000_000, "2009-02-13T23:31:30.12Z"), (-1, 0, "1969-12-31T23:59:59Z"),
    (253_402_300_799, 999_999_999, "9999-12-31T23:59:59.999999999Z"),
    (-62_135_596_800, 0, "0001-01-01T00:00:00Z"), (.max, 0, "0001-01-01T00:00:00Z"),
    (.min, 0, "0001-01-01T00:00:00Z"),
  ]

  @Test("times are RFC 3339 in UTC", arguments: times)
  func time(seconds: Int64, nanoseconds: UInt32, text: String) throws {
    #expect(KuboTime.text(UnixFSTime(seconds: seconds, nanoseconds: nanoseconds)) == text)
  }

  @Test("spans are read as Go's time.ParseDuration reads them")
  func spans() {
    #expect(GoDuration.parse("24h") == .seconds(86_400))
    #expect(GoDuration.parse("1h2m3.5s") == .milliseconds(3_723_500))
    #expect(GoDuration.parse("1µs500ns") == .nanoseconds(1_500))
    #expect(GoDuration.parse("0") == .zero)
    for text in ["", "h", "1", "1x", "-1s", "1h-", "1e99h", "9999999999h", "٣s", "1..2s"] {
      #expect(GoDuration.parse(text) == nil, "\(text)")
    }
  }

  @Test("spans are written as Go's Duration.String writes short ones")
  func written() {
    #expect(GoDuration.text(.milliseconds(1_500)) == "1.5s")
    #expect(GoDuration.text(.microseconds(20_250)) == "20.25ms")
    #expect(GoDuration.text(.nanoseconds(1_001)) == "1.001µs")
    #expect(GoDuration.text(.nanoseconds(7)) == "7ns")
    #expect(GoDuration.text(.zero) == "0s")
  }
}
