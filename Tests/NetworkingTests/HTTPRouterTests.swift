import Networking
import Primitives
import Testing

@Suite("HTTP router")
struct HTTPRouterTests {
  static let router: HTTPRouter = {
    var router = HTTPRouter()
    router.on(.get, "/") { _, _ in .text(.ok, "root") }
    router.on(.get, "/sessions/{id}") { _, parameters in .text(.ok, "get " + parameters["id"]) }
    router.on(.delete, "/sessions/{id}") { _, parameters in .text(.ok, "gone " + parameters["id"]) }
    router.on(.get, "/sessions/new") { _, _ in .text(.ok, "new") }
    router.on(.get, "/sessions/{id}/rounds/{n}") { _, parameters in
      .text(.ok, parameters["id"] + "/" + parameters["n"])
    }
    router.on(.get, "/files/{path...}") { _, parameters in .text(.ok, parameters["path"]) }
    return router
  }()

  static let cases = [
    ("GET", "/", "200", "root"), ("GET", "/sessions/new", "200", "new"),
    ("GET", "/sessions/a%20b", "200", "get a b"), ("GET", "/sessions/new/rounds/2", "200", "new/2"),
    ("DELETE", "/sessions/x", "200", "gone x"), ("GET", "/files/a/b%2Fc", "200", "a/b/c"),
    ("GET", "/sessions", "404", ""), ("GET", "/sessions/%zz", "404", ""),
    ("GET", "/files/%2e%2e/x", "404", ""), ("GET", "/sessions/%00", "404", ""),
    ("POST", "/sessions/x", "405", "Allow: GET, DELETE"), ("HEAD", "/", "200", ""),
  ]

  @Test("a path finds its handler", arguments: cases)
  func routes(method: String, path: String, status: String, expected: String) async throws {
    try await withServer(handler: { await Self.router.answer($0) }) { server, address in
      let request = "\(method) \(path) HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
      let text = try await exchange(request, with: address, on: server.loop)
      #expect(text.hasPrefix("HTTP/1.1 \(status) "), "\(text)")
      #expect(expected.isEmpty || text.contains(expected), "\(text)")
    }
  }
}
