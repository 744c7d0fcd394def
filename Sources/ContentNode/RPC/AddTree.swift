import ContentStore
import Primitives

/// Puts the parts of an upload together to files, links and directories, and names them.
///
/// Parts come as paths; what has the same first name comes together, in any order. Directories that
/// no part announces are made. Files are told of when they end, the directories of one root behind
/// all its files, children before parents by their names, as Kubo does. Pure: blocks go to the
/// caller.
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
    let name: Bytes
    /// Where the directories inside are, by their names.
    var children: [Bytes: Int] = [:]
    var builder: UnixFSDirectoryBuilder
  }

  private static let targetByteCountMax = 4_096

  private let settings: AddSettings
  /// The directories of the root that is open, itself first; none where it is a file.
  private var directories: [Directory] = []
  /// The directory of the part that is read.
  private var place: Int?
  private var entry: Entry?
  private var path: [String] = []
  /// Whether anything was added.
  private(set) var isEmpty = true

  init(_ settings: AddSettings) {
    self.settings = settings
    if settings.isWrapped { directories = [directory(named: [])] }
  }

  private func directory(named name: Bytes) -> Directory {
    Directory(name: name, builder: UnixFSDirectoryBuilder(settings.directoryLayout))
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
    let names = path.pathNames
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

  /// Goes to the directory at `parents`; another first name ends the root that is open.
  private mutating func enter(
    _ parents: [String], into blocks: inout [ContentBlock], _ events: inout [Event]
  ) throws {
    var rest = parents.map { Bytes($0.utf8) }[...]
    if !settings.isWrapped {
      let first = rest.popFirst()
      if directories.first?.name != first { try endRoot(into: &blocks, &events) }
      if directories.isEmpty, let first { directories = [directory(named: first)] }
    }
    place = directories.isEmpty ? nil : 0
    for name in rest { place = try directory(named: name, inside: place ?? 0) }
  }

  private mutating func directory(named name: Bytes, inside parent: Int) throws -> Int {
    if let known = directories[parent].children[name] { return known }
    guard directories.count < KuboLimits.directoriesMax else {
      throw KuboError.tooLargeToList(
        limit: KuboLimits.directoriesMax, hint: "add fewer directories at a time")
    }
    directories.append(directory(named: name))
    directories[parent].children[name] = directories.count - 1
    return directories.count - 1
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
    if place == nil { events.append(.root(file)) }
    events.append(.added(name: name, file))
    if let place {
      let name = Bytes((path.last ?? "").utf8)
      try directories[place].builder.add(
        UnixFSEntry(name: name, cid: file.cid, tsize: file.tsize))
    }
  }

  // MARK: - Directories

  /// Ends the root that is open, if it is a directory.
  private mutating func endRoot(
    into blocks: inout [ContentBlock], _ events: inout [Event]
  ) throws {
    guard !directories.isEmpty else { return }
    var finished: [Event] = []
    let root = try finish(0, named: directories[0].name, into: &blocks, &finished)
    directories = []
    events.append(.root(root))
    events += finished
  }

  private mutating func finish(
    _ index: Int, named path: Bytes, into blocks: inout [ContentBlock],
    _ finished: inout [Event]
  ) throws -> UnixFSFile {
    let children = directories[index].children.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    for (name, child) in children {
      let inside = path.isEmpty ? name : path + [UInt8(ascii: "/")] + name
      let file = try finish(child, named: inside, into: &blocks, &finished)
      try directories[index].builder.add(
        UnixFSEntry(name: name, cid: file.cid, tsize: file.tsize))
    }
    let file = try directories[index].builder.finish(into: &blocks)
    finished.append(.added(name: String(decoding: path, as: UTF8.self), file))
    return file
  }

  /// Ends the upload; without any part there is nothing to add.
  mutating func finish(
    into blocks: inout [ContentBlock], _ events: inout [Event]
  ) throws {
    guard !isEmpty else { throw KuboError.fileMissing(name: "path") }
    try endRoot(into: &blocks, &events)
  }
}
