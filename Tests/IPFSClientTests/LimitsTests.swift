import IPFSClient
import Testing

@Suite("Limits of an IPFS client")
struct IPFSClientLimitTests {
  @Test("nodes are bounded")
  func nodes() {
    #expect((5...1024).contains(IPFSClientLimits.nodesMax))
  }
}
