import ContentStore
import Networking
import Primitives

/// `add`, `cat`, `get`, `ls`, `refs`, `resolve`.
extension KuboCommands {
  private static let pathArgument = "ipfs-path"

  static let files: [KuboCommand] = [
    KuboCommand(
      "add", file: "path",
      options: [
        "quiet", "quieter", "silent", "progress", "only-hash", "wrap-with-directory", "chunker",
        "pin", "pin-name", "raw-leaves", "cid-version", "hash", "inline", "inline-limit",
        "max-file-links",
      ]
    ) { call in .objects(try AddStream(call)) },
    KuboCommand("cat", [pathArgument], more: true, options: ["offset", "length"], cat),
    KuboCommand(
      "get", [pathArgument], options: ["output", "archive", "compress", "compression-level"], get),
    KuboCommand(
      "ls", [pathArgument], more: true, options: ["headers", "resolve-type", "size", "stream"], ls),
    KuboCommand(
      "refs", [pathArgument], more: true,
      options: ["format", "edges", "unique", "recursive", "max-depth"], refs),
    KuboCommand("refs/local") { call in .objects(LocalRefs(call)) },
    KuboCommand("resolve", ["name"], options: ["recursive"], resolve),
  ]

  @Sendable private static func cat(_ call: KuboCall) async throws -> KuboReply {
    let offset = try call.count("offset") ?? 0
    let length = try call.count("length")
    var files: [CID] = []
    var size: UInt64 = 0
    for path in call.arguments {
      let cid = try await call.node.resolveBlock(path)
      files.append(cid)
      size += try await fileSize(of: cid, call.node)
    }
    let rest = size - min(size, offset)
    return .bytes(
      PieceWalkRun(CatWalk(files, offset: offset, length: length), on: call.node),
      length: min(rest, length ?? rest))
  }

  private static func fileSize(of cid: CID, _ node: KuboNode) async throws -> UInt64 {
    var walk = UnixFSWalk(root: cid)
    _ = try walk.supply(try await node.block(cid))
    return walk.fileSize ?? 0
  }

  @Sendable private static func get(_ call: KuboCall) async throws -> KuboReply {
    let path = call.arguments[0]
    try call.refuse("compress", hint: "archives are sent as they are")
    let level = try call.integer("compression-level") ?? -1
    guard level <= 0 else {
      throw KuboError.unsupportedOption(
        name: "compression-level", value: "\(level)", hint: "archives are sent as they are")
    }
    let root = try await call.node.resolveBlock(path)
    let name = path.pathNames.last ?? "\(root)"
    let walk = TarWalk(root, name: name)
    return .bytes(PieceWalkRun(walk, on: call.node), type: "application/x-tar")
  }

  @Sendable private static func refs(_ call: KuboCall) async throws -> KuboReply {
    var roots: [CID] = []
    for path in call.arguments { roots.append(try await call.node.resolveBlock(path)) }
    return .objects(try RefsStream(roots, call))
  }

  @Sendable private static func resolve(_ call: KuboCall) async throws -> KuboReply {
    let resolved = try await call.node.resolve(call.arguments[0])
    let path = (["/ipfs", try call.text(of: resolved.cid)] + resolved.remainder)
    return .object(["Path": .string(path.joined(separator: "/"))])
  }

  // MARK: - ls

  @Sendable private static func ls(_ call: KuboCall) async throws -> KuboReply {
    let resolvesType = try call.flag("resolve-type", default: true)
    let resolves = try call.flag("size", default: true) || resolvesType
    var walks: [(path: String, walk: ListWalk)] = []
    for path in call.arguments {
      walks.append((path, ListWalk(try await call.node.resolveBlock(path), resolves: resolves)))
    }
    if try call.flag("stream", short: "s") { return .objects(ListStream(walks, call)) }
    var objects: [JSONValue] = []
    for (path, walk) in walks {
      objects.append(try await listing(path, walk, call))
    }
    return .object(["Objects": .array(objects)])
  }

  /// All entries of one path, by their names.
  private static func listing(
    _ path: String, _ walk: ListWalk, _ call: KuboCall
  ) async throws -> JSONValue {
    let run = PieceWalkRun(walk, on: call.node)
    var links: [ListedLink] = []
    while let more = try await run.next() {
      links += more
      guard links.count <= KuboLimits.listedMax else {
        throw KuboError.tooLargeToList(
          limit: KuboLimits.listedMax, hint: "ask for them with stream=true")
      }
    }
    // Links of files have no names, and stay in the order of the file.
    if links.contains(where: { !$0.name.isEmpty }) {
      links.sort { $0.name.lexicographicallyPrecedes($1.name) }
    }
    return [
      "Hash": .string(path), "Links": .array(try links.map { try $0.json(call) }),
    ]
  }
}

extension ListedLink {
  /// The line as Kubo tells it; times that are not set are Go's zero time.
  func json(_ call: KuboCall) throws -> JSONValue {
    [
      "Name": .string(String(decoding: name, as: UTF8.self)),
      "Hash": .string(try call.text(of: cid)), "Size": JSONValue(size),
      "Type": .integer(kind.rawValue),
      "Target": .string(String(decoding: target, as: UTF8.self)),
      "Mode": JSONValue(mode ?? 0), "ModTime": .string(KuboTime.text(time)),
    ]
  }
}
