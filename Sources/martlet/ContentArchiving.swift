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
    let name = arguments.text("name") ?? ""
    let imported = try await ContentCommands.withStore(arguments) {
      try read(path, named: name, into: $0, arguments)
    } running: {
      try await store(path, named: name, in: $0, arguments)
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

  private static func read(
    _ path: String, named name: String, into store: BlockStore, _ arguments: Arguments
  ) throws -> ImportedArchive {
    try WorkProgress.during(arguments) { progress in
      progress.expect(below: path)
      return try ContentArchive(store: store, meter: progress.meter)
        .importBlocking(path: path, pinName: name)
    }
  }

  /// Hands an archive to the process that has the store open.
  private static func store(
    _ path: String, named name: String, in node: RunningNode, _ arguments: Arguments
  ) async throws -> ImportedArchive {
    var imported = ImportedArchive()
    let lines = try await WorkProgress.during(arguments) {
      try await node.importArchive(at: path, meter: $0.meter)
    }
    for line in lines {
      if let count = line["Stats"]?["BlockCount"]?.integer { imported.blockCount = Int(count) }
      if let count = line["Stats"]?["BlockBytesCount"]?.integer {
        imported.byteCount = UInt64(clamping: count)
      }
      guard let root = line["Root"], let text = root["Cid"]?["/"]?.text else { continue }
      let cid = try ContentCommands.cid(text)
      let fault = root["PinErrorMsg"]?.text ?? ""
      // The sentence ends with the block that is missing.
      let missing = fault.isEmpty ? nil : fault.split(separator: " ").last.map(String.init)
      imported.roots.append(
        ImportedArchive.Root(cid: cid, missing: try missing.map(ContentCommands.cid)))
      guard missing == nil, !name.isEmpty else { continue }
      _ = try await node.object("pin/add", ("arg", text), ("name", name))
    }
    return imported
  }

  @Sendable private static func write(_ arguments: Arguments) async throws {
    let output = try arguments.required("output")
    let written = try await ContentCommands.withStore(arguments) { store in
      let cid = try ContentCommands.resolve(arguments.positionals[0], in: store)
      return try WorkProgress.during(arguments) {
        try ContentArchive(store: store, meter: $0.meter).exportBlocking(cid, to: output)
      }
    } running: { node in
      let file = try ReplacedFile(path: output)
      let written = try await WorkProgress.during(arguments) {
        try await node.export(
          arguments.positionals[0], to: file.descriptor, named: output, meter: $0.meter)
      }
      try file.keep()
      return written
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
