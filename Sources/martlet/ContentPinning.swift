import ContentNode
import ContentStore
import Persistence
import Primitives

/// `content pin add|rm|ls`: what a collection keeps.
enum ContentPinning {
  static let all = [
    Command(
      words: ["content", "pin", "add"],
      summary: "keep content, whatever is collected; with --peer, fetch it first",
      positionals: ["CID"],
      options: [
        Option(name: "direct", summary: "this one block, not what it links to"),
        Option(name: "name", value: "NAME", summary: "name the pin"),
      ] + ContentFetching.options,
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
    let (path, name) = (arguments.positionals[0], arguments.text("name") ?? "")
    let kind: ContentPin.Kind = arguments.flags.contains("direct") ? .direct : .recursive
    _ = try ContentCommands.path(path)
    try await ContentFetching.fetchIfAsked(arguments)
    let pin = try await ContentCommands.withStore(arguments) { store in
      let cid = try ContentCommands.resolve(path, in: store)
      return try store.pinBlocking(cid, kind, name: name).json
    } running: { node in
      let lines = try await node.lines(
        "pin/add", ("arg", path), ("recursive", "\(kind == .recursive)"), ("name", name),
        ("progress", "true"))
      return [
        "cid": lines.last?["Pins"]?.elements?.first ?? .null, "type": .string(kind.word),
        "name": .string(name), "blocks": lines.first?["Progress"] ?? 0,
      ]
    }
    show(pin, asJSON: arguments.isJSON)
  }

  @Sendable private static func remove(_ arguments: Arguments) async throws {
    let cid = try ContentCommands.cid(arguments.positionals[0])
    try await ContentCommands.withStore(arguments) {
      try $0.unpinBlocking(cid)
    } running: {
      _ = try await $0.object("pin/rm", ("arg", "\(cid)"))
    }
    Output.result(["cid": .string("\(cid)")], asJSON: arguments.isJSON) { "\(cid) unpinned" }
  }

  @Sendable private static func list(_ arguments: Arguments) async throws {
    let kind = try arguments.text("type").map(kind)
    let text = arguments.text("name") ?? ""
    func show(_ pin: JSONValue) {
      let name = pin["name"]?.text ?? ""
      guard kind.map({ $0.word == pin["type"]?.text }) ?? true, text.isEmpty || name.contains(text)
      else { return }
      self.show(pin, asJSON: arguments.isJSON)
    }
    try await ContentCommands.withStore(arguments) { store in
      var last: CID?
      while case let page = try store.pins(after: last), !page.isEmpty {
        for pin in page { show(pin.json) }
        last = page.last?.cid
      }
    } running: { node in
      for pin in try await node.lines("martlet/pins") { show(pin) }
    }
  }

  private static func kind(_ word: String) throws -> ContentPin.Kind {
    guard let kind = ContentPin.Kind.allCases.first(where: { $0.word == word }) else {
      throw CommandFailure.usage("`\(word)` is not a kind of pin", hint: "direct or recursive")
    }
    return kind
  }

  private static func show(_ pin: JSONValue, asJSON: Bool) {
    Output.result(pin, asJSON: asJSON) {
      let name = pin["name"]?.text ?? ""
      let blocks = Plural.text(Int(clamping: pin["blocks"]?.integer ?? 0), "block")
      return "\(pin["cid"]?.text ?? "")  \(pin["type"]?.text ?? "")  \(blocks)"
        + (name.isEmpty ? "" : "  \(name)")
    }
  }
}
