import ContentStore
import Primitives
import Telemetry
import Testing

@testable import IPFSClient

/// A node in this process, over blocks in memory.
final class TestEmbedded: EmbeddedContentNode {
  let blocks = Lock(TestBlocks())
  let pinned = Lock<Set<CID>>([])

  func block(_ cid: CID) async throws -> Bytes? { blocks.withLock { $0[cid] } }
  func store(_ block: ContentBlock) async throws { blocks.withLock { $0.add(block) } }
  func pin(_ cid: CID, name: String) async throws { pinned.withLock { _ = $0.insert(cid) } }
  func unpin(_ cid: CID) async throws -> Bool { pinned.withLock { $0.remove(cid) != nil } }
}

@Suite("Uploads and pins")
struct UploadTests {
  static let content = DownloadTests.content
  static let cid = DownloadTests.honest.cid

  @Test("bytes, text and files get the CID that they have here, and are pinned unless told not to")
  func upload() async throws {
    let node = TestNode()
    try await withNodes([node]) { urls in
      try await withClient(["rpc:\(urls[0])"]) { client in
        let seen = Lock<UInt64>(0)
        let result = await client.uploadContent(
          .bytes(Self.content), filename: "weights",
          progress: { sent, _ in seen.withLock { $0 = sent } })
        #expect(result.error == nil && result.cid == Self.cid)
        #expect(result.size == UInt64(Self.content.count) && result.metadata.isPinned)
        #expect(result.metadata.filename == "weights")
        #expect(seen.withLock { $0 } == result.size)
        #expect(node.pinned.withLock { $0 } == [Self.cid])
        let text = await client.uploadContent(.text("Hello PRSM IPFS!"), pin: false)
        #expect(text.success && !text.metadata.isPinned)
        #expect(node.pinned.withLock { $0.count } == 1)
        let back = await client.downloadContent(text.cid?.text ?? "")
        #expect(back.metadata.content == Bytes("Hello PRSM IPFS!".utf8))
        try await withTemporaryDirectory { directory in
          try DownloadTests.write(Self.content, to: directory + "/file")
          let file = await client.uploadContent(.file(path: directory + "/file"))
          #expect(file.cid == Self.cid && file.metadata.path == directory + "/file")
          let none = await client.uploadContent(.file(path: directory))
          guard case .file = none.error else {
            Issue.record("\(none.error as Any)")
            return
          }
        }
      }
    }
  }

  @Test("an embedded node comes first, and gateways take nothing")
  func embedded() async throws {
    let embedded = TestEmbedded()
    let gateway = TestNode()
    try await withNodes([gateway]) { urls in
      try await withClient(["gateway:\(urls[0])"], embedded: embedded) { client in
        let result = await client.uploadContent(.bytes(Self.content))
        #expect(result.cid == Self.cid && result.metadata.nodes == ["embedded"])
        #expect(embedded.pinned.withLock { $0 } == [Self.cid])
        let back = await client.downloadContent(Self.cid.text)
        #expect(back.metadata.content == Self.content)
        #expect(gateway.requests.withLock { $0.isEmpty })
      }
      try await withClient(["gateway:\(urls[0])"]) { client in
        let result = await client.uploadContent(.text("x"))
        #expect(result.error == .noNode(.write))
      }
    }
  }

  @Test("an upload goes to the next node when one fails, and too much is refused")
  func uploadFailover() async throws {
    let (bad, good) = (TestNode(fault: .fails), TestNode())
    try await withNodes([bad, good]) { urls in
      try await withClient(["rpc:\(urls[0])", "rpc:\(urls[1])"]) { client in
        let result = await client.uploadContent(.bytes(Self.content))
        #expect(result.cid == Self.cid && result.metadata.nodes == [client.name(of: 1)])
        #expect(good.pinned.withLock { $0 } == [Self.cid])
      }
      try await withClient(
        ["rpc:\(urls[1])"], adjusting: { $0.contentSizeMax = ByteCount(3) }
      ) { client in
        let result = await client.uploadContent(.text("four"))
        #expect(result.error == .tooLarge(size: 4, max: 3))
      }
    }
  }

  @Test("pins wait while all nodes are down, and are set when one comes back")
  func queuedPins() async throws {
    let node = TestNode(DownloadTests.honest.blocks, fault: .fails)
    try await withNodes([node]) { urls in
      let registry = MetricsRegistry()
      try await withClient(["rpc:\(urls[0])"], metrics: registry) { client in
        let result = await client.pin(Self.cid, name: "model")
        #expect(result.error == .pinQueued(Self.cid) && !result.success)
        #expect(client.queuedPins.map(\.cid) == [Self.cid])
        #expect(registry.prometheusText().contains("ipfs_pins_queued 1"))
        _ = await client.healthCheck()
        #expect(client.queuedPins.count == 1)
        node.fault.withLock { $0 = .none }
        let report = await client.healthCheck()
        #expect(client.queuedPins.isEmpty)
        #expect(node.pinned.withLock { $0 } == [Self.cid])
        #expect(report.nodes[0].version == "0.99.0-test")
        let removed = await client.unpin(Self.cid)
        #expect(removed.success && node.pinned.withLock { $0.isEmpty })
        let again = await client.unpin(Self.cid)
        #expect(again.error == .notFound(Self.cid))
      }
    }
  }

  @Test("a pin of what the node cannot find is an answer and does not wait")
  func absentPin() async throws {
    try await withNodes([TestNode()]) { urls in
      try await withClient(["rpc:\(urls[0])"]) { client in
        let result = await client.pin(Self.cid)
        #expect(result.error == .notFound(Self.cid) && client.queuedPins.isEmpty)
      }
    }
  }

  @Test("health: one probe a node, each in its own way")
  func health() async throws {
    let nodes = [TestNode(), TestNode(), TestNode(fault: .fails)]
    try await withNodes(nodes) { urls in
      let registry = MetricsRegistry()
      let addresses = ["rpc:\(urls[0])", "gateway:\(urls[1])", "gateway:\(urls[2])"]
      try await withClient(addresses, metrics: registry) { client in
        for _ in 0..<3 { _ = await client.healthCheck() }
        let report = HealthReport(nodes: client.nodeStatus())
        #expect(report.nodes.map(\.health) == [.healthy, .healthy, .unhealthy])
        #expect(report.status == .degraded && report.healthyCount == 2)
        #expect(nodes[0].requestCount("/api/v0/version") == 3)
        #expect(nodes[1].requestCount("/ipfs/bafkqaaa?format=raw") == 3)
        let text = registry.prometheusText()
        #expect(text.contains("ipfs_node_health{node=\"\(report.nodes[0].name)\"} 1\n"))
        #expect(text.contains("ipfs_node_health{node=\"\(report.nodes[2].name)\"} 0\n"))
      }
    }
  }
}
