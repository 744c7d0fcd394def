import ContentStore
import Glibc
import Primitives
import Telemetry

/// The walk over a directory that is added. Every name is opened relative to its directory and
/// without following links, so nothing outside the tree is read, whoever changes it meanwhile.
struct TreeAddition {
  let layout: UnixFSLayout
  let directoryLayout: UnixFSDirectoryLayout
  let includesHidden: Bool
  let session: ContentSession
  let workers: ContentWorkers
  let meter: WorkMeter?
  let report: ContentTreeAdder.Report

  /// Adds the open directory, which is closed, and everything in it.
  func addDirectory(
    _ descriptor: Int32, path: String, shown: String, depth: Int
  ) throws -> AddedEntry {
    guard depth <= ContentTreeLimits.depthMax else {
      close(descriptor)
      throw BlockStoreError.treeTooLarge(path: path, limit: ContentTreeLimits.depthMax)
    }
    let directory = OpenDirectory(descriptor, path: path)
    var builder = UnixFSDirectoryBuilder(directoryLayout)
    var names = try directory.names(hidden: includesHidden)[...]
    while !names.isEmpty {
      let batch = names.prefix(ContentTreeLimits.entriesPerBatch)
      names = names.dropFirst(batch.count)
      for (name, found) in zip(batch, small(batch, in: directory)) {
        let text = try Self.text(name, in: path)
        let (inside, shownInside) = ("\(path)/\(text)", "\(shown)/\(text)")
        let entry = try finish(found, directory, name, inside, shownInside, depth)
        report(entry)
        meter?.finishEntry()
        try builder.add(UnixFSEntry(name: name, cid: entry.file.cid, tsize: entry.file.tsize))
      }
    }
    var blocks: [ContentBlock] = []
    let file = try builder.finish(into: &blocks)
    try session.store(blocks)
    return AddedEntry(path: shown, kind: .directory, file: file)
  }

  private static func text(_ name: Bytes, in path: String) throws(ContentError) -> String {
    try UnixFSName.check(name)
    return String(decoding: name, as: UTF8.self)
  }

  /// Opens all names and hashes the small files on several threads; results in order.
  private func small(_ names: ArraySlice<Bytes>, in directory: OpenDirectory) -> [FoundEntry] {
    let names = Array(names)
    let results = Lock([FoundEntry?](repeating: nil, count: names.count))
    let jobs = ContentJobGroup()
    let job = SmallEntries(
      directory: directory, layout: layout, directoryLayout: directoryLayout, session: session,
      meter: meter)
    for start in stride(from: 0, to: names.count, by: ContentTreeLimits.entriesPerJob) {
      let range = start..<min(start + ContentTreeLimits.entriesPerJob, names.count)
      let work: @Sendable () -> Void = {
        let found = job.add(names[range])
        results.withLock { $0.replaceSubrange(range, with: found) }
      }
      // A handful of entries is done before a thread wakes up.
      if names.count > ContentTreeLimits.entriesPerJob { workers.run(jobs, work) } else { work() }
    }
    jobs.wait()
    return results.withLock { $0.compactMap { $0 } }
  }

  /// Completes what the first pass found.
  private func finish(
    _ found: FoundEntry, _ directory: OpenDirectory, _ name: Bytes, _ path: String,
    _ shown: String, _ depth: Int
  ) throws -> AddedEntry {
    switch found {
    case .small(let file): return AddedEntry(path: shown, kind: .file, file: file)
    case .symlink(let file): return AddedEntry(path: shown, kind: .symlink, file: file)
    case .large:
      let descriptor = try directory.open(name, O_RDONLY, path: path)
      defer { close(descriptor) }
      let source = ContentSource(
        descriptor: descriptor, path: path, chunkByteCount: layout.chunkByteCount, meter: meter)
      let file = try FileAddition(layout: layout, session: session).add(source, on: workers)
      return AddedEntry(path: shown, kind: .file, file: file)
    case .directory:
      let descriptor = try directory.open(name, O_RDONLY | O_DIRECTORY, path: path)
      return try addDirectory(descriptor, path: path, shown: shown, depth: depth + 1)
    case .failed(let error): throw error
    }
  }
}

/// What became of a name in the first, parallel pass.
enum FoundEntry: Sendable {
  case small(UnixFSFile)
  case symlink(UnixFSFile)
  /// A file of a chunk or more, whose hashing is parallel in itself.
  case large
  case directory
  case failed(BlockStoreError)
}

/// Hashes and stores the small entries of one directory.
struct SmallEntries: Sendable {
  /// Blocks handed to the writer at a time.
  private static let gatheredByteCountMax = 1 << 20

  let directory: OpenDirectory
  let layout: UnixFSLayout
  let directoryLayout: UnixFSDirectoryLayout
  let session: ContentSession
  let meter: WorkMeter?

  /// Returns one result for each name.
  func add(_ names: ArraySlice<Bytes>) -> [FoundEntry] {
    var found: [FoundEntry] = []
    var blocks: [ContentBlock] = []
    var byteCount = 0
    for name in names {
      do throws(BlockStoreError) {
        let (entry, block) = try look(at: name)
        found.append(entry)
        guard let block else { continue }
        blocks.append(block)
        byteCount += block.bytes.count
        guard byteCount >= Self.gatheredByteCountMax else { continue }
        try session.store(blocks)
        blocks = []
        byteCount = 0
      } catch { found.append(.failed(error)) }
    }
    // A failure of the writer is kept by the session, which every later step asks.
    try? session.store(blocks)
    return found
  }

  private func look(at name: Bytes) throws(BlockStoreError) -> (FoundEntry, ContentBlock?) {
    let status = try directory.status(of: name)
    switch status.st_mode & S_IFMT {
    case S_IFDIR: return (.directory, nil)
    case S_IFLNK:
      let (block, file) = directoryLayout.symlink(to: try directory.target(of: name))
      return (.symlink(file), block)
    case S_IFREG where status.st_size < layout.chunkByteCount:
      let path = directory.path(of: name)
      let descriptor = try directory.open(name, O_RDONLY, path: path)
      defer { close(descriptor) }
      let chunk = try ContentSource(
        descriptor: descriptor, path: path, chunkByteCount: layout.chunkByteCount, meter: meter
      ).next(about: Int(status.st_size))
      // It has grown since.
      guard chunk.count < layout.chunkByteCount else { return (.large, nil) }
      let (block, subtree) = layout.leaf(chunk)
      return (.small(UnixFSFile(subtree)), block)
    case S_IFREG: return (.large, nil)
    default: throw .notAFile(path: directory.path(of: name))
    }
  }
}
