import ContentStore
import Glibc
import Persistence
import Primitives

/// `content import|export`: content archives (CAR).
enum ContentArchiving {
  static let all = [
    Command(
      words: ["content", "import"], summary: "store the blocks of a CAR file and pin its roots",
      positionals: ["FILE"],
      options: [Option(name: "name", value: "NAME", summary: "name the pins")],
      details: ["Exits with 1 where blocks below a root are not in the file and not stored."],
      example: "martlet content import FILE.car", run: read),
    Command(
      words: ["content", "export"], summary: "write everything below a CID as a CAR file",
      positionals: ["CID"],
      options: [
        Option(name: "output", value: "FILE", short: "o", summary: "where to write it")
      ],
      details: ["CID may be followed by a path: CID/folder."],
      example: "martlet content export CID -o FILE.car", run: write),
  ]

  @Sendable private static func read(_ arguments: Arguments) async throws {
    let path = arguments.positionals[0]
    try ContentCommands.checkReadable(path)
    let imported = try ContentCommands.withStore(arguments) {
      try ContentArchive(store: $0).importBlocking(
        path: path, pinName: arguments.text("name") ?? "")
    }
    let json: JSONValue = [
      "blocks": JSONValue(imported.blockCount), "bytes": JSONValue(imported.byteCount),
      "roots": .array(
        imported.roots.map { root in
          [
            "cid": .string("\(root.cid)"), "pinned": .bool(root.missing == nil),
            "missing": root.missing.map { .string("\($0)") } ?? .null,
          ]
        }),
    ]
    Output.result(json, asJSON: arguments.isJSON) {
      let count = "\(Plural.text(imported.blockCount, "block")), \(imported.byteCount) bytes"
      let roots = imported.roots.map { root in
        "\(root.cid)  " + (root.missing.map { "not pinned: \($0) is missing" } ?? "pinned")
      }
      return (roots + [count]).joined(separator: "\n")
    }
    guard let root = imported.roots.first(where: { $0.missing != nil }) else { return }
    throw CommandFailure(
      "\(root.cid) is not whole and was not pinned",
      hint: "import the file that holds the rest, then pin it with `martlet content pin add`")
  }

  @Sendable private static func write(_ arguments: Arguments) async throws {
    let output = try arguments.required("output")
    let written = try ContentCommands.withStore(arguments) { store in
      let cid = try ContentCommands.resolve(arguments.positionals[0], in: store)
      return try ContentArchive(store: store).exportBlocking(cid, to: output)
    }
    let json: JSONValue = [
      "path": .string(output), "root": .string("\(written.root)"),
      "blocks": JSONValue(written.blockCount), "size": JSONValue(written.byteCount),
    ]
    Output.result(json, asJSON: arguments.isJSON) {
      "\(output)  \(written.byteCount) bytes in \(Plural.text(written.blockCount, "block"))"
    }
  }
}
