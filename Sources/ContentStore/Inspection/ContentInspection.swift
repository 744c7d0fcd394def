public import Primitives

/// What makes content dangerous or hard to judge.
public enum ContentFinding: Hashable, Sendable {
  /// A pickle: whoever loads it runs what it calls. The imports show what that is.
  case pickle(entry: String, imports: [String], calls: Bool, isWhole: Bool)
  /// A pickle inside an archive that is compressed and was not read.
  case hiddenPickle(entry: String)
  /// A NumPy array of objects, which is a pickle behind its header.
  case objectArray(entry: String)
  /// A program or a script.
  case program
  /// Something that could not be read to its end.
  case unread(reason: String)

  /// Whether loading the content may run code from it.
  public var isExecutable: Bool {
    switch self {
    case .pickle, .hiddenPickle, .objectArray, .program: true
    case .unread: false
    }
  }
}

/// What the bytes of a file turned out to be.
public struct ContentReport: Hashable, Sendable {
  /// By how the file begins, and for archives by what is in them.
  public let type: ContentType
  /// In the order of the file.
  public let findings: [ContentFinding]

  /// Collects both.
  public init(type: ContentType, findings: [ContentFinding]) {
    self.type = type
    self.findings = findings
  }

  /// Whether loading the content may run code from it.
  public var isExecutable: Bool {
    type.isExecutable || findings.contains { $0.isExecutable }
  }
}

/// Looks at a file as a machine: it says which bytes it wants and takes them; nothing is run.
///
/// Of most files the first 64 KiB are enough. Pickles are read through, their data skipped; of zip
/// archives the list, the pickles and the heads of arrays.
public struct ContentInspection: Sendable {
  /// Pickles and arrays of one archive that are looked into.
  public static let entriesMax = 64
  private static let arrayHeadByteCount = 4_096
  private static let archiveUnread = "the archive's list of files cannot be read"

  private enum Stage: Sendable {
    case head
    case tail
    case list(Range<UInt64>)
    case entry(ZipEntry)
    case pickle(name: String, PickleScan, next: UInt64, end: UInt64)
    case finished
  }

  private let size: UInt64
  private var stage = Stage.head
  private var type = ContentType.unknown
  private var findings: [ContentFinding] = []
  private var waiting: [ZipEntry] = []

  /// Starts with a file of `size` bytes.
  public init(size: UInt64) {
    self.size = size
    if size == 0 { stage = .finished }
  }

  /// The bytes needed next; nil when the report is complete.
  public var wanted: Range<UInt64>? {
    switch stage {
    case .head: return 0..<min(UInt64(MagicBytes.headByteCount), size)
    case .tail: return size - min(UInt64(ZipDirectory.tailByteCount), size)..<size
    case .list(let range): return range
    case .entry(let entry):
      let count = UInt64(ZipDirectory.localHeaderByteCountMax + Self.arrayHeadByteCount)
      return entry.headerOffset..<entry.headerOffset + min(count, size - entry.headerOffset)
    case .pickle(_, _, let next, let end):
      return next..<next + min(UInt64(PickleScan.windowByteCount), end - next)
    case .finished: return nil
    }
  }

  /// What was found; complete once nothing is wanted.
  public var report: ContentReport { ContentReport(type: type, findings: findings) }

  /// Takes the wanted bytes.
  public mutating func supply(_ bytes: Bytes) {
    guard let wanted else { preconditionFailure("no bytes were wanted") }
    precondition(bytes.count == wanted.count, "\(bytes.count) bytes for \(wanted)")
    switch stage {
    case .head: takeHead(bytes)
    case .tail: takeTail(bytes)
    case .list: takeList(bytes)
    case .entry(let entry): takeEntry(entry, bytes)
    case .pickle(let name, var scan, let next, let end):
      let following = scan.read(bytes, at: next, fileSize: end)
      if let following, following < end {
        stage = .pickle(name: name, scan, next: following, end: end)
      } else {
        finish(scan, name)
      }
    case .finished: preconditionFailure("nothing is wanted at the end")
    }
  }

