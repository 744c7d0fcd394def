public import ContentStore
import Glibc
import Primitives
import Telemetry

/// One entry of a tree that was added.
public struct AddedEntry: Equatable, Sendable {
  /// What an entry is.
  public enum Kind: String, Sendable {
    case file
    case directory
    case symlink
  }

  /// The path from the root's own name on.
  public let path: String
  /// What it is.
  public let kind: Kind
  /// Its name, size and cumulative size.
  public let file: UnixFSFile
}

/// Limits of a tree on a disk, when it is added and when it is written.
public enum ContentTreeLimits {
  /// Directories inside each other: what a path of the usual length (PATH_MAX) can name.
  public static let depthMax = 256
  /// Entries of one directory; they are in memory while it is read.
  public static let entriesMax = 1 << 22
  /// Entries that are looked at before the next are; bounds the memory of the results.
  static let entriesPerBatch = 512
  /// Entries that one job hashes: enough to pay for handing it to a thread.
  static let entriesPerJob = 32
}

/// Adds a directory with everything in it, as `ipfs add -r` does.
///
/// Entries come in the order of their names' bytes, each directory after its children, the root
/// last. Symbolic links are kept and not followed (the root is), files whose name begins with a
/// period are left out unless asked for, empty directories are kept. One pin holds the whole tree.
public struct ContentTreeAdder: Sendable {
  /// Called for each entry, in order, on the thread that adds.
  public typealias Report = (AddedEntry) -> Void

  private let adder: ContentAdder
  private let directoryLayout: UnixFSDirectoryLayout
  private let includesHidden: Bool

  /// Adds files as `adder` does.
  public init(
    _ adder: ContentAdder,
    directoryLayout: UnixFSDirectoryLayout = UnixFSProfile.v1In2025.directoryLayout,
    includesHidden: Bool = false
  ) {
    self.adder = adder
    self.directoryLayout = directoryLayout
    self.includesHidden = includesHidden
  }

  /// Adds the file or directory at `path` and returns its root once everything is durable; blocks
  /// the calling thread.
  ///
  /// Throws `BlockStoreError`, or `ContentError` for a name that no directory may hold.
  public func addBlocking(path: String, report: @escaping Report = { _ in }) throws -> AddedEntry {
    let name = Self.name(of: path)
    let session = ContentSession(store: adder.store, isPinning: adder.isPinning)
    let workers = ContentWorkers()
    defer { workers.close() }
    let directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    let root: AddedEntry
    if directory >= 0 {
      let walk = TreeAddition(
        layout: adder.layout, directoryLayout: directoryLayout, includesHidden: includesHidden,
        session: session, workers: workers, meter: adder.meter, report: report)
      root = try walk.addDirectory(directory, path: path, shown: name, depth: 1)
    } else if errno == ENOTDIR {
      root = try addFile(path, name, session, workers)
    } else {
      throw BlockStoreError.failed("opening", path, errno)
    }
    try session.finish(root: root.file.cid, pinName: adder.pinName)
    report(root)
    return root
  }

  private func addFile(
    _ path: String, _ name: String, _ session: ContentSession, _ workers: ContentWorkers
  ) throws(BlockStoreError) -> AddedEntry {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .failed("opening", path, errno) }
    defer { close(descriptor) }
    let source = ContentSource(
      descriptor: descriptor, path: path, chunkByteCount: adder.layout.chunkByteCount,
      meter: adder.meter)
    let file = try FileAddition(layout: adder.layout, session: session).add(source, on: workers)
    return AddedEntry(path: name, kind: .file, file: file)
  }

  /// The last part of a path, also where that is a period or two.
  private static func name(of path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    if let part = path.pathNames.last, part != ".", part != ".." { return part }
    return String(cString: resolved).pathNames.last ?? "/"
  }
}
