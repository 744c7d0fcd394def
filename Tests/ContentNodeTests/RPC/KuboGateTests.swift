import ContentNode
import Networking
import Primitives
import Testing

@Suite("Who may use Kubo's RPC")
struct KuboGateTests {
  @Test("only POST is served, and preflights are answered")
  func methods() async throws {
    try await KuboWorld.with { world in
      let get = try await world.post("version", method: .get)
      #expect(get.status == 405)
      #expect(get.text == "405 - Method Not Allowed\n")
      #expect(get.headers["Allow"] == "OPTIONS, POST")
      let preflight = try await world.post(
        "version", headers: ["Origin": "http://\(world.address)"], method: .options)
      #expect(preflight.status == 204)
      #expect(preflight.headers["Access-Control-Allow-Origin"] == "http://\(world.address)")
    }
  }

  @Test("pages of other sites are refused by Origin, Referer or their silence")
  func origins() async throws {
    var settings = KuboRPCSettings()
    settings.allowedOrigins = ["https://friend.example"]
    try await KuboWorld.with(settings: settings) { world in
      let cases: [(HTTPHeaders, Int)] = [
        ([:], 200), (["Origin": "https://friend.example"], 200),
        (["Origin": "http://\(world.address)"], 200), (["Origin": "https://evil.example"], 403),
        (["Referer": "https://evil.example/page?x=https://friend.example"], 403),
        (["Referer": "https://friend.example/page"], 200),
        (["User-Agent": "Mozilla/5.0"], 403), (["User-Agent": "curl/8"], 200),
      ]
      for (headers, status) in cases {
        let answer = try await world.post("version", headers: headers)
        #expect(answer.status == status, "\(headers)")
        if status == 403 { #expect(answer.text == "403 - Forbidden\n") }
      }
    }
  }

  @Test("with a key, nothing is answered without it")
  func key() async throws {
    var settings = KuboRPCSettings()
    settings.key = "secret"
    #expect(!settings.isOpen(at: .tcp(host: "0.0.0.0", port: 1)))
    #expect(KuboRPCSettings().isOpen(at: .tcp(host: "0.0.0.0", port: 1)))
    #expect(!KuboRPCSettings().isOpen(at: .tcp(host: "127.0.0.1", port: 1)))
    try await KuboWorld.with(settings: settings) { world in
      #expect(try await world.post("version").status == 401)
      let wrong = try await world.post("version", headers: ["Authorization": "Bearer secre"])
      #expect(wrong.status == 401)
      let right = try await world.post("version", headers: ["Authorization": "bearer secret"])
      #expect(right.status == 200)
    }
  }
}
