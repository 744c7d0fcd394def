import ContentStore
import Glibc
import MartletClient
import Networking
import Persistence
import Primitives

/// `content …`: files and directories by CID.
enum ContentCommands {
  static let all =
    [ContentAdding.command] + ContentReading.all + ContentPinning.all + ContentArchiving.all
    + ContentSharing.all + ContentLibraryCommands.all + ContentAccessCommands.all
    + ContentPayments.all + ContentRewards.all + ContentStorageDeals.all
    + ContentBackupCommands.all
    + ContentUpkeep.all + ContentServing.all + [ContentNodes.command]

  static func checkReadable(_ path: String) throws {
    guard access(path, R_OK) != 0 else { return }
    let number = errno
    throw CommandFailure(
      "\(path) cannot be read: \(String(cString: strerror(number)))", hint: "check the path",
      code: number == ENOENT ? .notFound : .failed)
  }

  /// Whether the home's own coordinator is meant, not one that --server names.
  static func isLocal(_ arguments: Arguments) -> Bool {
    (try? Settings(arguments: arguments))?.text("server") == nil
  }

  /// The store of a home whose coordinator does not run; its lock names a process that does.
  static func localStore(_ arguments: Arguments) throws -> BlockStore {
    let home = Homes.selected(arguments)
    try home.create()
    return try BlockStore(path: home.file("content"))
  }

  /// Runs `body` with the home's store open.
  static func withStore<Result>(
    _ arguments: Arguments, _ body: (BlockStore) throws -> Result
  ) throws -> Result {
    let store = try localStore(arguments)
    defer { store.close() }
    return try body(store)
  }

  /// Runs `body` with the home's store open, or `running` with the process that has it open.
  static func withStore<Result>(
    _ arguments: Arguments, _ body: (BlockStore) async throws -> Result,
    running: (RunningNode) async throws -> Result
  ) async throws -> Result {
    let store: BlockStore
    do { store = try localStore(arguments) } catch BlockStoreError.locked(_, _, let address?) {
      let pool = ComputePool(named: "content-client", threads: 1, queueMax: 1)
      defer { pool.stop() }
      return try await running(RunningNode(at: address, pool: pool))
    }
    defer { store.close() }
    return try await body(store)
  }

  /// Runs `body` with a folder that is gone afterwards, for content between two stores.
  static func withTransferFolder<Result>(
    _ arguments: Arguments, _ body: (String) async throws -> Result
  ) async throws -> Result {
    let home = Homes.selected(arguments)
    var template = Array(home.file("content-transfer.XXXXXX").utf8CString)
    guard mkdtemp(&template) != nil else {
      throw CommandFailure("no folder can be made in the home", hint: "check its permissions")
    }
    let folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    defer { OpenDirectory.removeTree(folder) }
    return try await body(folder)
  }

  /// Reads a CID.
  static func cid(_ text: String) throws -> CID {
    do { return try CID(parsing: text) } catch {
      throw CommandFailure.usage("`\(text)` is not a CID: \(error)", hint: "check the CID")
    }
  }

  /// Finds what `CID/name/name` names, with or without `/ipfs/` in front.
  static func resolve(_ text: String, in store: BlockStore) throws -> CID {
    var resolution = PathResolution(try path(text))
    while let wanted = resolution.wanted { try resolution.supply(store.block(wanted)) }
    guard let resolved = resolution.resolved, resolved.remainder.isEmpty else {
      throw CommandFailure(
        "`\(text)` leads into a value", hint: "only files and directories are read here",
        code: .notFound)
    }
    return resolved.cid
  }

  /// Reads `CID/name/name`, with or without `/ipfs/` in front.
  static func path(_ text: String) throws -> ContentPath {
    do { return try ContentPath(parsing: text) } catch {
      throw CommandFailure.usage("`\(text)` names no content: \(error)", hint: "check the CID")
    }
  }
}