  private mutating func takeHead(_ head: Bytes) {
    type = MagicBytes.type(of: head, size: size)
    stage = .finished
    switch type {
    case .zip: stage = .tail
    case .pickle: stage = .pickle(name: "", PickleScan(), next: 0, end: size)
    case .npy: judgeArray(head, "")
    case .program, .script: findings.append(.program)
    default: break
    }
  }

  private mutating func takeTail(_ tail: Bytes) {
    guard let range = ZipDirectory.range(tail: tail, fileSize: size),
      range.count <= ZipDirectory.byteCountMax
    else { return endUnread(Self.archiveUnread) }
    if range.isEmpty { stage = .finished } else { stage = .list(range) }
  }

  private mutating func takeList(_ list: Bytes) {
    guard let entries = ZipDirectory.entries(of: list) else {
      return endUnread(Self.archiveUnread)
    }
    let files = entries.filter { !$0.name.hasSuffix("/") }
    if files.contains(where: { $0.name.hasSuffix("data.pkl") }) {
      type = .torchArchive
    } else if !files.isEmpty, files.allSatisfy({ $0.name.hasSuffix(".npy") }) {
      type = .npz
    }
    waiting = files.filter { Self.isPickle($0.name) || $0.name.hasSuffix(".npy") }
    if waiting.count > Self.entriesMax {
      // Pickles first: what is left out are arrays, which the loader must be told to trust.
      waiting.sort { Self.isPickle($0.name) && !Self.isPickle($1.name) }
      waiting.removeLast(waiting.count - Self.entriesMax)
      findings.append(.unread(reason: "the archive has more files than are looked into"))
    }
    waiting.reverse()
    next()
  }

  private static func isPickle(_ name: String) -> Bool {
    [".pkl", ".pickle", ".joblib"].contains { name.hasSuffix($0) }
  }

  private mutating func next() {
    guard let entry = waiting.popLast() else {
      stage = .finished
      return
    }
    guard entry.headerOffset < size else { return endUnread(Self.archiveUnread) }
    stage = .entry(entry)
  }

  private mutating func takeEntry(_ entry: ZipEntry, _ bytes: Bytes) {
    guard let header = ZipDirectory.localHeaderByteCount(bytes), header <= bytes.count else {
      return endUnread("a file of the archive has no header")
    }
    guard Self.isPickle(entry.name) else {
      if entry.isStored {
        judgeArray(Bytes(bytes.dropFirst(header)), entry.name)
      }
      return next()
    }
    guard entry.isStored else {
      findings.append(.hiddenPickle(entry: entry.name))
      return next()
    }
    // The header was read, so the file reaches behind it.
    let begin = entry.headerOffset + UInt64(header)
    let (end, overflow) = begin.addingReportingOverflow(entry.compressedSize)
    guard !overflow, end <= size, begin < end else {
      return endUnread("a file of the archive has no bytes")
    }
    stage = .pickle(name: entry.name, PickleScan(), next: begin, end: end)
  }

  private mutating func finish(_ scan: PickleScan, _ name: String) {
    findings.append(
      .pickle(
        entry: name, imports: scan.imports, calls: scan.calls,
        isWhole: !scan.isCut && scan.isStopped))
    next()
  }

  /// The header of an array (numpy.lib.format) names its type; `O` are objects.
  private mutating func judgeArray(_ head: Bytes, _ name: String) {
    let header = String(decoding: head.prefix(Self.arrayHeadByteCount), as: UTF8.self)
    guard let descriptor = header.split(separator: "'descr'").dropFirst().first else { return }
    let types = descriptor.split(separator: "'fortran_order'").first ?? descriptor
    let isObject = ["'|O'", "'O'", "'|O8'", "'O8'", "'|O4'"].contains { types.contains($0) }
    if isObject { findings.append(.objectArray(entry: name)) }
  }

  private mutating func endUnread(_ reason: String) {
    findings.append(.unread(reason: reason))
    stage = .finished
  }
}
