import ContentNode
import ContentStore
import Glibc
import Networking
import Persistence
import Primitives
import Telemetry
import Testing

/// A gateway on a free loopback port over a store that holds the fixtures of
/// ipfs/gateway-conformance (MIT/Apache-2.0).
struct GatewayWorld {
  let store: BlockStore
  let gateway: ContentGateway
  let server: HTTPServer
  let address: SocketAddress

  /// What a gateway is made with beside its store.
  struct Parts: Sendable {
    var settings = GatewaySettings()
    var metrics = MetricsRegistry()
    var fetch: ContentGateway.Fetch?
    var records: (any IPNSRecords)?
    var denylist: ContentGateway.Denylist?
  }

  static let fixtures = "Vectors/gateway-conformance"

  /// The path of a file below `Tests/`.
  static func path(_ name: String) -> String {
    "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/") + "/" + name
  }

  static func json(_ name: String) -> JSONValue {
    guard let file = fopen(path(name), "r") else { fatalError("cannot open \(name)") }
    defer { fclose(file) }
    var bytes = Bytes()
    var buffer = Bytes(repeating: 0, count: 65_536)
    while case let count = fread(&buffer, 1, buffer.count, file), count > 0 {
      bytes += buffer[..<count]
    }
    return try! JSONValue(parsing: bytes)
  }

  static func write(_ bytes: Bytes, to path: String) throws {
    guard let file = fopen(path, "w") else { fatalError("cannot open \(path)") }
    defer { fclose(file) }
    #expect(fwrite(bytes, 1, bytes.count, file) == bytes.count)
  }

  /// Runs `body` with a gateway that serves; `prepare` fills the store first.
  static func with<Result: Sendable>(
    _ parts: Parts = Parts(), prepare: (BlockStore) throws -> Void = importFixtures,
    _ body: @Sendable (GatewayWorld) async throws -> Result
  ) async throws -> Result {
    var template = Array("/tmp/martlet-gateway-XXXXXX".utf8CString)
    let directory = template.withUnsafeMutableBufferPointer {
      String(cString: mkdtemp($0.baseAddress!))
    }
    defer { _ = system("rm -rf '\(directory)'") }
    let store = try BlockStore(path: directory)
    defer { store.close() }
    try prepare(store)
    let loop = try EventLoop()
    let thread = loop.start(named: "gateway-loop")
    defer {
      loop.stop()
      thread.join()
    }
    let gateway = ContentGateway(
      store: store, loop: loop, settings: parts.settings, metrics: parts.metrics,
      fetch: parts.fetch, records: parts.records, denylist: parts.denylist)
    defer { gateway.close() }
    let server = gateway.server()
    let address = try await server.listen(on: .tcp(host: "127.0.0.1", port: 0))
    let world = GatewayWorld(store: store, gateway: gateway, server: server, address: address)
    async let running: Void = server.run()
    do {
      let result = try await body(world)
      await server.shutdown(within: .milliseconds(200))
      try await running
      return result
    } catch {
      await server.shutdown(within: .zero)
      throw error
    }
  }

  static func importFixtures(into store: BlockStore) throws {
    let folder = path(fixtures)
    guard let directory = opendir(folder) else { fatalError("cannot open \(folder)") }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard name.hasSuffix(".car") else { continue }
      _ = try ContentArchive(store: store).importBlocking(path: "\(folder)/\(name)")
    }
  }

  /// Sends one request and reads the whole answer.
  func ask(
    _ target: String, _ fields: [(String, String)] = [], method: String = "GET",
    host: String = "localhost"
  ) async throws -> GatewayExchange {
    try await GatewayExchange(
      method, target, fields: fields, host: host, at: address, on: server.loop)
  }
}
