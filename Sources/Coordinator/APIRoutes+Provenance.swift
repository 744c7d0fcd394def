internal import ContentStore
internal import Cryptography
internal import Networking
internal import Primitives

extension APIRoutes {
  private static let recordsListedMax = 100
  private static let recordsListedUsually = 20

  static let provenance: [APIRoute] = [
    APIRoute(
      .get, ipfsPath + "/provenance", .read,
      APIOperation(
        id: "listDescribedContent", tag: "ipfs",
        summary: "Models and data sets with a signed record, the newest first",
        parameters: [
          .init(name: "limit", summary: "At most 100, 20 unless given", isInteger: true)
        ], answer: .json("DescribedContentList"), errors: [400]),
      handle: describedContent),
    APIRoute(
      .get, ipfsPath + "/provenance/{cid}", .read,
      APIOperation(
        id: "getProvenance", tag: "ipfs",
        summary: "What content was made of, and that of what, with every signature checked",
        answer: .json("Provenance"), errors: [400, 404]),
      handle: provenanceOfContent),
  ]

  private static func describedContent(_ call: APICall) async throws -> HTTPResponse {
    let limit = try call.query("limit", max: recordsListedMax) ?? recordsListedUsually
    let (records, store) = (call.coordinator.ipfs.records, call.coordinator.content.store)
    let all = try await call.coordinator.disk.run { try records.allBlocking(in: store) }
    let refusal = call.context.settings.refusal
    let shown = all.filter { refusal($0.record.statement.content) == nil }.prefix(limit)
    let views = shown.map { entry -> JSONValue in
      let content: JSONValue.Member = .init("cid", .string("\(entry.record.statement.content)"))
      return .object([content] + members(entry.record.statement))
    }
    return .json(["contents": .array(views)])
  }

  private static func provenanceOfContent(_ call: APICall) async throws -> HTTPResponse {
    let cid = try call.readableContent()
    let (records, store) = (call.coordinator.ipfs.records, call.coordinator.content.store)
    let walk = try await call.coordinator.disk.run {
      try records.walkBlocking(from: cid, in: store)
    }
    guard let walk else {
      throw APIError.unknown(
        "provenance", "\(cid)", hint: "describe it with `martlet content add --model`")
    }
    return .json([
      "cid": .string("\(cid)"), "cut": .bool(walk.isCut), "nodes": .array(walk.nodes.map(view)),
    ])
  }

  private static func view(_ node: ProvenanceNode) -> JSONValue {
    var statement: JSONValue = .null
    let state: String
    switch node.finding {
    case .recorded(let record):
      state = "signed"
      statement = .object(members(record.statement))
    case .unrecorded: state = "unrecorded"
    case .missing: state = "missing"
    case .refused: state = "refused"
    }
    return [
      "cid": .string("\(node.content)"), "generation": JSONValue(node.generation),
      "state": .string(state), "record": node.record.map { .string("\($0)") } ?? .null,
      "statement": statement,
    ]
  }

  private static func members(_ statement: ProvenanceStatement) -> [JSONValue.Member] {
    [
      .init("type", .string(statement.purpose.rawValue)), .init("name", .string(statement.name)),
      .init("tags", .array(statement.tags.map { .string($0) })),
      .init("licence", .string(statement.licence)), .init("size", JSONValue(statement.size)),
      .init("format", .string(statement.format)),
      .init("creator", .string("\(statement.uploader.peerID)")),
      .init("created_ms", JSONValue(statement.createdMilliseconds)),
      .init("parents", .array(statement.parents.map { .string("\($0.content)") })),
    ]
  }
}
