import ContentNode
import ContentStore
import Glibc
import Networking
import Persistence
import Primitives
import Telemetry

/// A server of Kubo's RPC on a free loopback port, over a store of its own.
struct KuboWorld: Sendable {
  let store: BlockStore
  let address: SocketAddress
  let loop: EventLoop
  let client: HTTPClient

  /// What came back.
  struct Answer: Sendable {
    let status: Int
    let headers: HTTPHeaders
    let body: Bytes

    var text: String { String(decoding: body, as: UTF8.self) }

    /// The objects on its lines.
    var objects: [JSONValue] {
      text.split(separator: "\n").compactMap { try? JSONValue(parsing: Bytes($0.utf8)) }
    }
  }

  /// One part of an upload.
  struct Part: Sendable {
    var fileName: String?
    var type = "application/octet-stream"
    var content = Bytes()

    static func file(_ name: String, _ text: String) -> Part {
      Part(fileName: name, content: Bytes(text.utf8))
    }

    static func directory(_ name: String) -> Part {
      Part(fileName: name, type: "application/x-directory")
    }

    static func symlink(_ name: String, to target: String) -> Part {
      Part(fileName: name, type: "application/symlink", content: Bytes(target.utf8))
    }
  }

  /// Runs `body` with a server.
  static func with<Result: Sendable>(
    settings: KuboRPCSettings = KuboRPCSettings(), network: (any ContentNetwork)? = nil,
    own: [String: OwnWorks.Run] = [:],
    _ body: @Sendable (KuboWorld) async throws -> Result
  ) async throws -> Result {
    var template = Array("/tmp/martlet-kubo-XXXXXX".utf8CString)
    let directory = template.withUnsafeMutableBufferPointer {
      String(cString: mkdtemp($0.baseAddress!))
    }
    defer { _ = system("rm -rf '\(directory)'") }
    let store = try BlockStore(path: directory)
    defer { store.close() }
    let loop = try EventLoop()
    let thread = loop.start(named: "kubo-loop")
    defer {
      loop.stop()
      thread.join()
    }
    let pool = ComputePool(named: "kubo-client", threads: 2, queueMax: 16)
    defer { pool.stop() }
    let works = OwnWorks(loop: loop, runs: own) { ["Message": .string("\($0)"), "ExitCode": 4] }
    let rpc = KuboRPC(store: store, settings: settings, network: network, own: works)
    defer { rpc.stop() }
    let server = HTTPServer(loop: loop, handler: rpc.handler)
    let address = try await server.listen(on: .tcp(host: "127.0.0.1", port: 0))
    let world = KuboWorld(
      store: store, address: address, loop: loop, client: HTTPClient(pool: pool))
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

  private static let boundary = "4f1f2c0e9b"

  /// The body of an upload.
  static func multipart(_ parts: [Part]) -> Bytes {
    var body = Bytes()
    for part in parts {
      let name = part.fileName.map { "; filename=\"\(HTTPPercent.encode($0))\"" } ?? ""
      body += "--\(boundary)\r\nContent-Disposition: form-data; name=\"file\"\(name)\r\n".utf8
      body += "Content-Type: \(part.type)\r\n\r\n".utf8
      body += part.content
      body += "\r\n".utf8
    }
    return body + Bytes("--\(boundary)--\r\n".utf8)
  }

  /// Sends a command, with an upload if there are parts.
  func post(
    _ command: String, _ parts: [Part]? = nil, headers: HTTPHeaders = [:],
    method: HTTPMethod = .post
  ) async throws -> Answer {
    var request = HTTPClientRequest(method, "http://\(address)/api/v0/\(command)")
    request.headers = headers
    if let parts {
      request.headers.append(
        "Content-Type", "multipart/form-data; boundary=\"\(Self.boundary)\"")
      request.body = .bytes(Self.multipart(parts))
    }
    let response = try await client.send(request)
    return Answer(status: response.status, headers: response.headers, body: response.body)
  }

  /// Adds a file and returns its CID.
  func add(_ text: String, _ options: String = "") async throws -> String {
    let answer = try await post("add?\(options)", [.file("file", text)])
    return answer.objects.last?["Hash"]?.text ?? answer.text
  }

  /// Sends a command on a connection of its own and returns all that comes back.
  func raw(_ command: String) async throws -> String {
    let (loop, address) = (loop, address)
    return try await loop.perform {
      let socket = try await Socket.connect(to: address, on: loop, within: .seconds(5))
      defer { socket.close() }
      let head = "POST /api/v0/\(command) HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
      try await socket.write(Bytes(head.utf8))
      var received = Bytes()
      let deadline = loop.now.advanced(by: .seconds(20))
      while try await socket.read(appendingTo: &received, deadline: deadline) > 0 {}
      return String(decoding: received, as: UTF8.self)
    }
  }
}
