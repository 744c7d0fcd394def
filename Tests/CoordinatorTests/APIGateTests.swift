import Coordinator
import MartletClient
import Networking
import Persistence
import Primitives
import Testing

@Suite("REST authentication and limits", .serialized)
struct APIGateTests {
  private static let content = Sample.api + "/content"

  @Test("changes over TCP need a key that exists and was not revoked; the socket file needs none")
  func keys() async throws {
    let fixture = try APIFixture()
    try await fixture.run { target in
      let none = try await target.send(.post, Self.content, body: .bytes([1]))
      #expect(none.status == 401)
      #expect(none.code == "missing_key")
      #expect(none.headers["WWW-Authenticate"] == "Bearer")
      for wrong in ["mk_" + String(repeating: "0", count: 64), "", "nonsense", target.key + "0"] {
        let answer = try await target.send(.post, Self.content, key: wrong, body: .bytes([1]))
        #expect(answer.status == 401)
        #expect(answer.code == "invalid_key")
      }
      let right = try await target.send(.post, Self.content, key: target.key, body: .bytes([1]))
      #expect(right.status == 201)
      let read = try await target.send(.get, Sample.api + "/nodes", key: "mk_wrong")
      #expect(read.status == 401, "a wrong key is an error also where none is needed")
      try await target.withClient { client in
        let health = try await client.health()
        #expect(health["status"]?.text == "ok")
      }
    }
  }

  @Test("keys are stored hashed, listed without secrets, and worthless once revoked")
  func keyStore() throws {
    let fixture = try APIFixture()
    defer { fixture.remove() }
    let text = try fixture.keys.create(label: "ci")
    #expect(text.hasPrefix("mk_") && text.utf8.count == 67)
    #expect(try fixture.keys.create(label: "other") != text)
    let record = try #require(try fixture.keys.check(text))
    #expect(record.label == "ci")
    #expect(try fixture.keys.list().count == 2)
    let file = try #require(try fixture.home.read("api-keys.json", max: 1 << 20))
    let stored = String(decoding: file, as: UTF8.self)
    #expect(!stored.contains(text.dropFirst(3)))
    #expect(!record.json.text().contains(text.dropFirst(3)))
    try fixture.keys.revoke(id: record.id)
    #expect(try fixture.keys.check(text) == nil)
    #expect(throws: APIKeyError.unknown(id: record.id)) {
      try fixture.keys.revoke(id: record.id)
    }
    try fixture.home.write(Bytes("{\"keys\":[{}]}".utf8), to: "api-keys.json")
    #expect(throws: APIKeyError.self) { try fixture.keys.list() }
  }

  @Test("reads need a key too where the settings say so, but health and the page never do")
  func lockedReads() async throws {
    var settings = APISettings()
    settings.readsNeedKey = true
    try await APIFixture(settings: settings).run { target in
      let nodes = Sample.api + "/nodes"
      let locked = try await target.send(.get, nodes)
      #expect(locked.code == "missing_key")
      let open = try await target.send(.get, nodes, key: target.key)
      #expect(open.status == 200)
      for path in ["/", Sample.api + "/health", Sample.api + "/openapi.json"] {
        let answer = try await target.send(.get, path)
        #expect(answer.status == 200)
      }
    }
  }

  @Test("a printed token signs one browser in, once")
  func login() async throws {
    let fixture = try APIFixture()
    try await fixture.run { target in
      let token = await fixture.server.issueDashboardToken()
      let login = Sample.api + "/login"
      let headers: HTTPHeaders = ["Content-Type": "application/json"]
      let body = HTTPClientRequest.Body.bytes(Bytes("{\"token\":\"\(token)\"}".utf8))
      let answer = try await target.send(.post, login, headers: headers, body: body)
      #expect(answer.status == 200)
      let cookie = try #require(answer.headers["Set-Cookie"])
      #expect(cookie.contains("; HttpOnly; SameSite=Strict"))
      let pair = String(cookie.prefix { $0 != ";" })
      let upload = try await target.send(
        .post, Self.content, headers: ["Cookie": "a=b; \(pair)"], body: .bytes([1]))
      #expect(upload.status == 201)
      let forged = try await target.send(
        .post, Self.content, headers: ["Cookie": pair + "0"], body: .bytes([1]))
      #expect(forged.code == "missing_key")
      let again = try await target.send(.post, login, headers: headers, body: body)
      #expect(again.status == 401)
      #expect(again.code == "invalid_token")
    }
  }

  @Test("another site's host or origin is refused, also for reads")
  func rebinding() async throws {
    try await APIFixture().run { target in
      let health = Sample.api + "/health"
      let host = try await target.send(.get, health, headers: ["Host": "evil.example"])
      #expect(host.status == 403)
      #expect(host.code == "foreign_host")
      let origin = try await target.send(
        .post, Self.content, key: target.key, headers: ["Origin": "http://evil.example"],
        body: .bytes([1]))
      #expect(origin.status == 403)
      let own = try await target.send(.get, health, headers: ["Origin": target.base])
      #expect(own.status == 200)
    }
  }

  @Test("a caller that asks too often is told when to come back; others are not held up")
  func rateLimit() async throws {
    var settings = APISettings()
    // One token in a thousand seconds: none comes back while the test runs.
    settings.changes = APIRate(burst: 3, perSecond: 0.001)
    let fixture = try APIFixture(settings: settings)
    try await fixture.run { target in
      for _ in 0..<3 {
        let answer = try await target.send(
          .post, Self.content, key: target.key, body: .bytes([1]))
        #expect(answer.status == 201)
      }
      let refused = try await target.send(
        .post, Self.content, key: target.key, body: .bytes([1]))
      #expect(refused.status == 429)
      #expect(refused.code == "too_many_requests")
      let wait = try #require(refused.headers["Retry-After"].flatMap { Int($0) })
      #expect((900...1_000).contains(wait))
      let reads = try await target.send(.get, Sample.api + "/nodes", key: target.key)
      #expect(reads.status == 200)
      for _ in 0..<3 {
        _ = try await target.send(.post, Self.content, key: "mk_guess", body: .bytes([1]))
      }
      let guess = try await target.send(.post, Self.content, key: "mk_guess", body: .bytes([1]))
      #expect(guess.status == 429, "guessing keys is limited by address")
    }
  }
}
