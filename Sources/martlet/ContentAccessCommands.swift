import ContentNode
import ContentStore
import Cryptography
import Primitives

/// `content access …` and `content deny …`: who may read content of this home, and what nobody may.
enum ContentAccessCommands {
  static let all = accessCommands + denyCommands
  static let works = [accessWork, denyWork]

  private static let peersOption = Option(
    name: "to", value: "PEER,…", summary: "peer ids, with commas between them")
  private static let fromOption = Option(
    name: "from", value: "PEER,…", summary: "peer ids, with commas between them")
  private static let changeName = "change"

  private enum Change: String {
    case allow, revoke, open, close
  }

  private static let accessCommands = [
    Command(
      words: ["content", "access", "show"], summary: "say who may read content of this home",
      positionals: ["CID"], example: "martlet content access show CID"
    ) { try await access($0, nil) },
    Command(
      words: ["content", "access", "allow"], summary: "let some peers read it, and nobody else",
      positionals: ["CID"], options: [peersOption],
      details: [
        "Peers that were allowed before stay so. They prove who they are when they fetch it:",
        "`martlet content get CID --peer … --identify`. Browsers cannot, and get nothing.",
        "What lies below the CID is not covered when it is asked for by a CID of its own.",
      ],
      example: "martlet content access allow CID --to 12D3KooW…"
    ) { try await access($0, .allow) },
    Command(
      words: ["content", "access", "revoke"], summary: "let some peers read it no more",
      positionals: ["CID"], options: [fromOption],
      details: ["Who has read once cannot be made to forget."],
      example: "martlet content access revoke CID --from 12D3KooW…"
    ) { try await access($0, .revoke) },
    Command(
      words: ["content", "access", "public"], summary: "let everybody read it",
      positionals: ["CID"], example: "martlet content access public CID"
    ) { try await access($0, .open) },
    Command(
      words: ["content", "access", "private"], summary: "let nobody but this node read it",
      positionals: ["CID"],
      details: ["It is stored as it is: `content add --private` is what encrypts."],
      example: "martlet content access private CID"
    ) { try await access($0, .close) },
  ]

  private static let denyCommands = [
    Command(
      words: ["content", "deny", "add"], summary: "serve content no more, to nobody",
      positionals: ["CID"],
      details: [
        "CID may be sha256:HEX: every file with these bytes. It stays stored and pinned.",
        "The gateway answers 410. MARTLET_DENYLIST names a file with more.",
      ],
      example: "martlet content deny add CID"
    ) { try await deny($0, isDenied: true) },
    Command(
      words: ["content", "deny", "remove"], summary: "serve it again", positionals: ["CID"],
      example: "martlet content deny remove CID"
    ) { try await deny($0, isDenied: false) },
    Command(
      words: ["content", "deny", "list"], summary: "list what is not served",
      example: "martlet content deny list", run: listDenied),
  ]

  // MARK: - Access

  private static let accessWork = StoreWork(name: "access") { opened, arguments, _ in
    let cid = try ContentCommands.cid(arguments.positionals.first ?? "")
    let change = try change(arguments)
    return try await opened.withLibrary { library in
      switch change {
      case nil: return json(cid, library.readers(of: cid), library)
      case .allow:
        let readers = try peers("to", arguments)
        return json(cid, try await library.admit(readers, toRead: cid), library)
      case .revoke:
        let readers = try peers("from", arguments)
        return json(cid, try await library.dismiss(readers, reading: cid), library)
      case .open: try await library.allow(.everybody, toRead: cid)
      case .close: try await library.allow(.nobody, toRead: cid)
      }
      return json(cid, library.readers(of: cid), library)
    }
  }

  private static func change(_ arguments: Arguments) throws -> Change? {
    guard let word = arguments.text(changeName) else { return nil }
    guard let change = Change(rawValue: word) else {
      throw CommandFailure.usage("`\(word)` is no change of an access list")
    }
    return change
  }

