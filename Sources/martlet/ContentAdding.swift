import ContentNode
import ContentStore
import Glibc
import MartletClient
import Persistence
import Primitives

/// `content add`.
enum ContentAdding {
  static let command = Command(
    words: ["content", "add"], summary: "store a file or a directory and print its CID",
    positionals: ["PATH"],
    options: [
      Option(name: "recursive", short: "r", summary: "add a directory with everything in it"),
      Option(name: "only-hash", summary: "compute the CID without storing anything"),
      Option(
        name: "profile", value: "NAME",
        summary: "unixfs-v1-2025 (default) or unixfs-v0-2015, what `ipfs add` gives"),
      Option(name: "cid-version", value: "N", summary: "0 or 1, as `ipfs add` has it"),
      Option(name: "raw-leaves", summary: "chunks as raw blocks (default with version 1)"),
      Option(name: "chunk-size", value: "BYTES", summary: "bytes of each chunk"),
      Option(name: "hidden", summary: "also files whose name begins with a period"),
      Option(name: "no-pin", summary: "let the next `content gc` forget it"),
      Option(name: "name", value: "NAME", summary: "name the pin"),
    ] + ContentDescribing.options + ContentSharing.addingOptions + NetworkClient.options,
    details: ["With --json one object for each entry is printed, the root last."],
    example: "martlet content add README.md --only-hash", run: add)

  @Sendable private static func add(_ arguments: Arguments) async throws {
    let path = arguments.positionals[0]
    let layouts = try Layouts(arguments)
    let isDescribed = try ContentDescribing.purpose(arguments) != nil
    try ContentCommands.checkReadable(path)
    let isFolder = isDirectory(path)
    if arguments.flags.contains("private") {
      return try await addPrivate(path, isFolder, arguments)
    }
    guard !isFolder || arguments.flags.contains("recursive") else {
      throw CommandFailure.usage("\(path) is a directory", hint: "add it with -r")
    }
    if isDescribed {
      return try await addDescribed(path, layouts, arguments)
    }
    if arguments.flags.contains("only-hash") { return try add(path, nil, layouts, arguments) }
    // A coordinator takes single files of the published profiles.
    if let profile = layouts.profile, !isFolder, !setsPin(arguments) {
      do {
        let client = try NetworkClient.selected(arguments)
        let result = try await WorkProgress.during(arguments) { progress in
          progress.expect(below: path)
          return try await client.uploadContent(
            path, profile: profile.rawValue, meter: progress.meter)
        }
        return show(
          path.pathNames.last ?? path, result["cid"]?.text ?? "",
          result["size"]?.integer ?? 0, arguments, isTree: false)
      } catch NetworkClientError.unreachable where ContentCommands.isLocal(arguments) {}
    }
    try await ContentCommands.withStore(arguments) {
      try add(path, $0, layouts, arguments)
    } running: {
      try await add(path, to: $0, layouts, arguments)
    }
  }

  /// Adds to a store of its own and hands that to the process that has the home's open. The root is
  /// told of when that process has it.
  private static func add(
    _ path: String, to node: RunningNode, _ layouts: Layouts, _ arguments: Arguments
  ) async throws {
    let isPinning = !arguments.flags.contains("no-pin")
    try await ContentTransfer.with(node, arguments) { transfer in
      let isTree = isDirectory(path)
      let adder = ContentAdder(store: transfer.store, layout: layouts.file)
      let root = try tree(path, adder, layouts, arguments, "adding") { entry in
        // A tree's root comes last.
        if isTree, entry.path.contains("/") { show(entry, arguments, isTree: isTree) }
      }
      try await transfer.send(
        root.file.cid, isPinning: isPinning, named: isPinning ? arguments.text("name") : nil)
      show(root, arguments, isTree: isTree)
    }
  }

