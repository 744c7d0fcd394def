import ContentStore
import Persistence
import Primitives

/// `content pin add|rm|ls`: what a collection keeps.
enum ContentPinning {
  static let all = [
    Command(
      words: ["content", "pin", "add"], summary: "keep stored content, whatever is collected",
      positionals: ["CID"],
      options: [
        Option(name: "direct", summary: "this one block, not what it links to"),
        Option(name: "name", value: "NAME", summary: "name the pin"),
      ],
      example: "martlet content pin add CID --name model", run: add),
    Command(
      words: ["content", "pin", "rm"], summary: "let the next `content gc` forget it",
      positionals: ["CID"], example: "martlet content pin rm CID", run: remove),
    Command(
      words: ["content", "pin", "ls"], summary: "list the pins",
      options: [
        Option(name: "type", value: "KIND", summary: "direct or recursive (default: both)"),
        Option(name: "name", value: "TEXT", summary: "only pins whose name holds TEXT"),
      ],
      example: "martlet content pin ls", run: list),
  ]

  @Sendable private static func add(_ arguments: Arguments) async throws {
    try ContentCommands.withStore(arguments) { store in
      let cid = try ContentCommands.resolve(arguments.positionals[0], in: store)
      let kind: ContentPin.Kind = arguments.flags.contains("direct") ? .direct : .recursive
      show(
        try store.pinBlocking(cid, kind, name: arguments.text("name") ?? ""),
        asJSON: arguments.isJSON)
    }
  }

  @Sendable private static func remove(_ arguments: Arguments) async throws {
    let cid = try ContentCommands.cid(arguments.positionals[0])
    try ContentCommands.withStore(arguments) { store in
      try store.unpinBlocking(cid)
      Output.result(["cid": .string("\(cid)")], asJSON: arguments.isJSON) { "\(cid) unpinned" }
    }
  }

  @Sendable private static func list(_ arguments: Arguments) async throws {
    let kind = try arguments.text("type").map(kind)
    let text = arguments.text("name") ?? ""
    try ContentCommands.withStore(arguments) { store in
      var last: CID?
      while case let page = try store.pins(after: last), !page.isEmpty {
        for pin in page
        where kind ?? pin.kind == pin.kind && (text.isEmpty || pin.name.contains(text)) {
          show(pin, asJSON: arguments.isJSON)
        }
        last = page.last?.cid
      }
    }
  }

  private static func kind(_ word: String) throws -> ContentPin.Kind {
    guard let kind = ContentPin.Kind.allCases.first(where: { $0.word == word }) else {
      throw CommandFailure.usage("`\(word)` is not a kind of pin", hint: "direct or recursive")
    }
    return kind
  }

  private static func show(_ pin: ContentPin, asJSON: Bool) {
    let json: JSONValue = [
      "cid": .string("\(pin.cid)"), "type": .string(pin.kind.word), "name": .string(pin.name),
      "blocks": JSONValue(pin.blockCount),
    ]
    Output.result(json, asJSON: asJSON) {
      "\(pin.cid)  \(pin.kind.word)  \(Plural.text(pin.blockCount, "block"))"
        + (pin.name.isEmpty ? "" : "  \(pin.name)")
    }
  }
}
