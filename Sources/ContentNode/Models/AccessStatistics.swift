public import ContentStore
public import Cryptography
public import Primitives

/// One access to content, as the append-only log keeps it.
public struct ContentAccessEntry: Hashable, Sendable {
  /// What was read.
  public let content: CID
  /// Who read it; nil for a reader without an account.
  public let reader: PublicKey?
  /// When, in milliseconds since 1970 of this node's clock.
  public let milliseconds: UInt64
  /// Bytes that were given.
  public let byteCount: UInt64

  /// Names an access.
  public init(content: CID, reader: PublicKey?, milliseconds: UInt64, byteCount: UInt64) {
    self.content = content
    self.reader = reader
    self.milliseconds = milliseconds
    self.byteCount = byteCount
  }

  private static let millisecondsPerDay: UInt64 = 86_400_000

  /// The day, counted from 1 January 1970 UTC.
  public var day: UInt32 {
    UInt32(min(milliseconds / Self.millisecondsPerDay, UInt64(LibraryLimits.dayMax)))
  }
}

extension ContentAccessEntry: CanonicalCodable {
  /// A map of the fields; `reader` is left out where there is none.
  public var canonicalValue: CanonicalValue {
    var entries: [String: CanonicalValue] = [
      "content": .link(content.bytes), "time": .unsigned(milliseconds),
      "bytes": .unsigned(byteCount),
    ]
    if let reader { entries["reader"] = reader.canonicalValue }
    return .map(entries)
  }

  /// Reads the fields.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    guard case .link(let bytes) = try fields.value("content"),
      let content = try? CID(decoding: bytes), content.bytes == bytes
    else { throw .malformed(what: "access", reason: "expected a link") }
    self.content = content
    milliseconds = try fields.unsigned("time")
    byteCount = try fields.unsigned("bytes")
    var reader: PublicKey?
    if let value = fields.optional("reader") { reader = try PublicKey(canonicalValue: value) }
    self.reader = reader
    try fields.finish()
  }
}

/// Accesses by content and day.
public struct AccessStatistics: Sendable, Equatable {
  /// What is counted of one content.
  public struct Counts: Sendable, Equatable {
    /// Accesses in all.
    public fileprivate(set) var accesses: UInt64 = 0
    /// Bytes in all.
    public fileprivate(set) var byteCount: UInt64 = 0
    /// Accesses of each of the last days, oldest first.
    public fileprivate(set) var days: [(day: UInt32, accesses: UInt64)] = []

    /// Compares all counts.
    public static func == (left: Counts, right: Counts) -> Bool {
      left.accesses == right.accesses && left.byteCount == right.byteCount
        && left.days.elementsEqual(right.days) { $0 == $1 }
    }
  }

  private var contents: [CID: Counts] = [:]
  /// Accesses in all, those of contents beyond the limit included.
  public private(set) var accesses: UInt64 = 0

  /// No accesses.
  public init() {}

  /// Counts an access.
  public mutating func note(_ entry: ContentAccessEntry) {
    accesses &+= 1
    let content = entry.content.asVersion1
    guard contents[content] != nil || contents.count < LibraryLimits.countedContentsMax else {
      return
    }
    contents[content, default: Counts()].note(entry)
  }

  /// What is counted of content.
  public subscript(content: CID) -> Counts { contents[content.asVersion1] ?? Counts() }

  /// The contents with the most accesses, the most first; equal ones in order of CID.
  public func top(_ count: Int) -> [(content: CID, counts: Counts)] {
    contents.sorted {
      $0.value.accesses != $1.value.accesses
        ? $0.value.accesses > $1.value.accesses : $0.key < $1.key
    }.prefix(max(0, count)).map { (content: $0.key, counts: $0.value) }
  }
}

extension AccessStatistics.Counts {
  fileprivate mutating func note(_ entry: ContentAccessEntry) {
    accesses &+= 1
    byteCount = byteCount.addingReportingOverflow(entry.byteCount).partialValue
    let day = entry.day
    // A clock that was set back counts into the day it names.
    let place = days.lastIndex { $0.day <= day }
    if let place, days[place].day == day {
      days[place].accesses += 1
    } else {
      days.insert((day: day, accesses: 1), at: place.map { $0 + 1 } ?? 0)
      if days.count > LibraryLimits.countedDaysMax { days.removeFirst() }
    }
  }
}
