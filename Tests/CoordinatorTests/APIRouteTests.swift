import Coordinator
import MartletClient
import Networking
import Primitives
import Testing

@Suite("REST routes", .serialized)
struct APIRouteTests {
  @Test("reading needs no key on this machine, and every list is there")
  func reading() async throws {
    try await APIFixture().run { target in
      let lists = [
        "/nodes": "nodes", "/jobs": "jobs", "/federated-learning/sessions": "sessions",
        "/ledger/accounts": "accounts", "/ledger/blocks": "blocks",
      ]
      for (path, name) in lists.sorted(by: { $0.key < $1.key }) {
        let answer = try await target.send(.get, Sample.api + path)
        #expect(answer.status == 200, "\(path)")
        #expect(answer.json?[name]?.elements != nil, "\(path)")
        #expect(answer.headers["Content-Type"] == "application/json")
        #expect(answer.headers["Cache-Control"] == "no-store")
      }
      let health = try await target.send(.get, Sample.api + "/health")
      #expect(health.json?["status"]?.text == "ok")
      #expect(health.json?["network"]?.text == "api-test")
    }
  }

  @Test("an order makes a session once for each idempotency key")
  func replayedOrder() async throws {
    try await APIFixture().run { target in
      let file = try await target.send(
        .post, Sample.api + "/content", key: target.key, body: .bytes(Sample.csv))
      let cid = try #require(file.json?["cid"]?.text)
      let order = Sample.order(dataset: cid).text()
      let first = try await target.post(
        Sample.sessions, order, headers: ["Idempotency-Key": "one"])
      #expect(first.status == 201)
      let id = try #require(first.json?["session_id"]?.text)
      #expect(first.headers["Location"] == "\(Sample.sessions)/\(id)")
      let second = try await target.post(
        Sample.sessions, order, headers: ["Idempotency-Key": "one"])
      #expect(second.status == 201)
      #expect(second.json?["session_id"]?.text == id)
      let other = try await target.post(
        Sample.sessions, Sample.order(dataset: cid, name: "other").text(),
        headers: ["Idempotency-Key": "one"])
      #expect(other.status == 422)
      #expect(other.code == "idempotency_key_reused")
      let all = try await target.send(.get, Sample.sessions)
      #expect(all.json?["sessions"]?.elements?.count == 1)
      let started = try await target.send(
        .post, "\(Sample.sessions)/\(id)/start", key: target.key)
      #expect(started.status == 200)
      #expect(started.json?["state"]?.text == "starting")
      let jobs = try await target.send(.get, Sample.api + "/jobs")
      #expect(jobs.json?["jobs"]?.elements?.first?["session_id"]?.text == id)
    }
  }

  @Test("what a client gets wrong has a status, a code and a hint")
  func refusals() async throws {
    try await APIFixture().run { target in
      let file = try await target.send(
        .post, Sample.api + "/content", key: target.key, body: .bytes(Sample.csv))
      let cid = try #require(file.json?["cid"]?.text)
      let missing = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
      let zero = String(repeating: "0", count: 64)
      func expect(_ answer: Answer, _ status: Int, _ code: String) {
        #expect(answer.status == status, "\(answer.text)")
        #expect(answer.code == code)
        #expect(answer.json?["message"]?.text?.isEmpty == false)
        #expect(answer.json?["hint"]?.text?.isEmpty == false)
      }
      let sessions = Sample.sessions
      expect(try await target.post(sessions, "{"), 400, "malformed_json")
      expect(try await target.post(sessions, "{\"x\":1}"), 422, "unknown_field")
      expect(try await target.post(sessions, "{}"), 422, "missing_field")
      expect(
        try await target.post(sessions, Sample.order(dataset: "nonsense").text()), 422,
        "invalid_value")
      expect(
        try await target.post(sessions, Sample.order(dataset: missing).text()), 404,
        "unknown_content")
      expect(
        try await target.post(sessions, Sample.order(dataset: cid, inputs: 5).text()), 422,
        "invalid_value")
      expect(
        try await target.send(
          .post, sessions, key: target.key, body: .bytes(Bytes("{}".utf8))), 415, "not_json")
      expect(
        try await target.post(sessions, String(repeating: " ", count: 1 << 20 + 1)), 413,
        "body_too_large")
      expect(
        try await target.send(.post, "\(sessions)/\(zero)/start", key: target.key), 404,
        "unknown_session")
      let reads: [(String, Int, String)] = [
        ("/federated-learning/sessions/\(zero)", 404, "unknown_session"),
        ("/federated-learning/sessions/\(zero)/rounds/1", 404, "unknown_session"),
        ("/federated-learning/sessions/\(zero)/model", 404, "unknown_session"),
        ("/federated-learning/sessions/\(zero)/events", 404, "unknown_session"),
        ("/federated-learning/sessions/\(zero)/receipts/1/0", 404, "unknown_session"),
        ("/federated-learning/sessions/short", 400, "malformed_id"),
        ("/content/\(missing)", 404, "unknown_content"),
        ("/content/nonsense", 400, "malformed_cid"),
        ("/ledger/blocks/7", 404, "unknown_block"),
        ("/ledger/blocks/-1", 400, "malformed_number"),
        ("/ledger/blocks?limit=101", 400, "malformed_number"),
        ("/ledger/accounts/nobody", 400, "malformed_account"),
        ("/nowhere", 404, "unknown_route"),
      ]
      for (path, status, code) in reads {
        expect(try await target.send(.get, Sample.api + path), status, code)
      }
      let wrong = try await target.send(.delete, sessions, key: target.key)
      expect(wrong, 405, "wrong_method")
      #expect(wrong.headers["Allow"] == "GET, POST")
      let all = try await target.send(.get, sessions)
      #expect(all.json?["sessions"]?.elements?.isEmpty == true, "nothing is stored half")
    }
  }

  @Test("the dashboard's files come with types, tags and a policy, the page is never kept")
  func assets() async throws {
    try await APIFixture().run { target in
      let page = try await target.send(.get, "/")
      #expect(page.status == 200)
      #expect(page.headers["Content-Type"] == "text/html; charset=utf-8")
      #expect(page.headers["Cache-Control"] == "no-store")
      #expect(page.headers["Content-Security-Policy"]?.hasPrefix("default-src 'none'") == true)
      let script = try await target.send(.get, "/app.js")
      #expect(script.headers["Content-Type"] == "text/javascript; charset=utf-8")
      let tag = try #require(script.headers["ETag"])
      let again = try await target.send(.get, "/app.js", headers: ["If-None-Match": tag])
      #expect(again.status == 304)
      #expect(again.body.isEmpty)
    }
  }

  @Test("metrics count requests by route and show the ledger")
  func metrics() async throws {
    try await APIFixture().run { target in
      _ = try await target.send(.get, Sample.api + "/ledger/blocks/9")
      for path in ["/metrics", Sample.api + "/metrics"] {
        let answer = try await target.send(.get, path)
        #expect(answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8")
        #expect(answer.text.contains("\nmartlet_ledger_height 0\n"))
        #expect(
          answer.text.contains(
            "martlet_http_requests_total{method=\"GET\","
              + "route=\"/api/v1/ledger/blocks/{height}\",status=\"404\"} 1\n"))
      }
    }
  }
}