  /// Pinned only once it is taken.
  private static func addDescribed(
    _ path: String, _ layouts: Layouts, _ arguments: Arguments
  ) async throws {
    let root: AddedEntry = try await ContentCommands.withStore(arguments) { store in
      let adder = ContentAdder(store: store, layout: layouts.file, isPinning: false)
      return try tree(path, adder, layouts, arguments)
    } running: { node in
      try await ContentTransfer.with(node, arguments) { transfer in
        let adder = ContentAdder(store: transfer.store, layout: layouts.file)
        let root = try tree(path, adder, layouts, arguments, "adding")
        try await transfer.send(root.file.cid, isPinning: false)
        return root
      }
    }
    let words = ContentDescribing.words(arguments, path: path, root.file.cid)
    ContentDescribing.show(root, try await ContentDescribing.work.result(words), arguments)
  }

  private static func addPrivate(
    _ path: String, _ isFolder: Bool, _ arguments: Arguments
  ) async throws {
    guard !isFolder else {
      throw CommandFailure.usage(
        "\(path) is a directory", hint: "pack it into one file: private objects are files")
    }
    guard !arguments.flags.contains("only-hash") else {
      throw CommandFailure.usage(
        "--only-hash and --private exclude each other",
        hint: "a private object is encrypted under a new key, and so has a new CID each time")
    }
    let object = try await ContentTransfer.changing(nil, arguments) {
      try ContentSharing.add(path, in: $0, arguments)
    }
    show(path, "\(object.cid)", Int64(clamping: object.tsize), arguments, isTree: false)
  }

  private static func setsPin(_ arguments: Arguments) -> Bool {
    arguments.flags.contains("no-pin") || arguments.text("name") != nil
  }

  private static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  private static func add(
    _ path: String, _ store: BlockStore?, _ layouts: Layouts, _ arguments: Arguments
  ) throws {
    let adder = ContentAdder(
      store: store, layout: layouts.file, isPinning: !arguments.flags.contains("no-pin"),
      pinName: arguments.text("name") ?? "")
    let isTree = isDirectory(path)
    _ = try tree(path, adder, layouts, arguments) { show($0, arguments, isTree: isTree) }
  }

  /// Adds what is at `path` and says how far that is.
  private static func tree(
    _ path: String, _ adder: ContentAdder, _ layouts: Layouts, _ arguments: Arguments,
    _ label: String = "", report: @escaping ContentTreeAdder.Report = { _ in }
  ) throws -> AddedEntry {
    let includesHidden = arguments.flags.contains("hidden")
    return try WorkProgress.during(arguments, label) { progress in
      progress.expect(below: path, includingHidden: includesHidden)
      return try ContentTreeAdder(
        adder.counting(on: progress.meter), directoryLayout: layouts.directory,
        includesHidden: includesHidden
      ).addBlocking(path: path) { entry in progress.beside { report(entry) } }
    }
  }

  private static func show(_ entry: AddedEntry, _ arguments: Arguments, isTree: Bool) {
    show(
      entry.path, "\(entry.file.cid)", Int64(clamping: entry.file.tsize), arguments,
      isTree: isTree)
  }

  private static func show(
    _ path: String, _ cid: String, _ size: Int64, _ arguments: Arguments, isTree: Bool
  ) {
    let json: JSONValue = [
      "path": .string(path), "cid": .string(cid), "size": .integer(size),
    ]
    Output.result(json, asJSON: arguments.isJSON) {
      "\(cid)  \(size) bytes" + (isTree ? "  \(path)" : "")
    }
  }

  /// How files and directories are written.
  private struct Layouts {
    /// The profile, where nothing departs from it.
    var profile: UnixFSProfile?
    let file: UnixFSLayout
    let directory: UnixFSDirectoryLayout

    init(_ arguments: Arguments) throws {
      var settings = UnixFSSettings()
      settings.profile = try arguments.choice("profile")
      settings.cidVersion = try arguments.integer("cid-version", in: 0...1)
        .flatMap { CID.Version(rawValue: UInt64($0)) }
      if arguments.flags.contains("raw-leaves") { settings.hasRawLeaves = true }
      settings.chunkByteCount = try arguments.integer(
        "chunk-size", in: 1...BlockLimits.byteCountMax)
      file = try settings.fileLayout()
      directory = settings.directoryLayout
      let profile = settings.profile ?? .v1In2025
      if file == profile.layout, directory == profile.directoryLayout { self.profile = profile }
    }
  }
}
