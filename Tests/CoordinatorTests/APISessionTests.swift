import Consensus
import Glibc
import Ledger
import MartletClient
import Networking
import NeuralNetworks
import Persistence
import Primitives
import Telemetry
import Testing

@testable import Coordinator

@Suite("REST sessions", .serialized, .timeLimit(.minutes(5)))
struct APISessionTests {
  @Test("a session is ordered, watched to its end, verified and its model and receipt fetched")
  func wholeSession() async throws {
    let fixture = try APIFixture(workers: 2)
    try await fixture.run { target in
      try await target.withClient { client in
        let id = try await Self.order(client, in: fixture)
        let seen = try await Self.start(id, watchedBy: client)
        #expect(seen.first == "session", "the present state comes first")
        #expect(seen.contains("round") && seen.contains("block"))
        let session = try await client.session(id)
        #expect(session["state"]?.text == "completed")
        try await Self.checkResults(client, id, fixture)
        try await Self.checkSchemas(target, id)
      }
    }
  }

  private static func order(_ client: NetworkClient, in fixture: APIFixture) async throws -> String
  {
    let path = fixture.root + "/data.csv"
    let file = try #require(fopen(path, "w"))
    #expect(fwrite(Sample.csv, 1, Sample.csv.count, file) == Sample.csv.count)
    fclose(file)
    let stored = try await client.uploadContent(path)
    let cid = try #require(stored["cid"]?.text)
    let session = try await client.createSession(Sample.order(dataset: cid))
    return try #require(session["session_id"]?.text)
  }

  /// The names of the events until the session is completed and its last round evaluated; either
  /// may come first. It starts once it is watched: a stream does not repeat what was before it.
  private static func start(
    _ id: String, watchedBy client: NetworkClient
  ) async throws -> [String] {
    let seen = SeenEvents()
    let (began, signal) = AsyncStream.makeStream(
      of: Void.self, bufferingPolicy: .bufferingOldest(1))
    async let watched: Void = {
      defer { signal.finish() }
      try await client.watch(id) { name, data in
        signal.yield()
        return !seen.isLast(name, data)
      }
    }()
    for await _ in began { break }
    _ = try await client.startSession(id)
    try await watched
    return seen.names
  }

  private static func checkResults(
    _ client: NetworkClient, _ id: String, _ fixture: APIFixture
  ) async throws {
    let verification = try await client.verify(id)
    #expect(verification["updates"]?.integer == 8)
    #expect(verification["mismatches"] == .array([]))
    let path = fixture.root + "/model.safetensors"
    let size = try await client.downloadModel(id, to: path)
    let bytes = try #require(try AtomicFile.read(path))
    #expect(bytes.count == size)
    #expect(try !Safetensors.decode(bytes).isEmpty)
    let genesis = try Genesis(json: try await client.genesis())
    let receipt = try Receipt(
      json: try await client.receipt(session: id, round: 2, client: 3))
    #expect(receipt.client == 3)
    let trust = try receipt.verify(trusting: genesis)
    #expect(trust == .genesis(chainID: genesis.chainID))
    await #expect {
      _ = try await client.receipt(session: id, round: 9, client: 0)
    } throws: { ($0 as? NetworkClientError)?.code == "unknown_receipt" }
  }

  private static func checkSchemas(_ target: APITarget, _ id: String) async throws {
    let session = "\(Sample.sessions)/\(id)"
    let reads = [
      session: "Session", session + "/rounds": "RoundList", session + "/rounds/1": "Round",
      session + "/receipts/1/0": "Receipt", Sample.api + "/nodes": "NodeList",
      Sample.api + "/jobs": "JobList", Sample.api + "/ledger/blocks": "BlockList",
      Sample.api + "/ledger/blocks/1": "Block", Sample.api + "/ledger/accounts": "AccountList",
    ]
    for (path, schema) in reads.sorted(by: { $0.key < $1.key }) {
      let json = try #require(try await target.send(.get, path).json)
      #expect(SchemaCheck.faults(in: json, schema) == [], "\(path)")
    }
    let verified = try await target.send(.post, session + "/verify", key: target.key)
    #expect(SchemaCheck.faults(in: try #require(verified.json), "Verification") == [])
    let model = try await target.send(.get, session + "/model")
    #expect(
      model.headers["Content-Disposition"]
        == "attachment; filename=\"martlet-\(id.prefix(12)).safetensors\"")
  }

  @Test("an order that is repeated after a restart answers with the session it made")
  func orderAcrossRestart() async throws {
    let fixture = try APIFixture()
    defer { fixture.remove() }
    let first = fixture.coordinator
    let order = Sample.order(dataset: try await first.addContent(Sample.csv))
    let id = try await first.createSession(order, orderKey: OrderKey(key: "k", order: order))
    await first.log.close()
    await first.blocks.close()
    await first.content.store.close()
    let (loop, second) = try APIFixture.coordinator(fixture.home)
    let gate = await APIGate(
      loop: loop, settings: APISettings(), home: fixture.home, disk: second.disk)
    let again = try await gate.once(key: "k", order: order, by: second)
    #expect(again == id)
    await #expect(throws: CoordinatorError.orderKeyReused) {
      try await gate.once(key: "k", order: ["name": "another"], by: second)
    }
    #expect(await second.sessionSummaries.elements?.count == 1)
  }

  @Test("every watcher gets the events, and one that leaves is forgotten")
  func watchers() async throws {
    try await APIFixture().run { target in
      let file = try await target.send(
        .post, Sample.api + "/content", key: target.key, body: .bytes(Sample.csv))
      let cid = try #require(file.json?["cid"]?.text)
      let made = try await target.post(Sample.sessions, Sample.order(dataset: cid).text())
      let id = try #require(made.json?["session_id"]?.text)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<3 {
          group.addTask {
            try await target.withClient { client in
              try await client.watch(id) { name, data in
                name != "session" || data["state"]?.text != "cancelled"
              }
            }
          }
        }
        // Each watcher is sent the state at its start, so the order of the two does not matter.
        let cancelled = try await target.send(
          .post, "\(Sample.sessions)/\(id)/cancel", key: target.key)
        #expect(cancelled.status == 200)
        try await group.waitForAll()
      }
    }
  }
}

/// What came on a stream, taken on the client's thread and read by the test's task.
private final class SeenEvents: Sendable {
  private struct State {
    var names: [String] = []
    var isCompleted = false
    var isEvaluated = false
  }

  private let state = Lock(State())

  var names: [String] { state.withLock(\.names) }

  /// Whether with this event everything is there.
  func isLast(_ name: String, _ data: JSONValue) -> Bool {
    state.withLock { state in
      state.names.append(name)
      if name == "session", data["state"]?.text == "completed" { state.isCompleted = true }
      if name == "round", data["round"]?.integer == 2, data["accuracy"] != .null {
        state.isEvaluated = true
      }
      return state.isCompleted && state.isEvaluated
    }
  }
}
