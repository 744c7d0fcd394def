import ContentStore
import Primitives

/// Puts the parts of an upload together to files, links and directories, and names them.
///
/// Parts come as paths, a directory's content behind it and together; directories that no part
/// announces are made. Files are told of when they end, the directories of one root behind all its
/// files, children before parents, as Kubo does. Pure: blocks go to the caller.
struct AddTree: Sendable {
  /// What came of a part.
  enum Event: Equatable, Sendable {
    /// So many bytes of a file were read.
    case progress(name: String, byteCount: UInt64)
    case added(name: String, UnixFSFile)
    /// Everything below a root is named; its own event follows.
    case root(UnixFSFile)
  }

  private enum Entry {
    case file(UnixFSBuilder, byteCount: UInt64, told: UInt64)
    case symlink(target: Bytes)
  }

  private struct Directory {
    let name: String
    var builder: UnixFSDirectoryBuilder
  }

  private static let targetByteCountMax = 4_096

  private let settings: AddSettings
  /// The open directories, the root first.
  private var directories: [Directory] = []
  private var entry: Entry?
  private var path: [String] = []
  /// The finished directories of the root that is open.
  private var finished: [Event] = []
  /// Whether anything was added.
  private(set) var isEmpty = true

  init(_ settings: AddSettings) {
    self.settings = settings
    if settings.isWrapped { open("") }
  }

  private mutating func open(_ name: String) {
    directories.append(
      Directory(name: name, builder: UnixFSDirectoryBuilder(settings.directoryLayout)))
  }

  // MARK: - Parts

  mutating func begin(
    _ part: MultipartPart, into blocks: inout [ContentBlock], _ events: inout [Event]
  ) throws {
    path = try Self.names(in: part.fileName ?? "")
    isEmpty = false
    let parents = part.kind == .directory ? path : Array(path.dropLast())
    try enter(parents, into: &blocks, &events)
    switch part.kind {
    case .directory: entry = nil
    case .file: entry = .file(UnixFSBuilder(settings.layout), byteCount: 0, told: 0)
    case .symlink: entry = .symlink(target: [])
    }
  }

  /// The names of a path, each fit for a directory. A part without a name has none.
  private static func names(in path: String) throws(KuboError) -> [String] {
    let names = path.split(separator: "/").map(String.init)
    guard names.count <= KuboLimits.depthMax else {
      throw .upload(.tooDeep(limit: KuboLimits.depthMax))
    }
    for name in names {
      do { try UnixFSName.check(Bytes(name.utf8)) } catch {
        throw .upload(.unusableName(name, reason: "\(error)"))
      }
    }
    return names
  }

  /// Leaves the directories that `parents` are not in, and opens those that are not open.
  private mutating func enter(
    _ parents: [String], into blocks: inout [ContentBlock], _ events: inout [Event]
  ) throws {
    let floor = settings.isWrapped ? 1 : 0
    let open = directories.dropFirst(floor).map(\.name)
    let common = zip(open, parents).prefix { $0 == $1 }.count
    while directories.count > floor + common { try leave(into: &blocks, &events) }
    for name in parents.dropFirst(common) { self.open(name) }
  }

  mutating func append(
    _ bytes: Bytes, into blocks: inout [ContentBlock], _ events: inout [Event]
  ) throws {
    switch entry {
    case .file(var builder, var byteCount, var told):
      entry = nil
      builder.append(bytes, into: &blocks)
      byteCount += UInt64(bytes.count)
      while settings.showsProgress, byteCount - told >= UInt64(KuboLimits.progressByteCount) {
        told += UInt64(KuboLimits.progressByteCount)
        events.append(.progress(name: name, byteCount: told))
      }
      entry = .file(builder, byteCount: byteCount, told: told)
    case .symlink(let target):
      guard target.count + bytes.count <= Self.targetByteCountMax else {
        throw KuboError.upload(.partTooLarge(limit: Self.targetByteCountMax))
      }
      entry = .symlink(target: target + bytes)
    case nil: break  // what stands in a directory's part means nothing
    }
  }

  private var name: String { path.joined(separator: "/") }

  mutating func endPart(
    into blocks: inout [ContentBlock], _ events: inout [Event]
  ) throws {
    guard let entry else { return }
    self.entry = nil
    let file: UnixFSFile
    switch entry {
    case .file(var builder, let byteCount, _):
      if settings.showsProgress {
        events.append(.progress(name: name, byteCount: byteCount))
      }
      file = builder.finish(into: &blocks)
    case .symlink(let target):
      let (block, link) = settings.directoryLayout.symlink(to: target)
      blocks.append(block)
      file = link
    }
    // Kubo calls what has no name by its CID.
    if path.isEmpty { path = ["\(file.cid)"] }
    let isRoot = directories.isEmpty
    if isRoot { events.append(.root(file)) }
    events.append(.added(name: name, file))
    if !isRoot { try add(file, as: path.last ?? "") }
  }

  private mutating func add(_ file: UnixFSFile, as name: String) throws(ContentError) {
    try directories[directories.count - 1].builder.add(UnixFSEntry(name: name, file))
  }

  // MARK: - Directories

  private mutating func leave(
    into blocks: inout [ContentBlock], _ events: inout [Event]
  ) throws {
    guard var directory = directories.popLast() else { return }
    let file = try directory.builder.finish(into: &blocks)
    let names = directories.map(\.name) + [directory.name]
    guard finished.count < KuboLimits.directoriesMax else {
      throw KuboError.tooLargeToList(
        limit: KuboLimits.directoriesMax, hint: "add fewer directories at a time")
    }
    finished.append(.added(name: names.filter { !$0.isEmpty }.joined(separator: "/"), file))
    guard directories.isEmpty else { return try add(file, as: directory.name) }
    events.append(.root(file))
    events += finished
    finished = []
  }

  /// Ends the upload; without any part there is nothing to add.
  mutating func finish(
    into blocks: inout [ContentBlock], _ events: inout [Event]
  ) throws {
    guard !isEmpty else { throw KuboError.fileMissing(name: "path") }
    while !directories.isEmpty { try leave(into: &blocks, &events) }
  }
}
