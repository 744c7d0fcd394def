import ContentStore
import Glibc
import Primitives
import Telemetry
import Testing

@testable import IPFSClient

@Suite("Downloads")
struct DownloadTests {
  /// Five leaves and a root.
  static let content = noise(4_700_000)
  static let honest: (blocks: TestBlocks, cid: CID) = {
    var blocks = TestBlocks()
    let cid = blocks.add(file: content)
    return (blocks, cid)
  }()

  @Test(
    "a file comes from a gateway or an RPC node, in memory, the same",
    arguments: ["gateway", "rpc"])
  func memory(kind: String) async throws {
    let node = TestNode(Self.honest.blocks)
    try await withNodes([node]) { urls in
      try await withClient(["\(kind):\(urls[0])"]) { client in
        let seen = Lock<[UInt64]>([])
        let result = await client.downloadContent(
          Self.honest.cid.text, progress: { received, _ in seen.withLock { $0.append(received) } },
          verifyIntegrity: false)
        #expect(result.error == nil && result.success)
        #expect(result.metadata.content == Self.content)
        #expect(result.size == UInt64(Self.content.count))
        #expect(result.cid == Self.honest.cid)
        let progress = seen.withLock { $0 }
        #expect(progress == progress.sorted() && progress.last == result.size)
        // The root as a block, all else as one stream.
        #expect(node.requests.withLock { $0.count } == 2)
      }
    }
  }

  @Test("small files, inline ones, dag-pb leaves, repeated leaves and paths come too")
  func shapes() async throws {
    var blocks = TestBlocks()
    let zeros = Bytes(repeating: 0, count: 4_000_000)
    let files = [
      blocks.add(file: [1, 2, 3]): Bytes([1, 2, 3]), blocks.add(file: []): [],
      blocks.add(file: zeros): zeros,
      blocks.add(file: Self.content, layout: UnixFSProfile.v0In2015.layout): Self.content,
      CID.v1(.raw, .identity([9])): [9],
    ]
    var directory = UnixFSDirectoryBuilder()
    let leaf = ContentBlock(hashing: [5], codec: .raw)
    try directory.add(UnixFSEntry(name: Bytes("a b".utf8), cid: leaf.cid, tsize: 1))
    var built = [leaf]
    let root = try directory.finish(into: &built).cid
    for block in built { blocks.add(block) }
    for kind in ["gateway", "rpc"] {
      try await withNodes([TestNode(blocks)]) { urls in
        try await withClient(["\(kind):\(urls[0])"]) { client in
          for (cid, content) in files {
            let result = await client.downloadContent(cid.text)
            #expect(result.metadata.content == content, "\(kind) \(cid) \(result.error as Any)")
          }
          let named = await client.downloadContent("/ipfs/\(root)/a b")
          #expect(named.metadata.content == [5])
          let whole = await client.downloadContent(root.text)
          #expect(whole.error == .content(.notAFile(root, found: "a directory")))
        }
      }
    }
  }

  @Test("a file is written beside its path and renamed, and an interrupted one goes on by block")
  func resumed() async throws {
    try await withTemporaryDirectory { directory in
      let path = directory + "/model"
      // What an earlier download left: three good leaves, the fourth damaged.
      var partial = Bytes(Self.content.prefix(4 << 20))
      partial[(3 << 20) + 5] ^= 1
      try Self.write(partial, to: path + ".partial")
      let node = TestNode(Self.honest.blocks)
      try await withNodes([node]) { urls in
        try await withClient(["gateway:\(urls[0])"]) { client in
          let result = await client.downloadContent(Self.honest.cid.text, outputPath: path)
          #expect(result.error == nil && result.metadata.content == nil)
          let written = try Self.read(path)
          #expect(written == Self.content)
          #expect(access(path + ".partial", F_OK) != 0)
          // Only the last two leaves were fetched beside the root.
          #expect(node.requestCount("format=raw") == 3 && node.requestCount("format=car") == 0)
        }
      }
    }
  }

  @Test("what another file left behind is not believed, and two do not write one file")
  func foreignPartial() async throws {
    try await withTemporaryDirectory { directory in
      let path = directory + "/model"
      try Self.write(noise(5_000_000, seed: 9), to: path + ".partial")
      try await withNodes([TestNode(Self.honest.blocks)]) { urls in
        try await withClient(["gateway:\(urls[0])"]) { client in
          let held = try PartialFile(path: path)
          let busy = await client.downloadContent(Self.honest.cid.text, outputPath: path)
          #expect(busy.error == .fileBusy(path: path))
          withExtendedLifetime(held) {}
        }
        try await withClient(["gateway:\(urls[0])"]) { client in
          let result = await client.downloadContent(Self.honest.cid.text, outputPath: path)
          #expect(result.error == nil)
          let written = try Self.read(path)
          #expect(written == Self.content)
          let nowhere = await client.downloadContent(
            Self.honest.cid.text, outputPath: directory + "/none/model")
          guard case .file = nowhere.error else {
            Issue.record("\(nowhere.error as Any)")
            return
          }
        }
      }
    }
  }

  @Test("the cache answers the second time, and what nobody has is not asked for twice")
  func cached() async throws {
    let node = TestNode(Self.honest.blocks)
    try await withNodes([node]) { urls in
      let registry = MetricsRegistry()
      try await withClient(["gateway:\(urls[0])"], metrics: registry) { client in
        for _ in 0..<3 {
          let result = await client.downloadContent(Self.honest.cid.text)
          #expect(result.metadata.content == Self.content)
        }
        #expect(node.requests.withLock { $0.count } == 2)
        let absent = ContentBlock(hashing: [1, 1], codec: .raw).cid
        for _ in 0..<3 {
          let result = await client.downloadContent(absent.text)
          #expect(result.error == .notFound(absent))
        }
        #expect(node.requests.withLock { $0.count } == 3)
        // A node is no worse for saying that it does not have something.
        let status = client.nodeStatus()[0]
        #expect(status.lies == 0 && status.breakers.allSatisfy { $0.state == "closed" })
        let text = registry.prometheusText()
        for line in [
          "ipfs_operations_total{operation=\"download\",status=\"success\"} 3",
          "ipfs_operations_total{operation=\"download\",status=\"error\"} 3",
          "ipfs_operation_duration_seconds_count{operation=\"download\"} 6",
          "# TYPE ipfs_operation_duration_seconds histogram",
          "ipfs_cache_hits_total 2", "ipfs_node_health{node=\"127.0.0.1:",
        ] { #expect(text.contains(line), "\(line) in \(text)") }
      }
    }
  }

  @Test("content that is too large for memory, or no CID at all, is refused")
  func refused() async throws {
    try await withNodes([TestNode(Self.honest.blocks)]) { urls in
      try await withClient(
        ["gateway:\(urls[0])"], adjusting: { $0.contentSizeMax = ByteCount(1_000_000) }
      ) { client in
        let result = await client.downloadContent(Self.honest.cid.text)
        #expect(result.error == .content(.tooLarge(Self.honest.cid, limit: 1_000_000)))
        let none = await client.downloadContent("nothing")
        guard case .content = none.error else {
          Issue.record("\(none.error as Any)")
          return
        }
        #expect(none.cid == nil && !none.success)
      }
    }
  }

  static func write(_ bytes: Bytes, to path: String) throws {
    let file = try #require(fopen(path, "w"))
    defer { fclose(file) }
    #expect(fwrite(bytes, 1, bytes.count, file) == bytes.count)
  }

  static func read(_ path: String) throws -> Bytes {
    let file = try OpenFile(path)
    return try file.read(Int(file.size), at: 0)
  }
}
