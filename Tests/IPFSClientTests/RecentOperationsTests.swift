import IPFSClient
import Primitives
import Testing

@Suite("Operations of the last minute")
struct RecentOperationsTests {
  private func tick(_ seconds: Double) -> Tick { Tick(nanoseconds: UInt64(seconds * 1e9)) }

  @Test("operations count for a minute and then no more, also after a long pause")
  func window() {
    var recent = RecentOperations()
    #expect(recent.perSecond(at: tick(0)) == 0)
    for second in 0..<120 {
      recent.note(at: tick(Double(second)))
      recent.note(at: tick(Double(second) + 0.9))
    }
    #expect(recent.perSecond(at: tick(119.9)) == 2)
    #expect(recent.perSecond(at: tick(149)) == 1)
    #expect(recent.perSecond(at: tick(179)) == 0)
    // The same place of the ring an hour later holds an old count.
    recent.note(at: tick(3_719))
    #expect(recent.perSecond(at: tick(3_719)) == 1.0 / 60)
  }

  @Test("a moment before the last one noted counts nothing twice and nothing early")
  func backwards() {
    var recent = RecentOperations()
    recent.note(at: tick(100))
    #expect(recent.perSecond(at: tick(99)) == 0)
    #expect(recent.perSecond(at: tick(100)) == 1.0 / 60)
  }
}
