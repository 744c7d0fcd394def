import Networking
import Primitives
import Testing

@testable import Coordinator

@Suite("OpenAPI document")
struct APIDocumentTests {
  private static var operations: [(path: String, method: String, operation: JSONValue)] {
    (OpenAPIDocument.json["paths"]?.members ?? []).flatMap { path in
      (path.value.members ?? []).map { (path.name, $0.name, $0.value) }
    }
  }

  @Test("every route served is described, and every route described is served")
  func routes() async throws {
    let described = Set(Self.operations.map { "\($0.method.uppercased()) \($0.path)" })
    let served = Set(APIRoutes.api.map { "\($0.method.name) \($0.path)" })
    #expect(described == served)
    #expect(served.count == APIRoutes.api.count)
    try await APIFixture().run { target in
      for (path, method, _) in Self.operations {
        let real = path.replacing("{round}", with: "1").replacing("{client}", with: "0")
          .replacing("{id}", with: String(repeating: "0", count: 64))
          .replacing("{cid}", with: "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy")
          .replacing("{height}", with: "1")
          .replacing("{account}", with: String(repeating: "1", count: 64))
        guard real != "/api/v1/events" else { continue }  // never ends
        let answer = try await target.send(
          method == "post" ? .post : .get, real, key: target.key)
        #expect(answer.code != "unknown_route" && answer.code != "wrong_method", "\(path)")
      }
      let document = try await target.send(.get, Sample.api + "/openapi.json")
      #expect(document.json == OpenAPIDocument.json)
    }
  }

  @Test("operation ids are unique and every reference leads somewhere")
  func references() {
    let ids = Self.operations.compactMap { $0.operation["operationId"]?.text }
    #expect(ids.count == Self.operations.count)
    #expect(Set(ids).count == ids.count)
    var references: Set<String> = []
    collectReferences(in: OpenAPIDocument.json, into: &references)
    #expect(!references.isEmpty)
    for reference in references {
      let target = reference.dropFirst(2).split(separator: "/").reduce(
        Optional(OpenAPIDocument.json)
      ) { $0?[String($1)] }
      #expect(target != nil, "\(reference)")
    }
    let schemas = OpenAPIDocument.json["components"]?["schemas"]?.members?.map(\.name) ?? []
    for name in schemas {
      #expect(
        references.contains("#/components/schemas/\(name)"), "\(name) is used by no route")
    }
  }

  private func collectReferences(in value: JSONValue, into references: inout Set<String>) {
    for member in value.members ?? [] {
      if member.name == "$ref", let text = member.value.text { references.insert(text) }
      collectReferences(in: member.value, into: &references)
    }
    for element in value.elements ?? [] { collectReferences(in: element, into: &references) }
  }

  @Test("answers have exactly the fields that their schemas say")
  func answers() async throws {
    try await APIFixture().run { target in
      let file = try await target.send(
        .post, Sample.api + "/content", key: target.key, body: .bytes(Sample.csv))
      check(file, "StoredContent")
      let cid = try #require(file.json?["cid"]?.text)
      let order = Sample.order(dataset: cid)
      #expect(SchemaCheck.faults(in: order, "SessionOrder").isEmpty)
      let session = try await target.post(Sample.sessions, order.text())
      check(session, "Session")
      let id = try #require(session.json?["session_id"]?.text)
      let client = try #require(
        try await target.send(.get, Sample.api + "/ledger/accounts").json?["accounts"]?
          .elements?.first?["account"]?.text)
      let reads = [
        "/health": "Health", "/nodes": "NodeList", "/jobs": "JobList",
        "/ledger/status": "Ledger", "/ledger/genesis": "Genesis",
        "/ledger/accounts": "AccountList", "/ledger/accounts/\(client)": "Account",
        "/ledger/blocks": "BlockList", "/federated-learning/sessions": "SessionList",
        "/federated-learning/sessions/\(id)": "Session",
        "/federated-learning/sessions/\(id)/rounds": "RoundList",
        "/ipfs/health": "IPFSHealth", "/ipfs/status": "IPFSStatus", "/ipfs/pins": "PinList",
        "/ipfs/provenance": "DescribedContentList",
      ]
      for (path, schema) in reads.sorted(by: { $0.key < $1.key }) {
        check(try await target.send(.get, Sample.api + path), schema)
      }
      check(try await target.send(.get, "/nowhere"), "Error")
    }
  }

  private func check(_ answer: Answer, _ schema: String) {
    guard let json = answer.json else {
      Issue.record("\(schema): no JSON but \(answer.text)")
      return
    }
    #expect(SchemaCheck.faults(in: json, schema) == [], "\(schema)")
  }
}