  private static func json(
    _ cid: CID, _ access: ReadAccess, _ library: ContentLibrary
  ) -> JSONValue {
    var (word, readers): (String, [PublicKey]) = ("public", [])
    switch access {
    case .everybody: break
    case .nobody: word = "private"
    case .accounts(let accounts): (word, readers) = ("listed", accounts.sorted())
    }
    return [
      "cid": .string("\(cid)"), "access": .string(word),
      "readers": .array(readers.map { .string("\($0.peerID)") }),
      "denied": .bool(library.isDenied(cid)),
    ]
  }

  private static func peers(_ option: String, _ arguments: Arguments) throws -> Set<PublicKey> {
    let keys = try ContentSharing.keys(named: arguments.required(option))
    guard !keys.isEmpty else { throw CommandFailure.usage("--\(option) names nobody") }
    return Set(keys)
  }

  private static func access(_ arguments: Arguments, _ change: Change?) async throws {
    // What is wrong with the words is said before any store is opened.
    _ = try ContentCommands.cid(arguments.positionals[0])
    if change == .allow { _ = try peers("to", arguments) }
    if change == .revoke { _ = try peers("from", arguments) }
    var words = arguments
    words.values[changeName] = change?.rawValue
    let json = try await accessWork.result(words)
    Output.result(json, asJSON: arguments.isJSON) {
      let readers = (json["readers"]?.elements ?? []).map { "for  \($0.text ?? "")" }
      let state =
        switch json["access"]?.text {
        case "public": "everybody may read it"
        case "private": "nobody but this node may read it"
        default: "\(Plural.text(readers.count, "peer")) may read it"
        }
      let denied = json["denied"] == .bool(true) ? "denied; otherwise " : ""
      return (["\(json["cid"]?.text ?? "")  \(denied)\(state)"] + readers)
        .joined(separator: "\n")
    }
  }

  // MARK: - Denylist

  private static let denyWork = StoreWork(name: "deny") { opened, arguments, _ in
    let isDenied = arguments.flags.contains("remove") == false
    let entry = try arguments.positionals.first.map(entry)
    return try await opened.withLibrary { library in
      guard let entry else {
        return [
          "entries": .array(library.denylist.entries.map { .string("\($0)") }),
          "file_entries": JSONValue(library.policy.denylist.count),
        ]
      }
      let isChanged = try await library.deny(entry, isDenied)
      guard isDenied || isChanged else {
        throw CommandFailure(
          "\(entry) is not on the denylist", hint: "see `martlet content deny list`",
          code: .notFound)
      }
      return [
        "entry": .string("\(entry)"), "denied": .bool(isDenied), "changed": .bool(isChanged),
      ]
    }
  }

  private static func entry(_ text: String) throws -> DenylistEntry {
    guard let entry = DenylistEntry(parsing: text) else {
      throw CommandFailure.usage(
        "`\(text)` is no CID and no digest", hint: "give a CID, or sha256: and 64 digits")
    }
    return entry
  }

  private static func deny(_ arguments: Arguments, isDenied: Bool) async throws {
    _ = try entry(arguments.positionals[0])
    var words = arguments
    if !isDenied { words.flags.insert("remove") }
    let json = try await denyWork.result(words)
    Output.result(json, asJSON: arguments.isJSON) {
      "\(json["entry"]?.text ?? "")  "
        + (isDenied ? "served no more" : "served again, unless a file or a verdict forbids it")
    }
  }

  @Sendable private static func listDenied(_ arguments: Arguments) async throws {
    let json = try await denyWork.result(arguments)
    Output.result(json, asJSON: arguments.isJSON) {
      (json["entries"]?.elements ?? []).compactMap(\.text).joined(separator: "\n")
    }
    let count = Int(clamping: json["file_entries"]?.integer ?? 0)
    if !arguments.isJSON, count > 0 {
      Output.note("\(count) more in the file of MARTLET_DENYLIST")
    }
  }
}
