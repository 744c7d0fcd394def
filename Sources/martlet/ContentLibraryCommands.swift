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

  @Sendable private static func provenance(_ arguments: Arguments) async throws {
    try await ContentDescribing.withLibrary(arguments) { library in
      let cid = try ContentCommands.resolve(arguments.positionals[0], in: library.store)
      let walk = try library.provenance(of: cid)
      let verdict = library.verdict(on: cid)
      let counts = library.statistics(of: cid)
      var json: [JSONValue.Member] = [
        .init("cid", .string("\(cid)")), .init("cut", .bool(walk.isCut)),
        .init("accesses", JSONValue(counts.accesses)),
        .init("nodes", .array(walk.nodes.map(json))),
      ]
      if let verdict { json.append(.init("verdict", self.json(verdict))) }
      Output.result(.object(json), asJSON: arguments.isJSON) {
        (walk.nodes.map(text) + (verdict.map { [text($0)] } ?? [])
          + (walk.isCut ? ["more ancestors are left out"] : [])).joined(separator: "\n")
      }
    }
  }

  private static func json(_ node: ProvenanceNode) -> JSONValue {
    var members: [JSONValue.Member] = [
      .init("cid", .string("\(node.content)")), .init("generation", JSONValue(node.generation)),
      .init("state", .string(state(node.finding))),
    ]
    if let record = node.record { members.append(.init("record", .string("\(record)"))) }
    guard case .recorded(let record) = node.finding else { return .object(members) }
    return .object(members + Self.members(record.statement))
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

  private static func text(_ node: ProvenanceNode) -> String {
    let indent = String(repeating: "  ", count: node.generation)
    switch node.finding {
    case .recorded(let record):
      let statement = record.statement
      let details = [
        statement.purpose.rawValue, statement.format, "\(statement.size) bytes", statement.licence,
        statement.tags.joined(separator: ", "),
      ].filter { !$0.isEmpty }
      return """
        \(indent)\(node.content)  \(statement.name)
        \(indent)  \(details.joined(separator: "  "))
        \(indent)  signed by \(statement.uploader.peerID)
        """
    case .unrecorded: return "\(indent)\(node.content)  no record is named"
    case .missing: return "\(indent)\(node.content)  its record is not stored here"
    case .refused(let error): return "\(indent)\(node.content)  \(error)"
    }
  }

  private static func text(_ verdict: ContentVerdict) -> String {
    let decision =
      switch verdict.decision {
      case .served: "served"
      case .held(let reason): "held: \(reason)"
      case .refused(let refusals): "refused: " + refusals.map { "\($0)" }.joined(separator: "; ")
      }
    return (["verdict: \(decision)"] + verdict.report.findings.map { "warning: \($0)" })
      .joined(separator: "\n")
  }

  static func json(_ verdict: ContentVerdict) -> JSONValue {
    let decision =
      switch verdict.decision {
      case .served: "served"
      case .held: "held"
      case .refused: "refused"
      }
    return [
      "decision": .string(decision), "type": .string(verdict.report.type.rawValue),
      "executable": .bool(verdict.report.isExecutable),
      "findings": .array(verdict.report.findings.map { .string("\($0)") }),
    ]
  }

  @Sendable private static func scan(_ arguments: Arguments) async throws {
    try await ContentDescribing.withLibrary(arguments) { library in
      let served = try await library.judgeHeld()
      let held = library.held
      let json: JSONValue = [
        "served": .array(served.map { .string("\($0)") }),
        "held": .array(held.map { .string("\($0)") }),
      ]
      Output.result(json, asJSON: arguments.isJSON) {
        (served.map { "\($0)  served" } + held.map { "\($0)  held" }).joined(separator: "\n")
      }
    }
  }

  @Sendable private static func search(_ arguments: Arguments) async throws {
    let query = try query(arguments)
    try await ContentDescribing.withLibrary(arguments) { library in
      let found = library.search(query)
      if arguments.isJSON {
        return Output.line(
          JSONValue.array(
            found.map { entry in
              .object(
                [.init("cid", .string("\(entry.statement.content)"))] + members(entry.statement))
            }
          ).text())
      }
      let rows = found.map { entry in
        [
          "\(entry.statement.content)", entry.statement.purpose.rawValue, entry.statement.format,
          "\(entry.statement.size)", entry.statement.name,
        ]
      }
      for line in TextTable.lines([], rows) { Output.line(line) }
    }
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
