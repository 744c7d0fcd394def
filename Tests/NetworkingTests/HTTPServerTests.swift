import Glibc
import Networking
import Primitives
import Testing

/// Serves `handler` on a free loopback port while `body` runs, then shuts down.
func withServer<Result: Sendable>(
  limits: HTTPLimits = HTTPLimits(), hosts: HTTPHostPolicy = .any,
  on address: SocketAddress = .tcp(host: "127.0.0.1", port: 0), tls: TLSIdentity? = nil,
  handler: @escaping HTTPServer.Handler,
  _ body: @Sendable (HTTPServer, SocketAddress) async throws -> Result
) async throws -> Result {
  try await withLoop { loop in
    let server = HTTPServer(loop: loop, limits: limits, hosts: hosts, handler: handler)
    let bound = try await server.listen(on: address, tls: tls)
    async let running: Void = server.run()
    let result = try await body(server, bound)
    await server.shutdown(within: .milliseconds(200))
    try await running
    return result
  }
}

/// Sends raw bytes and returns everything that comes back until the server closes.
func exchange(_ text: String, with address: SocketAddress, on loop: EventLoop) async throws
  -> String
{
  try await loop.perform {
    let socket = try await Socket.connect(to: address, on: loop, within: .seconds(5))
    defer { socket.close() }
    try await socket.write(Bytes(text.utf8))
    var received = Bytes()
    let deadline = loop.now.advanced(by: .seconds(20))
    while try await socket.read(appendingTo: &received, deadline: deadline) > 0 {}
    return String(decoding: received, as: UTF8.self)
  }
}

@Suite("HTTP server")
struct HTTPServerTests {
  static let echo: HTTPServer.Handler = { request in
    do throws(HTTPBodyError) {
      let body = try await request.body.collect(max: 1_000)
      return HTTPResponse(
        status: .ok, headers: ["X-Path": request.path], body: .bytes(body))
    } catch {
      return .text(error.status, "\(error)")
    }
  }

  @Test("curl gets a response with a date, and posts lengths and chunks")
  func curl() async throws {
    try await withServer(handler: Self.echo) { _, address in
      let response = try await shell("curl -si -d hello http://\(address)/p?q")
      #expect(response.hasPrefix("HTTP/1.1 200 OK\r\nDate: "))
      #expect(response.contains("X-Path: /p\r\n"))
      #expect(response.hasSuffix("\r\n\r\nhello"))
      let chunked = try await shell(
        "printf hello | curl -s -H 'Expect: 100-continue' -T - http://\(address)/")
      #expect(chunked == "hello")
      let head = try await shell("curl -sI http://\(address)/")
      #expect(head.contains("Content-Length: 0"))
    }
  }

  @Test("pipelined requests are answered in order, and a close is kept")
  func pipelining() async throws {
    try await withServer(handler: Self.echo) { server, address in
      let first = "POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\na"
      let last = "GET /2 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
      let text = try await exchange(
        String(repeating: first, count: 50) + last, with: address, on: server.loop)
      #expect(text.components(of: "HTTP/1.1 200 OK") == 51)
      #expect(text.components(of: "X-Path: /2") == 1)
      #expect(text.contains("Connection: close"))
    }
  }

  static let refusals = [
    ("GET / HTTP/1.1\nHost: h\n\n", "400"),
    ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 20000\r\n\r\n", "413"),
    ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nxx", "400"),
    ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n", "413"),
    ("GET / HTTP/1.1\r\nHost: h\r\nX: \(String(repeating: "a", count: 17_000))", "431"),
    ("GET /slow", "408"),
  ]

  @Test("a bad request is told why and the connection ends", arguments: refusals)
  func refuses(request: String, status: String) async throws {
    var limits = HTTPLimits()
    limits.headTimeout = .milliseconds(100)
    limits.bodyGrace = .milliseconds(100)
    limits.lingerTimeout = .milliseconds(50)
    limits.bodyBytesMax = 10_000
    try await withServer(limits: limits, handler: Self.echo) { server, address in
      let text = try await exchange(request, with: address, on: server.loop)
      #expect(text.hasPrefix("HTTP/1.1 \(status) "), "\(text.prefix(200))")
      #expect(text.contains("Connection: close"))
    }
  }

