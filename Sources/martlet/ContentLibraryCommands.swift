import ContentNode
import ContentStore
import Cryptography
import Persistence
import Primitives

/// `content provenance|search`: where described content came from, and how it is found.
enum ContentLibraryCommands {
  static let all = [
    Command(
      words: ["content", "provenance"], summary: "who made stored content, out of what",
      positionals: ["CID"],
      details: ["Every record's signature is checked; parents are followed through theirs."],
      example: "martlet content provenance CID", run: provenance),
    Command(
      words: ["content", "search"], summary: "find stored models and data sets",
      options: [
        Option(name: "type", value: "TYPE", summary: "model, dataset, research, or of bytes: gguf"),
        Option(name: "tag", value: "WORDS", summary: "tags that it has, commas between"),
        Option(name: "name", value: "TEXT", summary: "part of its name"),
        Option(name: "min-size", value: "SIZE", summary: "at least so many bytes"),
        Option(name: "max-size", value: "SIZE", summary: "at most so many bytes"),
        Option(name: "creator", value: "PEER", summary: "the peer id of who signed"),
      ],
      example: "martlet content search --type model", run: search),
    Command(
      words: ["content", "scan"], summary: "check again what is held",
      details: ["MARTLET_CLAMD names the virus scanner: a socket's path or 127.0.0.1:3310."],
      example: "martlet content scan", run: scan),
  ]

  /// The largest size that is searched for: a file of the content store.
  private static let sizeMax = ByteCount.gibibytes(1 << 10)

  static let works = [provenanceWork, searchWork, scanWork]

  private static let provenanceWork = StoreWork(name: "provenance") { opened, arguments, _ in
    let cid = try ContentCommands.resolve(arguments.positionals.first ?? "", in: opened.store)
    return try await opened.withLibrary { library in
      let walk = try library.provenance(of: cid)
      var json: [JSONValue.Member] = [
        .init("cid", .string("\(cid)")), .init("cut", .bool(walk.isCut)),
        .init("accesses", JSONValue(library.statistics(of: cid).accesses)),
        .init("nodes", .array(walk.nodes.map(Self.json))),
      ]
      if let verdict = library.verdict(on: cid) {
        json.append(.init("verdict", Self.json(verdict)))
      }
      return .object(json)
    }
  }

  @Sendable private static func provenance(_ arguments: Arguments) async throws {
    let json = try await provenanceWork.result(arguments)
    Output.result(json, asJSON: arguments.isJSON) {
      ((json["nodes"]?.elements ?? []).map(nodeText)
        + (json["verdict"].map { [verdictText($0)] } ?? [])
        + (json["cut"] == .bool(true) ? ["more ancestors are left out"] : []))
        .joined(separator: "\n")
    }
  }

  private static func json(_ node: ProvenanceNode) -> JSONValue {
    var members: [JSONValue.Member] = [
      .init("cid", .string("\(node.content)")), .init("generation", JSONValue(node.generation)),
      .init("state", .string(state(node.finding))),
    ]
    if let record = node.record { members.append(.init("record", .string("\(record)"))) }
    switch node.finding {
    case .recorded(let record): members += Self.members(record.statement)
    case .refused(let error): members.append(.init("reason", .string("\(error)")))
    case .unrecorded, .missing: break
    }
    return .object(members)
  }

  /// What a record says, for people's programs.
  static func members(_ statement: ProvenanceStatement) -> [JSONValue.Member] {
    var members: [JSONValue.Member] = [
      .init("type", .string(statement.purpose.rawValue)), .init("name", .string(statement.name)),
      .init("tags", .array(statement.tags.map { .string($0) })),
      .init("licence", .string(statement.licence)), .init("size", JSONValue(statement.size)),
      .init("format", .string(statement.format)),
      .init("creator", .string("\(statement.uploader.peerID)")),
      .init("created_ms", JSONValue(statement.createdMilliseconds)),
      .init("parents", .array(statement.parents.map { .string("\($0.content)") })),
    ]
    if let sha256 = statement.sha256 { members.append(.init("sha256", .string(sha256.hex))) }
    return members
  }

  private static func state(_ finding: ProvenanceNode.Finding) -> String {
    switch finding {
    case .recorded: "signed"
    case .unrecorded: "unrecorded"
    case .missing: "record missing"
    case .refused: "refused"
    }
  }

