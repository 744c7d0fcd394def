import ContentNode
import ContentStore
import Glibc
import MartletClient
import Networking
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
        ContentSharing.openingOption, ContentNodes.option,
      ] + ContentFetching.options + NetworkClient.options,
      details: ["CID may be followed by a path: CID/folder/file."],
      example: "martlet content get CID -o file", run: get),
    Command(
      words: ["content", "cat"], summary: "print a stored file, every block checked",
      positionals: ["CID"],
      options: [
        Option(name: "offset", value: "BYTES", summary: "skip so many bytes"),
        Option(name: "length", value: "BYTES", summary: "print at most so many"),
        ContentSharing.openingOption, ContentNodes.option,
      ] + ContentFetching.options,
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
    try await ContentFetching.fetchIfAsked(arguments)
    // A coordinator gives single files; directories are in the store of a home alone.
    if path.segments.isEmpty, path.root.codec != .dagCBOR, !ContentFetching.isAsked(arguments) {
      do {
        let client = try NetworkClient.selected(arguments)
        let size = try await WorkProgress.during(arguments) {
          try await client.downloadContent("\(path.root)", to: output, meter: $0.meter)
        }
        return show(output, UInt64(clamping: size), entryCount: 1, arguments)
      } catch NetworkClientError.unreachable where ContentCommands.isLocal(arguments) {
      } catch NetworkClientError.refused(let status, _, _, _)
        where ContentCommands.isLocal(arguments) && status != HTTPStatus.notFound.code
      {}
    }
    do {
      let written = try await ContentTransfer.reading(arguments.positionals[0], arguments) {
        try write($0, of: $1, to: output, arguments)
      }
      show(output, written.byteCount, entryCount: written.entryCount, arguments)
    } catch let error where isElsewhere(error, arguments) {
      let size = try await ContentNodes.get(arguments.positionals[0], to: output, arguments)
      show(output, size, entryCount: 1, arguments)
    }
  }

  /// Whether `--node` names who may have what the store lacks.
  private static func isElsewhere(_ error: any Error, _ arguments: Arguments) -> Bool {
    switch error {
    case BlockStoreError.notFound, ContentError.missingBlock: arguments.text("node") != nil
    default: false
    }
  }

  /// Writes a file, a tree, or what a private object holds.
  private static func write(
    _ cid: CID, of store: BlockStore, to output: String, _ arguments: Arguments
  ) throws -> ExportedTree {
    try WorkProgress.during(arguments) { progress in
      let opened = try ContentSharing.opened(cid, in: store, arguments, meter: progress.meter)
      guard let opened else {
        return try ContentTreeExport(store: store, meter: progress.meter)
          .writeBlocking(cid, to: output)
      }
      progress.expect(opened.object.header.byteCount)
      let size = try opened.content.writeBlocking(opened.object, to: output)
      return ExportedTree(entryCount: 1, byteCount: size)
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
    guard let bytes = try part(arguments) else { return }
    _ = try ContentCommands.path(arguments.positionals[0])
    try await ContentFetching.fetchIfAsked(arguments)
    do {
      try await ContentTransfer.reading(arguments.positionals[0], arguments) { cid, store in
        // Looked for before a byte is printed, as a part cannot be taken back.
        _ = try store.block(cid)
        try print(cid, bytes, of: store, arguments)
      }
    } catch let error where isElsewhere(error, arguments) {
      try await ContentNodes.cat(arguments.positionals[0], arguments)
    }
  }

  private static func print(
    _ cid: CID, _ bytes: EntityBytes, of store: BlockStore, _ arguments: Arguments
  ) throws {
    guard let opened = try ContentSharing.opened(cid, in: store, arguments) else {
      _ = try ContentExport(store: store).writeBlocking(cid, to: STDOUT_FILENO, bytes: bytes)
      return
    }
    _ = try opened.content.writeBlocking(
      opened.object, bytes: bytes, to: STDOUT_FILENO, path: "standard output")
  }

  /// The part that --offset and --length name; nil for no bytes at all.
  private static func part(_ arguments: Arguments) throws -> EntityBytes? {
    EntityBytes(
      offset: UInt64(try arguments.integer("offset", in: 0...Int.max) ?? 0),
      count: try arguments.integer("length", in: 0...Int.max).map { UInt64($0) })
  }

  @Sendable private static func list(_ arguments: Arguments) async throws {
    let path = arguments.positionals[0]
    try await ContentCommands.withStore(arguments) { store in
      let cid = try ContentCommands.resolve(path, in: store)
      try store.listBlocking(cid) { show($0.json, asJSON: arguments.isJSON) }
    } running: { node in
      for line in try await node.lines("martlet/ls", ("arg", path)) {
        show(line, asJSON: arguments.isJSON)
      }
    }
  }

  private static func show(_ line: JSONValue, asJSON: Bool) {
    Output.result(line, asJSON: asJSON) {
      let slash = line["type"]?.text == ContentKind.directory.word ? "/" : ""
      let arrow = line["target"]?.text.map { " -> \($0)" } ?? ""
      return "\(line["cid"]?.text ?? "")  \(line["size"]?.integer ?? 0)  "
        + "\(line["name"]?.text ?? "")\(slash)\(arrow)"
    }
  }
}
