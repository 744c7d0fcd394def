import Networking
import Primitives
import Telemetry
import Testing

@Suite("HTTP client")
struct HTTPClientTests {
  static let handler: HTTPServer.Handler = { request in
    switch request.path {
    case "/echo":
      do throws(HTTPBodyError) {
        let body = try await request.body.collect(max: 10_000_000)
        return HTTPResponse(status: .created, headers: ["X-One": "1"], body: .bytes(body))
      } catch {
        return .text(error.status, "\(error)")
      }
    case "/slow":
      try? await Task.sleep(for: .seconds(1_000))
      return .text(.ok, "late")
    case "/from":
      return .text(.ok, "\(request.remoteAddress)")
    case "/stalls":
      return HTTPResponse(
        status: .ok,
        body: .events { writer in
          try await writer.writeEvent("one")
          try await Task.sleep(for: .seconds(1_000))
        })
    default:
      return await TLSTests.handler(request)
    }
  }

  static func withClient<Result: Sendable>(
    _ body: @Sendable (HTTPClient, String) async throws -> Result
  ) async throws -> Result {
    let pool = ComputePool(named: "client", threads: 2, queueMax: 8)
    defer { pool.stop() }
    return try await withServer(handler: handler) { _, address in
      try await body(HTTPClient(pool: pool), "http://\(address)")
    }
  }

  @Test("a body goes out and comes back, whole or pulled piece by piece")
  func bodies() async throws {
    try await Self.withClient { client, base in
      let body = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
      var request = HTTPClientRequest(.post, base + "/echo")
      request.body = .bytes(body)
      let response = try await client.send(request)
      #expect(response.status == 201 && response.headers["x-one"] == "1")
      #expect(response.body == body)

      let position = Lock(0)
      request.body = .stream(length: nil) { countMax in
        position.withLock { start in
          let end = min(start + countMax, body.count)
          defer { start = end }
          return Array(body[start..<end])
        }
      }
      let received = Lock(Bytes())
      let streamed = try await client.send(request) { piece in
        received.withLock { $0 += piece }
      }
      #expect(streamed.body.isEmpty)
      #expect(received.withLock { $0 } == body)
    }
  }

  @Test("events come one by one")
  func events() async throws {
    try await Self.withClient { client, base in
      let events = Lock<[ServerSentEvent]>([])
      _ = try await client.events(of: HTTPClientRequest(.get, base + "/events")) { event in
        events.withLock { $0.append(event) }
      }
      let expected = (1...3).map { ServerSentEvent(name: "n", data: "\($0)\nline") }
      #expect(events.withLock { $0 } == expected)
    }
  }

  @Test("too large, too late, refused, cancelled and malformed have their own errors")
  func failures() async throws {
    try await Self.withClient { client, base in
      var large = HTTPClientRequest(.get, base + "/large")
      large.responseBytesMax = 1_000
      await #expect(throws: HTTPClientError.responseTooLarge(max: 1_000)) {
        try await client.send(large)
      }
      var slow = HTTPClientRequest(.get, base + "/slow")
      slow.timeout = .milliseconds(50)
      await #expect(throws: HTTPClientError.timedOut(slow.url)) { try await client.send(slow) }
      slow.timeout = nil
      let waiting = Task { [slow] in try await client.send(slow) }
      waiting.cancel()
      await #expect(throws: HTTPClientError.cancelled) { try await waiting.value }
      let refused = HTTPClientRequest(.get, "http://127.0.0.1:1/")
      await #expect(throws: HTTPClientError.unreachable(refused.url)) {
        try await client.send(refused)
      }
      await #expect(throws: HTTPClientError.malformedURL("file:///etc/passwd")) {
        try await client.send(HTTPClientRequest(.get, "file:///etc/passwd"))
      }
    }
  }

  @Test("a connection is kept for the next request, and not for one whose body could be lost")
  func keptConnection() async throws {
    try await Self.withClient { client, base in
      let request = HTTPClientRequest(.get, base + "/from")
      let first = try await client.send(request).body
      #expect(try await client.send(request).body == first)
      var post = request
      post.body = .bytes([1])
      #expect(try await client.send(post).body != first)
    }
  }

  @Test("a server that falls silent is given up, and so is a reader who leaves")
  func silence() async throws {
    try await Self.withClient { client, base in
      var stalled = HTTPClientRequest(.get, base + "/stalls")
      stalled.timeout = nil
      stalled.stallTimeout = .milliseconds(100)
      await #expect(throws: HTTPClientError.timedOut(stalled.url)) {
        try await client.send(stalled)
      }
      stalled.stallTimeout = nil
      var late = HTTPClientRequest(.get, base + "/slow")
      (late.timeout, late.answerTimeout) = (nil, .milliseconds(100))
      await #expect(throws: HTTPClientError.timedOut(late.url)) { try await client.send(late) }
      let pieces = Lock(0)
      let waiting = Task { [stalled] in
        try await client.send(stalled) { _ in pieces.withLock { $0 += 1 } }
      }
      while pieces.withLock({ $0 }) == 0 { await Task.yield() }
      waiting.cancel()
      await #expect(throws: HTTPClientError.cancelled) { try await waiting.value }
    }
  }

  @Test("a socket file takes the place of the host")
  func unixSocket() async throws {
    try await withTemporaryDirectory { directory in
      let path = directory + "/api.sock"
      let pool = ComputePool(named: "client", threads: 1, queueMax: 1)
      defer { pool.stop() }
      let status = try await withServer(on: .unix(path: path), handler: Self.handler) { _, _ in
        var request = HTTPClientRequest(.put, "http://localhost/echo")
        request.unixSocketPath = path
        return try await HTTPClient(pool: pool).send(request).status
      }
      #expect(status == 201)
    }
  }

  @Test("an event stream is the same however it is cut", arguments: 1...12)
  func eventPieces(piece: Int) throws {
    let text = Bytes(
      ": hi\r\nid: 7\r\ndata: a\r\ndata:b\r\n\r\n\nevent: x\ndata\n\nevent: lost\n\n".utf8)
    var decoder = ServerSentEventDecoder()
    var events: [ServerSentEvent] = []
    for start in stride(from: 0, to: text.count, by: piece) {
      events += try decoder.feed(Array(text[start..<min(start + piece, text.count)]))
    }
    #expect(
      events == [
        ServerSentEvent(data: "a\nb", id: "7"), ServerSentEvent(name: "x", data: "", id: "7"),
      ])
  }

  @Test("an event without end is refused")
  func endlessEvent() {
    var decoder = ServerSentEventDecoder()
    #expect(throws: ServerSentEventError.eventTooLarge(max: 1 << 20)) {
      try decoder.feed(Bytes(repeating: 0x61, count: (1 << 20) + 1))
    }
  }
}
