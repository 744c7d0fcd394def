import ContentStore
import Coordinator
import Cryptography
import Networking
import Persistence
import Primitives
import Testing

@Suite("REST of provenance", .serialized)
struct APIProvenanceTests {
  private static let path = Sample.api + "/ipfs/provenance"

  @Test("what content was made of is told generation by generation, with good signatures only")
  func graph() async throws {
    let fixture = try APIFixture()
    try await fixture.run { target in
      let store = fixture.coordinator.contentStore
      let key = try SigningKey(seed: Bytes(repeating: 7, count: 32))
      let data = try await describe("data", of: [], created: 1, by: key, in: store)
      let base = try await describe("base", of: [data], created: 2, by: key, in: store)
      let tuned = try await describe(
        "tuned", of: [base, ProvenanceParent(content: Self.content("loose"))], created: 3,
        by: key, in: store)
      // A pin with the right name whose block is no record is passed over.
      let foreign = ContentBlock(hashing: [0xA0], codec: .dagCBOR)
      try await store.put([foreign])
      try await store.pin(foreign.cid, .direct, name: "provenance")

      let list = try await target.send(.get, Self.path)
      let listed = try #require(list.json)
      #expect(SchemaCheck.faults(in: listed, "DescribedContentList") == [])
      #expect(
        listed["contents"]?.elements?.compactMap { $0["name"]?.text }
          == ["tuned", "base", "data"])
      let one = try await target.send(.get, Self.path + "?limit=1")
      #expect(one.json?["contents"]?.elements?.count == 1)

      let answer = try await target.send(.get, Self.path + "/\(tuned.content)")
      let json = try #require(answer.json)
      #expect(SchemaCheck.faults(in: json, "Provenance") == [])
      let nodes = try #require(json["nodes"]?.elements)
      #expect(nodes.compactMap { $0["generation"]?.integer } == [0, 1, 1, 2])
      #expect(
        Set(nodes.compactMap { $0["cid"]?.text })
          == Set(["tuned", "base", "loose", "data"].map { "\(Self.content($0))" }))
      let loose = nodes.first { $0["cid"]?.text == "\(Self.content("loose"))" }
      #expect(loose?["state"]?.text == "unrecorded")
      #expect(nodes[0]["statement"]?["parents"]?.elements?.count == 2)
      #expect(nodes[0]["statement"]?["creator"]?.text == "\(key.publicKey.peerID)")
    }
  }

  @Test("content that its owner keeps back is neither given nor listed")
  func refused() async throws {
    let secret = Self.content("secret")
    var settings = APISettings()
    settings.refusal = { $0 == secret ? "held for its owner" : nil }
    let fixture = try APIFixture(settings: settings)
    try await fixture.run { target in
      let store = fixture.coordinator.contentStore
      let key = try SigningKey(seed: Bytes(repeating: 7, count: 32))
      for name in ["secret", "open"] {
        try await store.put([ContentBlock(hashing: Bytes(name.utf8), codec: .raw)])
        _ = try await describe(name, of: [], created: 1, by: key, in: store)
      }
      for path in ["/content/", "/ipfs/download/", "/ipfs/provenance/"] {
        let answer = try await target.send(.get, Sample.api + path + "\(secret)")
        #expect(answer.status == 403, "\(path)")
        #expect(answer.code == "content_refused", "\(path)")
        let other = try await target.send(.get, Sample.api + path + "\(Self.content("open"))")
        #expect(other.status == 200, "\(path)")
      }
      let list = try await target.send(.get, Self.path)
      #expect(list.json?["contents"]?.elements?.compactMap { $0["name"]?.text } == ["open"])
    }
  }

  @Test("content that nobody described has no provenance")
  func unknown() async throws {
    try await APIFixture().run { target in
      let answer = try await target.send(.get, Self.path + "/\(Self.content("nothing"))")
      #expect(answer.status == 404)
      #expect(answer.code == "unknown_provenance")
      let wrong = try await target.send(.get, Self.path + "/nonsense")
      #expect(wrong.code == "malformed_cid")
      let none = try await target.send(.get, Self.path)
      #expect(none.json?["contents"]?.elements?.isEmpty == true)
    }
  }

  private static func content(_ name: String) -> CID {
    ContentBlock(hashing: Bytes(name.utf8), codec: .raw).cid
  }

  /// Signs and stores a record as a content library does.
  private func describe(
    _ name: String, of parents: [ProvenanceParent], created: UInt64, by key: SigningKey,
    in store: BlockStore
  ) async throws -> ProvenanceParent {
    let content = Self.content(name)
    let statement = ProvenanceStatement(
      content: content, purpose: .model, name: name, parents: parents,
      size: UInt64(name.utf8.count), uploader: key.publicKey, createdMilliseconds: created)
    let block = try #require(ProvenanceRecord(signing: statement, key: key)).block
    try await store.put([block])
    try await store.pin(block.cid, .direct, name: "provenance")
    return ProvenanceParent(content: content, record: block.cid)
  }
}