  private static func nodeText(_ node: JSONValue) -> String {
    func text(_ name: String) -> String { node[name]?.text ?? "" }
    let indent = String(repeating: "  ", count: Int(clamping: node["generation"]?.integer ?? 0))
    let head = "\(indent)\(text("cid"))"
    switch text("state") {
    case "signed":
      let tags = (node["tags"]?.elements ?? []).compactMap(\.text).joined(separator: ", ")
      let size = "\(node["size"]?.integer ?? 0) bytes"
      let details = [text("type"), text("format"), size, text("licence"), tags]
        .filter { !$0.isEmpty }
      return """
        \(head)  \(text("name"))
        \(indent)  \(details.joined(separator: "  "))
        \(indent)  signed by \(text("creator"))
        """
    case "unrecorded": return "\(head)  no record is named"
    case "record missing": return "\(head)  its record is not stored here"
    default: return "\(head)  \(text("reason"))"
    }
  }

  private static func verdictText(_ verdict: JSONValue) -> String {
    let decision = [verdict["decision"]?.text, verdict["reason"]?.text].compactMap { $0 }
    let findings = (verdict["findings"]?.elements ?? []).compactMap(\.text)
    return
      (["verdict: " + decision.joined(separator: ": ")]
      + findings.map { "warning: \($0)" }).joined(separator: "\n")
  }

  static func json(_ verdict: ContentVerdict) -> JSONValue {
    let (decision, reason): (String, String?) =
      switch verdict.decision {
      case .served: ("served", nil)
      case .held(let reason): ("held", reason)
      case .refused(let refusals):
        ("refused", refusals.map { "\($0)" }.joined(separator: "; "))
      }
    var members: [JSONValue.Member] = [.init("decision", .string(decision))]
    if let reason { members.append(.init("reason", .string(reason))) }
    members += [
      .init("type", .string(verdict.report.type.rawValue)),
      .init("executable", .bool(verdict.report.isExecutable)),
      .init("findings", .array(verdict.report.findings.map { .string("\($0)") })),
    ]
    return .object(members)
  }

  private static let scanWork = StoreWork(name: "scan") { opened, _, _ in
    try await opened.withLibrary { library in
      let served = try await library.judgeHeld()
      return [
        "served": .array(served.map { .string("\($0)") }),
        "held": .array(library.held.map { .string("\($0)") }),
      ]
    }
  }

  @Sendable private static func scan(_ arguments: Arguments) async throws {
    let json = try await scanWork.result(arguments)
    Output.result(json, asJSON: arguments.isJSON) {
      ["served", "held"].flatMap { state in
        (json[state]?.elements ?? []).map { "\($0.text ?? "")  \(state)" }
      }.joined(separator: "\n")
    }
  }

  private static let searchWork = StoreWork(name: "search") { opened, arguments, _ in
    let query = try query(arguments)
    return try await opened.withLibrary { library in
      .array(
        library.search(query).map { entry in
          .object(
            [.init("cid", .string("\(entry.statement.content)"))]
              + Self.members(entry.statement))
        })
    }
  }

  @Sendable private static func search(_ arguments: Arguments) async throws {
    // What is wrong with the words is said before any store is opened.
    _ = try query(arguments)
    let found = try await searchWork.result(arguments)
    guard !arguments.isJSON else { return Output.line(found.text()) }
    let rows = (found.elements ?? []).map { entry in
      ["cid", "type", "format", "size", "name"].map { name in
        entry[name]?.text ?? "\(entry[name]?.integer ?? 0)"
      }
    }
    for line in TextTable.lines([], rows) { Output.line(line) }
  }

  private static func query(_ arguments: Arguments) throws -> ContentQuery {
    var query = ContentQuery()
    if let type = arguments.text("type") {
      query.purpose = ProvenanceStatement.Purpose(rawValue: type)
      if query.purpose == nil {
        guard ContentType(rawValue: type) != nil else {
          let names =
            ProvenanceStatement.Purpose.allCases.map(\.rawValue)
            + ContentType.allCases.map(\.rawValue)
          throw CommandFailure.usage(
            "--type is `\(type)`",
            hint: NearestWord.of(type, in: names).map { "did you mean `\($0)`?" }
              ?? "model, dataset, research, or a type of bytes such as safetensors")
        }
        query.format = type
      }
    }
    query.tags = ContentDescribing.list("tag", arguments)
    query.name = arguments.text("name")
    query.creator = try arguments.text("creator").map(creator)
    let bare = ByteCount(1)
    let least = try arguments.size("min-size", max: sizeMax, bareUnit: bare)
    let most = try arguments.size("max-size", max: sizeMax, bareUnit: bare)
    let range = (least.map { UInt64($0.bytes) } ?? 0, most.map { UInt64($0.bytes) } ?? UInt64.max)
    guard range.0 <= range.1 else {
      throw CommandFailure.usage("--min-size is above --max-size")
    }
    query.sizes = range.0...range.1
    return query
  }

  private static func creator(_ text: String) throws -> PublicKey {
    guard let peer = try? PeerID(text), let key = peer.publicKey else {
      throw CommandFailure.usage(
        "--creator is `\(text)`", hint: "give a peer id, as `content provenance` shows it")
    }
    return key
  }
}
