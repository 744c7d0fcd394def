import ContentStore
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
    let name = arguments.text("profile") ?? UnixFSProfile.v1In2025.rawValue
    guard let profile = UnixFSProfile(rawValue: name) else {
      throw CommandFailure.usage(
        "`\(name)` is not a profile",
        hint: UnixFSProfile.allCases.map(\.rawValue).joined(separator: " or "))
    }
    if arguments.flags.contains("only-hash") {
      let file = try await ContentAdder(store: nil, layout: profile.layout).add(path: path)
      return show("\(file.cid)", size: Int64(clamping: file.tsize), arguments)
    }
    let result = try await NetworkClient.selected(arguments).uploadContent(
      path, profile: profile.rawValue)
    show(result["cid"]?.text ?? "", size: result["size"]?.integer ?? 0, arguments)
  }

  private static func show(_ cid: String, size: Int64, _ arguments: Arguments) {
    Output.result(["cid": .string(cid), "size": .integer(size)], asJSON: arguments.isJSON) {
      "\(cid)  \(size) bytes"
    }
  }

  @Sendable private static func get(_ arguments: Arguments) async throws {
    let path = try arguments.required("output")
    let cid = arguments.positionals[0]
    do {
      _ = try CID(parsing: cid)
    } catch {
      throw CommandFailure.usage("`\(cid)` is not a CID: \(error)", hint: "check the CID")
    }
    let size = try await NetworkClient.selected(arguments).downloadContent(cid, to: path)
    Output.result(["path": .string(path), "size": JSONValue(size)], asJSON: arguments.isJSON) {
      "\(path)  \(size) bytes"
    }
  }
}
