import Peering
import Primitives
import Testing

@Suite("Pacing of traffic")
struct TrafficPacerTests {
  private static let rate = BitRate(bitsPerSecond: 8_000_000)

  private static func tick(_ milliseconds: Int) -> Tick {
    Tick(nanoseconds: 0).advanced(by: .milliseconds(milliseconds))
  }

  @Test("what was saved up goes at once, the rest waits until it is paid")
  func debt() throws {
    var pacer = TrafficPacer(rate: Self.rate, now: Self.tick(0))
    #expect(pacer.pause(now: Self.tick(0)) == nil)
    // A megabyte a second: 100 kB are saved up, so 300 kB leave a debt of 200 ms.
    pacer.spend(300_000, now: Self.tick(0))
    let pause = try #require(pacer.pause(now: Self.tick(0)))
    #expect(abs(pause / .milliseconds(1) - 200) < 0.1)
    #expect(pacer.pause(now: Self.tick(199)) != nil)
    #expect(pacer.pause(now: Self.tick(201)) == nil)
  }

  @Test(
    "over ten seconds of greed no more goes than the rate and what was saved up", arguments: 1...5)
  func average(seed: Int) {
    var random = SplitMix64(seed: UInt64(seed))
    var pacer = TrafficPacer(rate: Self.rate, now: Self.tick(0))
    var sent = 0
    for millisecond in 0..<10_000 where pacer.pause(now: Self.tick(millisecond)) == nil {
      let bytes = Int.random(in: 1...65_536, using: &random)
      pacer.spend(bytes, now: Self.tick(millisecond))
      sent += bytes
    }
    // The last piece may be sent on credit.
    #expect(sent <= 10_000_000 + 100_000 + 65_536)
    #expect(sent >= 9_900_000)
  }

  @Test("an hour of silence saves up no more than a moment")
  func silence() {
    var pacer = TrafficPacer(rate: Self.rate, now: Self.tick(0))
    pacer.spend(200_000, now: Self.tick(3_600_000))
    #expect(pacer.pause(now: Self.tick(3_600_000)) != nil)
  }
}
