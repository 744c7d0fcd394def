import ContentNode
import Testing

@Suite("Limits of a content node")
struct ContentNodeLimitTests {
  @Test("requests are bounded")
  func requests() {
    #expect((1...4096).contains(ContentNodeLimits.requestsMax))
  }
}
