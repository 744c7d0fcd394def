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
        ContentSharing.openingOption,
      ] + NetworkClient.options,
      details: ["CID may be followed by a path: CID/folder/file."],
      example: "martlet content get CID -o file", run: get),
    Command(
      words: ["content", "cat"], summary: "print a stored file, every block checked",
      positionals: ["CID"],
      options: [
        Option(name: "offset", value: "BYTES", summary: "skip so many bytes"),
        Option(name: "length", value: "BYTES", summary: "print at most so many"),
        ContentSharing.openingOption,
      ],
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
    if path.segments.isEmpty, path.root.codec != .dagCBOR {
      do {
        let size = try await NetworkClient.selected(arguments).downloadContent(
          "\(path.root)", to: output)
        return show(output, UInt64(clamping: size), entryCount: 1, arguments)
      } catch NetworkClientError.unreachable where ContentCommands.isLocal(arguments) {}
    }
    let written = try ContentCommands.withStore(arguments) { store in
      let cid = try ContentCommands.resolve(arguments.positionals[0], in: store)
      if let opened = try ContentSharing.opened(cid, in: store, arguments) {
        let size = try opened.content.writeBlocking(opened.object, to: output)
        return ExportedTree(entryCount: 1, byteCount: size)
      }
      return try ContentTreeExport(store: store).writeBlocking(cid, to: output)
    }
    show(output, written.byteCount, entryCount: written.entryCount, arguments)
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
    try ContentCommands.withStore(arguments) { store in
      let cid = try ContentCommands.resolve(arguments.positionals[0], in: store)
      guard let bytes = try part(arguments) else { return }
      if let opened = try ContentSharing.opened(cid, in: store, arguments) {
        _ = try opened.content.writeBlocking(
          opened.object, bytes: bytes, to: STDOUT_FILENO, path: "standard output")
      } else {
        _ = try ContentExport(store: store).writeBlocking(cid, to: STDOUT_FILENO, bytes: bytes)
      }
    }
  }

  /// The part that --offset and --length name; nil for no bytes at all.
  private static func part(_ arguments: Arguments) throws -> EntityBytes? {
    EntityBytes(
      offset: UInt64(try arguments.integer("offset", in: 0...Int.max) ?? 0),
      count: try arguments.integer("length", in: 0...Int.max).map { UInt64($0) })
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
