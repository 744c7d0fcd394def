import ContentStore
import Glibc
import MartletClient
import Persistence
import Primitives

/// `content add|get`.
enum ContentCommands {
  static let all = [
    Command(
      words: ["content", "add"], summary: "store a file and print its CID", positionals: ["FILE"],
      options: [
        Option(name: "only-hash", summary: "compute the CID without storing anything"),
        Option(
          name: "profile", value: "NAME",
          summary: "unixfs-v1-2025 (default) or unixfs-v0-2015, what `ipfs add` gives"),
      ] + NetworkClient.options,
      example: "martlet content add README.md --only-hash", run: add),
    Command(
      words: ["content", "get"], summary: "write a stored file, every block checked",
      positionals: ["CID"],
      options: [
        Option(name: "output", value: "FILE", short: "o", summary: "where to write it")
      ] + NetworkClient.options,
      example: "martlet content get CID -o file", run: get),
  ]

  @Sendable private static func add(_ arguments: Arguments) async throws {
    let path = arguments.positionals[0]
    let profile: UnixFSProfile = try arguments.choice("profile") ?? .v1In2025
    try checkReadable(path)
    if arguments.flags.contains("only-hash") {
      let file = try await ContentAdder(store: nil, layout: profile.layout).add(path: path)
      return show("\(file.cid)", size: Int64(clamping: file.tsize), arguments)
    }
    do {
      let result = try await NetworkClient.selected(arguments).uploadContent(
        path, profile: profile.rawValue)
      show(result["cid"]?.text ?? "", size: result["size"]?.integer ?? 0, arguments)
    } catch NetworkClientError.unreachable where isLocal(arguments) {
      let store = try localStore(arguments)
      defer { store.close() }
      let file = try await ContentAdder(store: store, layout: profile.layout).add(path: path)
      show("\(file.cid)", size: Int64(clamping: file.tsize), arguments)
    }
  }

  static func checkReadable(_ path: String) throws {
    guard access(path, R_OK) != 0 else { return }
    let number = errno
    throw CommandFailure(
      "\(path) cannot be read: \(String(cString: strerror(number)))", hint: "check the path",
      code: number == ENOENT ? .notFound : .failed)
  }

  /// Whether the home's own coordinator is meant, not one that --server names.
  private static func isLocal(_ arguments: Arguments) -> Bool {
    (try? Settings(arguments: arguments))?.text("server") == nil
  }

  /// The store of a home whose coordinator does not run; its lock names a process that does.
  private static func localStore(_ arguments: Arguments) throws -> BlockStore {
    let home = Homes.selected(arguments)
    try home.create()
    return try BlockStore(path: home.file("content"))
  }

  private static func show(_ cid: String, size: Int64, _ arguments: Arguments) {
    Output.result(["cid": .string(cid), "size": .integer(size)], asJSON: arguments.isJSON) {
      "\(cid)  \(size) bytes"
    }
  }

  @Sendable private static func get(_ arguments: Arguments) async throws {
    let path = try arguments.required("output")
    let cid = arguments.positionals[0]
    let root: CID
    do {
      root = try CID(parsing: cid)
    } catch {
      throw CommandFailure.usage("`\(cid)` is not a CID: \(error)", hint: "check the CID")
    }
    let size = try await download(root, to: path, arguments)
    Output.result(["path": .string(path), "size": JSONValue(size)], asJSON: arguments.isJSON) {
      "\(path)  \(size) bytes"
    }
  }
  private static func download(
    _ root: CID, to path: String, _ arguments: Arguments
  ) async throws -> Int {
    do {
      return try await NetworkClient.selected(arguments).downloadContent("\(root)", to: path)
    } catch NetworkClientError.unreachable where isLocal(arguments) {
      let store = try localStore(arguments)
      defer { store.close() }
      return Int(try ContentExport(store: store).writeBlocking(root, to: path))
    }
  }
}
