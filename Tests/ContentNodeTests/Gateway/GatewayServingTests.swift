import ContentNode
import ContentStore
import Networking
import Persistence
import Primitives
import Telemetry
import Testing

@Suite("Serving content")
struct GatewayServingTests {
  private static let multiblock = "bafybeigcisqd7m5nf3qmuvjdbakl5bdnh4ocrmacaqkpuh77qjvggmt2sa"
  private static let hello = "bafkreifjjcie6lypi6ny7amxnfftagclbuxndqonfipmb64f2km2devei4"

  @Test("a large file and its archive come through whole")
  func large() async throws {
    let content = Bytes((0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 7) })
    var builder = UnixFSBuilder()
    var blocks: [ContentBlock] = []
    builder.append(content, into: &blocks)
    let root = builder.finish(into: &blocks).cid
    let stored = blocks
    try await GatewayWorld.with(prepare: { try Self.put(stored, into: $0) }) { world in
      let file = try await world.ask("/ipfs/\(root)")
      #expect(file.status == 200 && file.body == content)
      #expect(file["Content-Type"] == "application/octet-stream")
      let part = try await world.ask("/ipfs/\(root)", [("Range", "bytes=1048570-3200000")])
      #expect(part.body.elementsEqual(content[1_048_570...3_200_000]))
      let archive = try await world.ask("/ipfs/\(root)?format=car&car-dups=y")
      var reader = CARReader(byteCountMax: 1 << 24)
      var events: [CARReader.Event] = []
      try reader.append(archive.body, into: &events)
      try reader.finish()
      #expect(events.count == stored.count + 1)
    }
  }

  private static func put(_ blocks: [ContentBlock], into store: BlockStore) throws {
    var archive = CARWriter(roots: [blocks[blocks.count - 1].cid])
    var bytes = archive.header.bytes
    for block in blocks { archive.append(block, to: &bytes) }
    let path = "\(store.path)/import.car"
    try GatewayWorld.write(bytes, to: path)
    _ = try ContentArchive(store: store).importBlocking(path: path)
  }

  @Test("a directory of more names than a page holds says so")
  func cutListing() async throws {
    var parts = GatewayWorld.Parts()
    parts.settings.listedEntriesMax = 2
    try await GatewayWorld.with(parts) { world in
      let root = "bafybeihchr7vmgjaasntayyatmp5sv6xza57iy2h4xj7g46bpjij6yhrmy"
      let page = try await world.ask("/ipfs/\(root)/").text
      #expect(page.contains(">ascii.txt<") && !page.contains(">hello.txt<"))
      #expect(page.contains("these are the first 2"))
    }
  }

  @Test("names cannot break out of a listing")
  func hostileNames() async throws {
    let name = "<script>alert('x')</script>\"&.txt"
    let file = ContentBlock(hashing: Bytes("x".utf8), codec: .raw)
    let link = DagPBLink(cid: file.cid, name: Bytes(name.utf8), tsize: 1 << 62)
    let data = UnixFSData(kind: .directory, fileSize: nil).encoded()
    let folder = ContentBlock(
      hashing: DagPBNode(links: [link], data: data).encoded(), codec: .dagPB)
    try await GatewayWorld.with(prepare: { try Self.put([file, folder], into: $0) }) { world in
      let page = try await world.ask("/ipfs/\(folder.cid)/").text
      #expect(!page.contains("<script>"))
      #expect(page.contains("&lt;script&gt;"))
      let target = "/ipfs/\(folder.cid)/\(HTTPPercent.encode(name))"
      #expect(page.contains(target))
      #expect(try await world.ask(target).text == "x")
    }
  }

  @Test("what the operator does not serve is 410, or 451 where the law says so")
  func denylist() async throws {
    var parts = GatewayWorld.Parts()
    parts.denylist = { cid in
      switch "\(cid)" {
      case Self.hello: .legal(reason: "order 12")
      case Self.multiblock: .refused(reason: "spam")
      default: nil
      }
    }
    let root = "bafybeihchr7vmgjaasntayyatmp5sv6xza57iy2h4xj7g46bpjij6yhrmy"
    try await GatewayWorld.with(parts) { world in
      for target in [
        "\(Self.hello)?format=raw", "\(root)/hello.txt", "\(root)/hello.txt?format=car",
      ] {
        let answer = try await world.ask("/ipfs/\(target)")
        #expect(answer.status == 451 && answer.text.contains("order 12"))
      }
      let answer = try await world.ask("/ipfs/\(Self.multiblock)")
      #expect(answer.status == 410 && answer.text.contains("spam"))
      #expect(try await world.ask("/ipfs/\(root)/ascii.txt").status == 200)
      let archive = try await world.ask("/ipfs/\(root)?format=car")
      #expect(archive.isBroken && !archive.text.contains("hello world"))
    }
  }

  @Test("a missing block is fetched, and what comes is checked")
  func fetching() async throws {
    let missing = ContentBlock(hashing: Bytes("fetched from a peer".utf8), codec: .raw)
    let wrong = ContentBlock(hashing: Bytes("something else".utf8), codec: .raw)
    let broken = ContentBlock(hashing: Bytes("no answer".utf8), codec: .raw)
    let unknown = ContentBlock(hashing: Bytes("nobody has it".utf8), codec: .raw)
    struct NoAnswer: Error {}
    var parts = GatewayWorld.Parts()
    parts.fetch = { cid in
      if cid == missing.cid { return missing.bytes }
      if cid == wrong.cid { return missing.bytes }
      if cid == broken.cid { throw NoAnswer() }
      throw ContentError.missingBlock(cid)
    }
    try await GatewayWorld.with(parts) { world in
      #expect(try await world.ask("/ipfs/\(missing.cid)").text == "fetched from a peer")
      #expect(try await world.ask("/ipfs/\(missing.cid)?format=car").status == 200)
      let only = [("Cache-Control", "only-if-cached")]
      #expect(try await world.ask("/ipfs/\(missing.cid)", only).status == 412)
      for cid in [wrong.cid, broken.cid] {
        let answer = try await world.ask("/ipfs/\(cid)?format=raw")
        #expect(answer.status == 502 && answer["Retry-After"] != nil)
      }
      #expect(try await world.ask("/ipfs/\(unknown.cid)?format=raw").status == 404)
    }
  }

  @Test("a fetch that does not end is given up")
  func slowFetch() async throws {
    let missing = ContentBlock(hashing: Bytes("late".utf8), codec: .raw)
    var parts = GatewayWorld.Parts()
    parts.settings.retrievalTime = .milliseconds(20)
    parts.fetch = { _ in
      try await Task.sleep(for: .seconds(1_000))
      return missing.bytes
    }
    try await GatewayWorld.with(parts) { world in
      let answer = try await world.ask("/ipfs/\(missing.cid)?format=raw")
      #expect(answer.status == 504 && answer["Retry-After"] != nil)
    }
  }

  @Test("more requests than may be under way are told to come again")
  func busy() async throws {
    var parts = GatewayWorld.Parts()
    parts.settings.requestsMax = 0
    try await GatewayWorld.with(parts) { world in
      let answer = try await world.ask("/ipfs/\(Self.hello)")
      #expect(answer.status == 429 && answer["Retry-After"] == "5")
    }
    parts.settings.requestsMax = 1
    try await GatewayWorld.with(parts) { world in
      for _ in 0..<5 {
        let answer = try await world.ask("/ipfs/\(Self.multiblock)")
        #expect(answer.status == 200)
      }
    }
  }

  @Test("a response ends when its time is over")
  func responseTime() async throws {
    var parts = GatewayWorld.Parts()
    parts.settings.responseTime = .zero
    try await GatewayWorld.with(parts) { world in
      let answer = try await world.ask("/ipfs/\(Self.multiblock)")
      #expect(answer.isBroken)
    }
  }

  /// A file of 64 MiB of which only one leaf is stored: each link leads to it.
  private static func repeated() -> [ContentBlock] {
    let leaf = ContentBlock(hashing: Bytes(repeating: 7, count: 1 << 20), codec: .raw)
    let size = UInt64(leaf.bytes.count)
    let data = UnixFSData(
      kind: .file, fileSize: 64 * size, blockSizes: Array(repeating: size, count: 64))
    let links = Array(repeating: DagPBLink(cid: leaf.cid, tsize: size), count: 64)
    let node = DagPBNode(links: links, data: data.encoded())
    return [leaf, ContentBlock(hashing: node.encoded(), codec: .dagPB)]
  }

  @Test("a client that takes nothing is read no more for, and one that leaves frees its place")
  func slowClient() async throws {
    let blocks = Self.repeated()
    let root = blocks[1].cid
    let fetched = Lock(0)
    var parts = GatewayWorld.Parts()
    parts.settings.requestsMax = 1
    parts.fetch = { _ in
      fetched.withLock { $0 += 1 }
      return blocks[0].bytes
    }
    try await GatewayWorld.with(parts, prepare: { try Self.put([blocks[1]], into: $0) }) { world in
      let loop = world.server.loop
      try await loop.perform {
        let socket = try await Socket.connect(
          to: world.address, on: loop, within: .seconds(5))
        defer { socket.close() }
        try await socket.write(Bytes("GET /ipfs/\(root) HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
        // As long as it may take to read ahead of a client, were that done.
        try await loop.sleep(for: .seconds(1))
      }
      let count = fetched.withLock { $0 }
      #expect((1..<48).contains(count), "\(count) of 64 blocks were read")
      var answer = try await world.ask("/ipfs/\(root)?format=raw")
      while answer.status == 429 {
        try await Task.sleep(for: .milliseconds(20))
        answer = try await world.ask("/ipfs/\(root)?format=raw")
      }
      #expect(answer.status == 200)
    }
  }

  @Test("names that were made to lead here are refused")
  func rebinding() async throws {
    var parts = GatewayWorld.Parts()
    parts.settings.hostNames = ["content.example"]
    try await GatewayWorld.with(parts) { world in
      for host in ["localhost:1", "127.0.0.1", "[::1]:80", "content.example"] {
        let answer = try await world.ask("/ipfs/\(Self.hello)", host: host)
        #expect(answer.status == 200)
      }
      let answer = try await world.ask("/ipfs/\(Self.hello)", host: "evil.example")
      #expect(answer.status == 403)
    }
  }

  @Test("requests are counted by format and status, and the bytes of bodies")
  func metrics() async throws {
    var parts = GatewayWorld.Parts()
    let registry = MetricsRegistry()
    parts.metrics = registry
    try await GatewayWorld.with(parts) { world in
      _ = try await world.ask("/ipfs/\(Self.hello)?format=raw")
      _ = try await world.ask("/ipfs/\(Self.hello)")
      _ = try await world.ask("/ipfs/\(Self.hello)", method: "HEAD")
      _ = try await world.ask("/ipfs/nothing")
    }
    let text = registry.prometheusText()
    for line in [
      "martlet_gateway_requests_total{format=\"raw\",status=\"200\"} 1",
      "martlet_gateway_requests_total{format=\"deserialized\",status=\"200\"} 2",
      "martlet_gateway_requests_total{format=\"error\",status=\"400\"} 1",
      "martlet_gateway_response_bytes_total{format=\"raw\"} 12",
      "martlet_gateway_response_bytes_total{format=\"deserialized\"} 12",
    ] {
      #expect(text.contains(line), "\(line) in \(text)")
    }
  }

  @Test("names are not found without records")
  func withoutRecords() async throws {
    try await GatewayWorld.with { world in
      let name = "/ipns/k51qzi5uqu5dlvj2baxnqndepeb86cbk3ng7n3i46uzyxzyqj2xjonzllnv0v8"
      for target in [name, "\(name)?format=ipns-record"] {
        let answer = try await world.ask(target)
        #expect(answer.status == 404)
      }
    }
  }
}
