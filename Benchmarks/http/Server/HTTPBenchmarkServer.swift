import Glibc
import Networking
import Primitives
import Telemetry

/// Answers a health request with 100 bytes of JSON, with every limit and timeout on, from one loop
/// thread; the other side of the comparison is nginx serving the same bytes.
@main
struct HTTPBenchmarkServer {
  private static let body: Bytes = {
    let start = Bytes(#"{"status":"ok","version":"benchmark","pad":""#.utf8)
    return start + Bytes(repeating: UInt8(ascii: "x"), count: 98 - start.count) + Bytes("\"}".utf8)
  }()

  nonisolated static func main() async throws {
    let arguments = CommandLine.arguments
    let port = arguments.count > 1 ? UInt16(arguments[1]) ?? 0 : 0
    var identity: TLSIdentity?
    if arguments.count > 3 {
      identity = try TLSIdentity(certificateFile: arguments[2], keyFile: arguments[3])
    }
    let loop = try EventLoop()
    loop.start(named: "http-benchmark").detach()
    let server = HTTPServer(loop: loop, hosts: .localhost()) { request in
      await answer(request)
    }
    let address = try await server.listen(on: .tcp(host: "127.0.0.1", port: port), tls: identity)
    print("listening on \(address)")
    fflush(nil)
    try await server.run()
  }

  private nonisolated(nonsending) static func answer(_ request: HTTPRequest) async -> HTTPResponse {
    switch (request.method, request.path) {
    case (.get, "/health"):
      return HTTPResponse(
        status: .ok, headers: ["Content-Type": "application/json"], body: .bytes(body))
    case (.put, "/sink"):
      return await sink(request)
    default:
      return .text(.notFound, "there is only /health and /sink\n")
    }
  }

  /// Counts a streamed upload, holding one piece at a time.
  private nonisolated(nonsending) static func sink(_ request: HTTPRequest) async -> HTTPResponse {
    var count = 0
    do {
      while let chunk = try await request.body.nextChunk() { count += chunk.count }
    } catch {
      return .text(.badRequest, "\(error)\n")
    }
    return .text(.ok, "\(count)\n")
  }
}
