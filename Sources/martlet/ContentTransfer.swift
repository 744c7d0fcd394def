import ContentStore
import Persistence
import Primitives

/// Content between the store of a running process and one of this command's own: what is private
/// is opened and sealed here, since keys stay with the commands that were given them.
struct ContentTransfer {
  private let node: RunningNode
  private let folder: String
  private let arguments: Arguments
  /// The store of this command's own, gone with it.
  let store: BlockStore

  /// Runs `body` with the home's store, or with one that holds what is below `path` where another
  /// process has the home's open. Nothing of it goes back.
  static func reading<Result>(
    _ path: String, _ arguments: Arguments, _ body: (CID, BlockStore) throws -> Result
  ) async throws -> Result {
    try await ContentCommands.withStore(arguments) { store in
      try body(ContentCommands.resolve(path, in: store), store)
    } running: { node in
      try await with(node, arguments) { transfer in
        try body(try await transfer.fetch(path), transfer.store)
      }
    }
  }

  /// Runs `body`, which makes content in the home's store, or in one of its own with what is below
  /// `path`; that content then goes to the process that has the home's open, which pins it.
  static func changing(
    _ path: String? = nil, _ arguments: Arguments,
    _ body: (BlockStore) throws -> StoredPrivateObject
  ) async throws -> StoredPrivateObject {
    try await ContentCommands.withStore(arguments) {
      try body($0)
    } running: { node in
      try await with(node, arguments) { transfer in
        if let path { _ = try await transfer.fetch(path) }
        let object = try body(transfer.store)
        try await transfer.send(object.cid, isPinning: true, named: arguments.text("name"))
        return object
      }
    }
  }

  /// Runs `body` with a store that is gone afterwards.
  static func with<Result>(
    _ node: RunningNode, _ arguments: Arguments, _ body: (ContentTransfer) async throws -> Result
  ) async throws -> Result {
    try await ContentCommands.withTransferFolder(arguments) { folder in
      let store = try BlockStore(path: "\(folder)/store")
      defer { store.close() }
      return try await body(
        ContentTransfer(node: node, folder: folder, arguments: arguments, store: store))
    }
  }

  private func fetch(_ path: String) async throws -> CID {
    let root = try await node.object("dag/resolve", ("arg", path))["Cid"]?["/"]?.text ?? ""
    let cid = try ContentCommands.cid(root)
    let archive = try ReplacedFile(path: "\(folder)/fetched")
    _ = try await WorkProgress.during(arguments, "taking over") {
      try await node.export(
        root, to: archive.descriptor, named: "the archive of \(root)", meter: $0.meter)
    }
    _ = try ContentArchive(store: store).importBlocking(path: archive.temporaryPath)
    return cid
  }

  /// Hands what is below `root` to the process that has the home's store open.
  func send(_ root: CID, isPinning: Bool, named name: String? = nil) async throws {
    let archive = "\(folder)/sent"
    _ = try WorkProgress.during(arguments, "packing") {
      try ContentArchive(store: store, meter: $0.meter).exportBlocking(root, to: archive)
    }
    _ = try await WorkProgress.during(arguments, "handing over") {
      try await node.importArchive(at: archive, isPinning: isPinning, meter: $0.meter)
    }
    if let name { _ = try await node.object("pin/add", ("arg", "\(root)"), ("name", name)) }
  }
}
