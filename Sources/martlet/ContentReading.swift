import ContentStore
import Glibc
import MartletClient
import Persistence
import Primitives

/// `content get|cat|ls`: what is stored, every block checked.
enum ContentReading {
  static let all = [
    Command(
      words: ["content", "get"], summary: "write a stored file or directory, every block checked",
      positionals: ["CID"],
      options: [
        Option(name: "output", value: "PATH", short: "o", summary: "where to write it"),
        ContentNodes.option,
      ] + NetworkClient.options,
      details: ["CID may be followed by a path: CID/folder/file."],
      example: "martlet content get CID -o file", run: get),
    Command(
      words: ["content", "cat"], summary: "print a stored file, every block checked",
      positionals: ["CID"], options: [ContentNodes.option],
      details: ["CID may be followed by a path: CID/folder/file."],
      example: "martlet content cat CID", run: cat),
    Command(
      words: ["content", "ls"], summary: "list a stored directory",
      positionals: ["CID"],
      details: ["CID may be followed by a path: CID/folder."],
      example: "martlet content ls CID", run: list),
  ]

  @Sendable private static func get(_ arguments: Arguments) async throws {
    let output = try arguments.required("output")
    let path = try ContentCommands.path(arguments.positionals[0])
    // A coordinator gives single files; directories are in the store of a home alone.
    if path.segments.isEmpty {
      do {
        let size = try await NetworkClient.selected(arguments).downloadContent(
          "\(path.root)", to: output)
        return show(output, UInt64(clamping: size), entryCount: 1, arguments)
      } catch NetworkClientError.unreachable where ContentCommands.isLocal(arguments) {}
    }
    let stored = try unlessElsewhere(arguments) { store in
      let cid = try ContentCommands.resolve(arguments.positionals[0], in: store)
      return try ContentTreeExport(store: store).writeBlocking(cid, to: output)
    }
    guard let written = stored else {
      let size = try await ContentNodes.get(arguments.positionals[0], to: output, arguments)
      return show(output, size, entryCount: 1, arguments)
    }
    show(output, written.byteCount, entryCount: written.entryCount, arguments)
  }

  /// Nil where the store does not have it and `--node` names who may.
  private static func unlessElsewhere<Result>(
    _ arguments: Arguments, _ body: (BlockStore) throws -> Result
  ) throws -> Result? {
    do { return try ContentCommands.withStore(arguments, body) } catch {
      let isAbsent =
        switch error {
        case BlockStoreError.notFound, ContentError.missingBlock: true
        default: false
        }
      guard isAbsent, arguments.text("node") != nil else { throw error }
      return nil
    }
  }

  private static func show(
    _ path: String, _ byteCount: UInt64, entryCount: Int, _ arguments: Arguments
  ) {
    let json: JSONValue = [
      "path": .string(path), "size": JSONValue(byteCount), "entries": JSONValue(entryCount),
    ]
    Output.result(json, asJSON: arguments.isJSON) {
      "\(path)  \(byteCount) bytes" + (entryCount > 1 ? " in \(entryCount) entries" : "")
    }
  }

  @Sendable private static func cat(_ arguments: Arguments) async throws {
    let isStored: Void? = try unlessElsewhere(arguments) { store in
      let cid = try ContentCommands.resolve(arguments.positionals[0], in: store)
      // Looked for before a byte is printed, as a part cannot be taken back.
      _ = try store.block(cid)
      _ = try ContentExport(store: store).writeBlocking(cid, to: STDOUT_FILENO)
    }
    if isStored == nil { try await ContentNodes.cat(arguments.positionals[0], arguments) }
  }

  @Sendable private static func list(_ arguments: Arguments) async throws {
    try ContentCommands.withStore(arguments) { store in
      let cid = try ContentCommands.resolve(arguments.positionals[0], in: store)
      try store.listBlocking(cid) { show($0, asJSON: arguments.isJSON) }
    }
  }

  private static func show(_ line: ContentListing, asJSON: Bool) {
    var json: [JSONValue.Member] = [
      .init("name", .string(line.entry.text)), .init("cid", .string("\(line.entry.cid)")),
      .init("size", JSONValue(line.entry.tsize)),
      .init("type", .string(line.kind?.word ?? "unknown")),
    ]
    var arrow = ""
    if case .symlink(let target) = line.kind {
      let text = String(decoding: target, as: UTF8.self)
      json.append(.init("target", .string(text)))
      arrow = " -> \(text)"
    }
    let slash = line.kind == .directory ? "/" : ""
    Output.result(.object(json), asJSON: asJSON) {
      "\(line.entry.cid)  \(line.entry.tsize)  \(line.entry.text)\(slash)\(arrow)"
    }
  }
}
