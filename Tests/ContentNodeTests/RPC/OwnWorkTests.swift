import ContentNode
import ContentStore
import Networking
import Primitives
import Telemetry
import Testing

@Suite("Work that a command line lets the server do", .timeLimit(.minutes(1)))
struct OwnWorkTests {
  private struct Refusal: Error, CustomStringConvertible {
    let description = "not today"
  }

  private static let works: [String: OwnWorks.Run] = [
    "echo": { words, _ in
      [
        "arguments": .array(words.arguments.map { .string($0) }),
        "tag": .string(words.options["tag"] ?? "none"),
      ]
    },
    "refuse": { _, _ in throw Refusal() },
    "long": { _, meter in
      meter.expect(10)
      meter.advance(by: 5)
      // Several times what passes between two lines.
      try await Task.sleep(for: .milliseconds(400))
      return "done"
    },
  ]

  @Test("words go in as they are, and one line comes out")
  func words() async throws {
    try await KuboWorld.with(own: Self.works) { world in
      let answer = try await world.post("martlet/echo?arg=a%20b&arg=c&tag=x,y")
      #expect(answer.status == 200)
      #expect(answer.objects.last == ["Result": ["arguments": ["a b", "c"], "tag": "x,y"]])
    }
  }

  @Test("a failure comes with its words and its exit code")
  func failure() async throws {
    try await KuboWorld.with(own: Self.works) { world in
      let answer = try await world.post("martlet/refuse")
      #expect(answer.objects.last == ["Failure": ["Message": "not today", "ExitCode": 4]])
    }
  }

  @Test("long work says how far it is before it says what came of it")
  func progress() async throws {
    try await KuboWorld.with(own: Self.works) { world in
      let lines = try await world.post("martlet/long").objects
      #expect(lines.last == ["Result": "done"])
      #expect(lines.dropLast().contains(["Done": 5, "Total": 10]))
    }
  }

  @Test("the gate before Kubo's commands stands before these")
  func gate() async throws {
    var settings = KuboRPCSettings()
    settings.key = "secret"
    try await KuboWorld.with(settings: settings, own: Self.works) { world in
      let refused = try await world.post("martlet/echo")
      #expect(refused.status == 401)
      let key: HTTPHeaders = ["Authorization": "Bearer secret"]
      #expect(try await world.post("martlet/echo", headers: key).status == 200)
      #expect(try await world.post("martlet/none", headers: key).status == 404)
      #expect(try await world.post("echo", headers: key).status == 404)
      let page: HTTPHeaders = ["Authorization": "Bearer secret", "Origin": "https://evil.example"]
      #expect(try await world.post("martlet/echo", headers: page).status == 403)
    }
  }
}