  @Test("a body that trickles is refused by its rate")
  func slowBody() async throws {
    var limits = HTTPLimits()
    limits.bodyGrace = .milliseconds(50)
    limits.lingerTimeout = .milliseconds(50)
    try await withServer(limits: limits, handler: Self.echo) { server, address in
      let request = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nab"
      let text = try await exchange(request, with: address, on: server.loop)
      #expect(text.hasPrefix("HTTP/1.1 408 "))
    }
  }

  @Test("an idle connection ends, and one beyond the limit is told 503")
  func idleAndFull() async throws {
    var limits = HTTPLimits()
    limits.idleTimeout = .milliseconds(50)
    limits.connectionsMax = 0
    try await withServer(limits: limits, handler: Self.echo) { server, address in
      let text = try await exchange("", with: address, on: server.loop)
      #expect(text.hasPrefix("HTTP/1.1 503"))
    }
    limits.connectionsMax = 1
    try await withServer(limits: limits, handler: Self.echo) { server, address in
      let text = try await exchange("", with: address, on: server.loop)
      #expect(text.isEmpty)
    }
  }

  @Test(
    "a foreign Host or Origin is refused",
    arguments: [
      ("localhost", "", "200"), ("127.0.0.1:80", "", "200"), ("[::1]:80", "", "200"),
      ("evil.example", "", "403"), ("localhost.evil.example", "", "403"),
      ("localhost", "Origin: http://localhost:8080\r\n", "200"),
      ("localhost", "Origin: http://evil.example\r\n", "403"),
      ("localhost", "Origin: null\r\n", "403"), ("127.0.0.1", "Origin: http://6.6.6.6\r\n", "403"),
    ])
  func rebinding(host: String, origin: String, status: String) async throws {
    try await withServer(hosts: .localhost(), handler: Self.echo) { server, address in
      let request = "GET / HTTP/1.1\r\nHost: \(host)\r\n\(origin)Connection: close\r\n\r\n"
      let text = try await exchange(request, with: address, on: server.loop)
      #expect(text.hasPrefix("HTTP/1.1 \(status) "))
    }
  }

  @Test("a Unix socket is for its owner alone and knows it is local")
  func unixSocket() async throws {
    try await withTemporaryDirectory { directory in
      let path = directory + "/api.sock"
      try await withServer(
        on: .unix(path: path), handler: { .text(.ok, "\($0.isLocalSocket)") }
      ) { _, _ in
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
        let text = try await shell("curl -s --unix-socket '\(path)' http://localhost/")
        #expect(text == "true")
      }
      #expect(access(path, F_OK) != 0)
    }
  }

  @Test("what was written before a producer fails reaches the client, without an end")
  func failingProducer() async throws {
    struct Failure: Error {}
    try await withServer(handler: { _ in
      HTTPResponse(
        status: .ok,
        body: .stream { writer in
          try await writer.write(Bytes("half".utf8))
          throw Failure()
        })
    }) { server, address in
      let text = try await exchange(
        "GET / HTTP/1.1\r\nHost: h\r\n\r\n", with: address, on: server.loop)
      #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n"))
      #expect(text.hasSuffix("\r\n\r\n4\r\nhalf\r\n"))
    }
  }

  @Test("a shutdown ends a stream whose producer waits for ever")
  func shutdownEndsStreams() async throws {
    let forever: HTTPServer.Handler = { _ in
      HTTPResponse(
        status: .ok,
        body: .events { writer in
          try await writer.writeEvent("first")
          try await Task.sleep(for: .seconds(1_000))
        })
    }
    try await withServer(handler: forever) { server, address in
      let text = try await server.loop.perform {
        let socket = try await Socket.connect(to: address, on: server.loop, within: .seconds(5))
        defer { socket.close() }
        try await socket.write(Bytes("GET / HTTP/1.1\r\nHost: h\r\n\r\n".utf8))
        var received = Bytes()
        while !String(decoding: received, as: UTF8.self).contains("data: first") {
          guard try await socket.read(appendingTo: &received) > 0 else { break }
        }
        return String(decoding: received, as: UTF8.self)
      }
      #expect(text.contains("data: first\n\n"))
    }
  }
}

extension String {
  /// How often `part` occurs.
  func components(of part: String) -> Int { ranges(of: part).count }
}
