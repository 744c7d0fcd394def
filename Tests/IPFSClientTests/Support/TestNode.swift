import ContentStore
import Glibc
import Networking
import Primitives
import Telemetry
import Testing

@testable import IPFSClient

/// A directory of its own, removed after `body`.
func withTemporaryDirectory<Result>(
  _ body: (String) async throws -> Result
) async throws -> Result {
  var template = Array("/tmp/martlet-test-XXXXXX".utf8CString)
  let path = String(cString: try #require(mkdtemp(&template)))
  defer { _ = system("rm -rf '\(path)'") }
  return try await body(path)
}

/// Bytes that are the same for the same seed.
func noise(_ count: Int, seed: UInt64 = 1) -> Bytes {
  var random = SplitMix64(seed: seed)
  return (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
}

/// Blocks by their digests, as a node keeps them.
struct TestBlocks: Sendable {
  private(set) var blocks: [Multihash: Bytes] = [:]

  mutating func add(_ block: ContentBlock) { blocks[block.cid.multihash] = block.bytes }

  mutating func add(
    file content: Bytes, layout: UnixFSLayout = UnixFSProfile.v1In2025.layout
  ) -> CID {
    var builder = UnixFSBuilder(layout)
    var built: [ContentBlock] = []
    builder.append(content, into: &built)
    let file = builder.finish(into: &built)
    for block in built { add(block) }
    return file.cid
  }

  subscript(cid: CID) -> Bytes? { cid.inlineBlock ?? blocks[cid.multihash] }
}

/// A loopback server that plays a node, honest or not.
final class TestNode: Sendable {
  /// How it misbehaves.
  enum Fault: Sendable {
    case none
    /// Blocks and archives with flipped bytes.
    case lies
    /// An archive that ends in its middle.
    case truncates
    /// An archive of good blocks that nobody asked for, without end.
    case floods
    /// A body that never ends.
    case endless
    /// A body that falls silent in its middle.
    case stalls
    /// 429 with Retry-After, so many times.
    case throttles(seconds: Int, times: Int)
    /// 500.
    case fails
    /// 404 to everything.
    case empty
    /// Never answers.
    case silent
    /// Answers after this long.
    case slow(Duration)
  }

  let blocks: Lock<TestBlocks>
  let fault: Lock<Fault>
  let requests = Lock<[String]>([])
  let pinned = Lock<Set<CID>>([])

  init(_ blocks: TestBlocks = TestBlocks(), fault: Fault = .none) {
    self.blocks = Lock(blocks)
    self.fault = Lock(fault)
  }

  func requestCount(_ part: String) -> Int {
    requests.withLock { $0.count { $0.contains(part) } }
  }

  func answer(_ request: HTTPRequest) async -> HTTPResponse {
    let target = request.path + "?" + request.head.query
    requests.withLock { $0.append(target) }
    switch fault.withLock({ $0 }) {
    case .fails: return .text(.internalError, "broken")
    case .silent: try? await Task.sleep(for: .seconds(1_000))
    case .slow(let delay): try? await Task.sleep(for: delay)
    case .throttles(let seconds, let times) where times > 0:
      fault.withLock { $0 = .throttles(seconds: seconds, times: times - 1) }
      return HTTPResponse(status: .tooManyRequests, headers: ["Retry-After": "\(seconds)"])
    case .empty where !target.contains("bafkqaaa"): return .text(.notFound, "no such block")
    case .none, .lies, .truncates, .floods, .endless, .stalls, .throttles, .empty: break
    }
    return request.path.hasPrefix("/api/v0/") ? await rpc(request) : gateway(request)
  }

  // MARK: Gateway

  private func gateway(_ request: HTTPRequest) -> HTTPResponse {
    guard request.method == .get,
      let path = try? ContentPath(parsing: request.path), request.path.hasPrefix("/ipfs/")
    else { return .text(.badRequest, "no path") }
    if request.query("format") == "raw" { return block(path.root) }
    guard request.query("format") == "car" else { return .text(.badRequest, "no format") }
    var export = DagExport.Request(path, scope: .entity)
    export.repeatsBlocks = request.query("car-dups") == "y"
    if let range = request.query("entity-bytes") {
      guard let bytes = try? EntityBytes(parsing: range) else { return .text(.badRequest, "") }
      export.bytes = bytes
    }
    return archive(export)
  }

  private func block(_ cid: CID) -> HTTPResponse {
    guard var bytes = blocks.withLock({ $0[cid] }) else { return .text(.notFound, "no block") }
    switch fault.withLock({ $0 }) {
    case .lies where !bytes.isEmpty: bytes[bytes.count / 2] ^= 1
    case .endless where !bytes.isEmpty, .floods where !bytes.isEmpty: return Self.endless
    case .stalls where !bytes.isEmpty: return Self.stalling(Bytes(bytes.prefix(bytes.count / 2)))
    default: break
    }
    return HTTPResponse(
      status: .ok, headers: ["Content-Type": "application/vnd.ipld.raw"], body: .bytes(bytes))
  }

  static let endless = HTTPResponse(
    status: .ok,
    body: .stream { writer in
      while true { try await writer.write(Bytes(repeating: 0, count: 65_536)) }
    })

  static func stalling(_ bytes: Bytes) -> HTTPResponse {
    HTTPResponse(
      status: .ok,
      body: .stream { writer in
        try await writer.write(bytes)
        try await Task.sleep(for: .seconds(1_000))
      })
  }

  private func archive(_ request: DagExport.Request) -> HTTPResponse {
    var bytes = Bytes()
    do {
      var export = try DagExport(request)
      var writer = CARWriter(roots: [request.path.root])
      bytes = writer.header.bytes
      while let cid = export.wanted {
        guard let block = blocks.withLock({ $0[cid] }) else {
          return .text(.notFound, "no block")
        }
        guard try export.supply(block) else { continue }
        writer.append(try ContentBlock(verifying: block, as: cid), to: &bytes)
      }
    } catch { return .text(.badRequest, "\(error)") }
    switch fault.withLock({ $0 }) {
    case .lies: bytes[bytes.count * 2 / 3] ^= 1
    case .truncates: bytes.removeLast(bytes.count / 3)
    case .floods: return Self.flood
    case .endless: return Self.endless
    case .stalls: return Self.stalling(Bytes(bytes.prefix(bytes.count / 2)))
    default: break
    }
    return HTTPResponse(
      status: .ok, headers: ["Content-Type": "application/vnd.ipld.car"], body: .bytes(bytes))
  }

  /// Good blocks, none of which anybody wants.
  static let flood = HTTPResponse(
    status: .ok,
    body: .stream { writer in
      var archive = CARWriter(roots: [])
      try await writer.write(archive.header.bytes)
      var number: UInt64 = 0
      while true {
        var bytes = Bytes()
        for _ in 0..<64 {
          number += 1
          archive.append(
            ContentBlock(hashing: Bytes("block \(number)".utf8), codec: .raw), to: &bytes)
        }
        try await writer.write(bytes)
      }
    })

  // MARK: RPC

  private func rpc(_ request: HTTPRequest) async -> HTTPResponse {
    guard request.method == .post else { return .text(.methodNotAllowed, "POST only") }
    let cid = request.query("arg").flatMap { try? CID(parsing: $0) }
    switch (request.path.dropFirst("/api/v0/".count), cid) {
    case ("version", _): return Self.json(["Version": "0.99.0-test"])
    case ("block/get", let cid?):
      guard blocks.withLock({ $0[cid] }) != nil else {
        return Self.failure("block was not found locally (offline): ipld: could not find \(cid)")
      }
      return block(cid)
    case ("dag/export", let cid?): return archive(DagExport.Request(ContentPath(root: cid)))
    case ("pin/add", let cid?):
      guard blocks.withLock({ $0[cid] }) != nil else {
        return Self.failure("merkledag: not found")
      }
      pinned.withLock { _ = $0.insert(cid) }
      return Self.json(["Pins": [.string("\(cid)")]])
    case ("pin/rm", let cid?):
      let wasPinned = pinned.withLock { $0.remove(cid) != nil }
      return wasPinned
        ? Self.json(["Pins": [.string("\(cid)")]])
        : Self.failure("not pinned or pinned indirectly")
    case ("dag/import", _): return await importing(request)
    default: return .text(.notFound, "404 page not found")
    }
  }

  private static func json(_ value: JSONValue) -> HTTPResponse {
    HTTPResponse(
      status: .ok, headers: ["Content-Type": "application/json"],
      body: .bytes(value.encoded() + [0x0A]))
  }

  private static func failure(_ message: String) -> HTTPResponse {
    let value: JSONValue = ["Message": .string(message), "Code": 0, "Type": "error"]
    return HTTPResponse(
      status: .internalError, headers: ["Content-Type": "application/json"],
      body: .bytes(value.encoded()))
  }

  /// Reads the one part of a form, whose bytes are an archive.
  private func importing(_ request: HTTPRequest) async -> HTTPResponse {
    guard let body = try? await request.body.collect(max: 1 << 28),
      let boundary = request.headers["Content-Type"]?.split(separator: "boundary=").last
    else { return Self.failure("no form") }
    let start = body.firstRange(of: Bytes("\r\n\r\n".utf8))?.upperBound ?? 0
    let end = body.count - "\r\n--\(boundary)--\r\n".utf8.count
    guard start > 0, end >= start, body.starts(with: "--\(boundary)\r\n".utf8),
      body[end...].elementsEqual("\r\n--\(boundary)--\r\n".utf8)
    else { return Self.failure("no part") }
    var reader = CARReader(byteCountMax: 1 << 28)
    var events: [CARReader.Event] = []
    do {
      try reader.append(Bytes(body[start..<end]), into: &events)
      try reader.finish()
    } catch { return Self.failure("\(error)") }
    guard case .header(let header)? = events.first, let root = header.roots.first else {
      return Self.failure("no root")
    }
    for case .block(let block) in events { blocks.withLock { $0.add(block) } }
    var text = Bytes()
    if request.query("pin-roots") == "true" {
      pinned.withLock { _ = $0.insert(root) }
      let value: JSONValue = ["Root": ["Cid": ["/": .string("\(root)")], "PinErrorMsg": ""]]
      text = value.encoded() + [0x0A]
    }
    let statistics: JSONValue = ["Stats": ["BlockCount": JSONValue(reader.blockCount)]]
    return HTTPResponse(status: .ok, body: .bytes(text + statistics.encoded() + [0x0A]))
  }
}

/// Serves nodes on loopback while `body` runs with their addresses `http://127.0.0.1:port`.
func withNodes<Result: Sendable>(
  _ nodes: [TestNode], _ body: @Sendable ([String]) async throws -> Result
) async throws -> Result {
  let loop = try EventLoop()
  let thread = loop.start(named: "test-nodes")
  defer {
    loop.stop()
    thread.join()
  }
  let servers = nodes.map { node in
    HTTPServer(loop: loop) { await node.answer($0) }
  }
  var urls: [String] = []
  for server in servers {
    let address = try await server.listen(on: .tcp(host: "127.0.0.1", port: 0))
    urls.append("http://\(address)")
  }
  return try await withThrowingTaskGroup(of: Void.self) { group in
    for server in servers { group.addTask { try await server.run() } }
    defer { group.cancelAll() }
    let result = try await body(urls)
    for server in servers { await server.shutdown(within: .zero) }
    return result
  }
}

extension IPFSClientConfiguration {
  /// Nodes as `rpc:…` or `gateway:…`. Only repetitions come soon: a busy machine must not look like
  /// a slow node.
  static func test(_ nodes: [String]) throws -> IPFSClientConfiguration {
    var configuration = IPFSClientConfiguration()
    configuration.nodes = try nodes.map { try NodeAddress(parsing: $0) }
    configuration.timeout = .seconds(60)
    configuration.stallTimeout = .seconds(60)
    configuration.hedging.initialDelay = .seconds(60)
    configuration.hedging.delayMax = .seconds(60)
    configuration.retry.baseDelay = .milliseconds(1)
    return configuration
  }
}

/// A client of these nodes while `body` runs.
func withClient<Result: Sendable>(
  _ nodes: [String], embedded: (any EmbeddedContentNode)? = nil,
  metrics: MetricsRegistry = MetricsRegistry(), clock: ClientClock = .system,
  adjusting: (inout IPFSClientConfiguration) -> Void = { _ in },
  _ body: (IPFSClient) async throws -> Result
) async throws -> Result {
  var configuration = try IPFSClientConfiguration.test(nodes)
  adjusting(&configuration)
  let client = IPFSClient(configuration, embedded: embedded, metrics: metrics, clock: clock)
  defer { client.close() }
  return try await body(client)
}
