public import ContentStore
public import Cryptography
public import Persistence
import Primitives
public import Telemetry

/// What a walk over stored content found.
public struct ContentSurvey: Sendable {
  /// Bytes of the file, or of all files of the directory.
  public let size: UInt64
  /// SHA-256 of a file's bytes; nil for a directory.
  public let sha256: Digest?
  /// What the bytes look like; of a directory all findings, each with its file's path in front.
  public let report: ContentReport
  /// Files whose digest is on the denylist, or content that is.
  public let isDenied: Bool
}

/// Reads stored content to judge it: every block is checked, nothing is run.
public struct StoredContent {
  private let store: BlockStore
  private let policy: ContentPolicy
  private let meter: WorkMeter?

  /// Judges by `policy` what `store` has; `meter` counts the bytes that are read for it.
  public init(store: BlockStore, policy: ContentPolicy, meter: WorkMeter? = nil) {
    self.store = store
    self.policy = policy
    self.meter = meter
  }

  /// Surveys a file or a directory; blocks the calling thread for as long as reading takes.
  public func surveyBlocking(_ cid: CID) throws -> ContentSurvey {
    switch try kind(of: cid) {
    case .file: return try file(cid)
    case .directory: return try directory(cid)
    case .symlink: throw ContentError.notAFile(cid, found: "a symbolic link")
    }
  }

  private func kind(of cid: CID) throws -> ContentKind {
    do { return try ContentKind(of: cid, in: store) } catch {
      if case ContentError.missingBlock = error { throw LibraryError.incomplete(cid) }
      throw error
    }
  }

  private func file(_ cid: CID) throws -> ContentSurvey {
    let hasher = SHA256Hasher()
    var size: UInt64 = 0
    try readAll(cid) { bytes in
      hasher.update(bytes)
      size += UInt64(bytes.count)
    }
    let sha256 = hasher.finalize()
    return ContentSurvey(
      size: size, sha256: sha256, report: try inspect(cid, size: size),
      isDenied: policy.denylist.contains(cid, sha256: sha256))
  }

  /// Gives a file's bytes in order; nothing is given of one that is over the policy's limit.
  func readAll(_ cid: CID, _ body: (Bytes) throws -> Void) throws {
    var reader = UnixFSReader(root: cid, source: store)
    while let bytes = try next(&reader, cid) {
      if let size = reader.fileSize, size > policy.byteCountMax {
        throw LibraryError.refused(cid, [.tooLarge(size: size, limit: policy.byteCountMax)])
      }
      try body(bytes)
      meter?.advance(by: UInt64(bytes.count))
    }
  }

  private func next(_ reader: inout UnixFSReader<BlockStore>, _ cid: CID) throws -> Bytes? {
    do { return try reader.next() } catch ContentError.missingBlock {
      throw LibraryError.incomplete(cid)
    }
  }

  private func inspect(_ cid: CID, size: UInt64) throws -> ContentReport {
    var inspection = ContentInspection(size: size)
    while let wanted = inspection.wanted {
      inspection.supply(try bytes(wanted, of: cid))
    }
    return inspection.report
  }

  private func bytes(_ range: Range<UInt64>, of cid: CID) throws -> Bytes {
    guard let part = EntityBytes(offset: range.lowerBound, count: UInt64(range.count)) else {
      return []
    }
    var reader = UnixFSReader(root: cid, source: store, bytes: part)
    var bytes = Bytes()
    while let next = try next(&reader, cid) { bytes += next }
    guard bytes.count == range.count else { throw LibraryError.incomplete(cid) }
    return bytes
  }

  private func directory(_ root: CID) throws -> ContentSurvey {
    var size: UInt64 = 0
    var findings: [ContentFinding] = []
    var type: ContentType?
    var isDenied = policy.denylist.contains(root)
    var files = 0
    try walk(root, path: "", depth: 0) { path, cid in
      files += 1
      guard files <= LibraryLimits.filesMax else {
        throw LibraryError.tooMany(what: "files", limit: LibraryLimits.filesMax)
      }
      let survey = try file(cid)
      size += survey.size
      guard size <= policy.byteCountMax else {
        throw LibraryError.refused(root, [.tooLarge(size: size, limit: policy.byteCountMax)])
      }
      isDenied = isDenied || survey.isDenied
      findings += survey.report.findings.map { $0.inside(path) }
      type = Self.worse(type, survey.report.type, policy)
    }
    return ContentSurvey(
      size: size, sha256: nil,
      report: ContentReport(type: type ?? .text, findings: findings), isDenied: isDenied)
  }

  /// A directory is judged by the file that the policy likes least: one that is not taken, else one
  /// that runs code, else the first.
  private static func worse(
    _ known: ContentType?, _ new: ContentType, _ policy: ContentPolicy
  ) -> ContentType {
    guard let known else { return new }
    if !policy.types.contains(known) { return known }
    if !policy.types.contains(new) { return new }
    return known.isExecutable || !new.isExecutable ? known : new
  }

  private func walk(
    _ cid: CID, path: String, depth: Int, _ body: (String, CID) throws -> Void
  ) throws {
    guard depth <= UnixFSTreeLimits().depthMax else {
      throw ContentError.tooDeep(cid, limit: UnixFSTreeLimits().depthMax)
    }
    var directory = UnixFSDirectoryWalk(root: cid)
    while let wanted = directory.wanted {
      let block: Bytes
      do { block = try store.block(wanted) } catch ContentError.missingBlock {
        throw LibraryError.incomplete(cid)
      }
      for entry in try directory.supply(block) {
        let place = path.isEmpty ? entry.text : path + "/" + entry.text
        switch try kind(of: entry.cid) {
        case .file: try body(place, entry.cid)
        case .directory: try walk(entry.cid, path: place, depth: depth + 1, body)
        case .symlink: continue
        }
      }
    }
  }
}

extension ContentFinding {
  /// The same finding in a file of a directory.
  fileprivate func inside(_ path: String) -> ContentFinding {
    func place(_ entry: String) -> String { entry.isEmpty ? path : path + ": " + entry }
    return switch self {
    case .pickle(let entry, let imports, let calls, let isWhole):
      .pickle(entry: place(entry), imports: imports, calls: calls, isWhole: isWhole)
    case .hiddenPickle(let entry): .hiddenPickle(entry: place(entry))
    case .objectArray(let entry): .objectArray(entry: place(entry))
    case .program: .program
    case .unread(let reason): .unread(reason: place(reason))
    }
  }
}

extension StoredContent {
  /// Gives each file to the scanner; the first that is not clean decides.
  func scanBlocking(_ cid: CID, with scanner: any ContentScanner) throws -> VirusScan {
    guard case .directory = try kind(of: cid) else { return try scan(cid, scanner) }
    var worst = VirusScan.clean
    try walk(cid, path: "", depth: 0) { _, file in
      guard worst == .clean else { return }
      worst = try scan(file, scanner)
    }
    return worst
  }

  private func scan(_ cid: CID, _ scanner: any ContentScanner) throws -> VirusScan {
    var reader = UnixFSReader(root: cid, source: store)
    return try scanner.scanBlocking {
      let bytes = try next(&reader, cid)
      meter?.advance(by: UInt64(bytes?.count ?? 0))
      return bytes
    }
  }
}
