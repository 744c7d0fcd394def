public import ContentStore
public import Cryptography
public import Ledger
import Primitives

/// What a node knows of one described content.
public struct LibraryEntry: Hashable, Sendable {
  /// The signed record and its CID.
  public let record: ProvenanceRecord
  /// Its CID.
  public let recordCID: CID

  /// What is said of it.
  public var statement: ProvenanceStatement { record.statement }
}

/// What a search looks for; what is nil or empty matches everything.
public struct ContentQuery: Hashable, Sendable {
  /// What it is for.
  public var purpose: ProvenanceStatement.Purpose?
  /// The type of its bytes.
  public var format: String?
  /// Tags that it all has.
  public var tags: [String] = []
  /// The least and the largest size in bytes.
  public var sizes: ClosedRange<UInt64> = 0...UInt64.max
  /// Who signed.
  public var creator: PublicKey?
  /// Part of its name, letters of both cases alike.
  public var name: String?

  /// Everything.
  public init() {}

  /// Whether a statement is looked for.
  public func matches(_ statement: ProvenanceStatement) -> Bool {
    (purpose.map { $0 == statement.purpose } ?? true)
      && (format.map { $0 == statement.format } ?? true)
      && tags.allSatisfy { statement.tags.contains($0) } && sizes.contains(statement.size)
      && (creator.map { $0 == statement.uploader } ?? true)
      && (name.map { statement.name.lowercased().contains($0.lowercased()) } ?? true)
  }
}

/// The index of described contents and what the log says of them: a value that only changes by
/// records and events, so it can be built anew from both.
public struct ContentIndex: Sendable {
  private var entries: [CID: LibraryEntry] = [:]
  private var verdicts: [CID: ContentVerdict] = [:]
  private var readers: [CID: ReadAccess] = [:]
  /// What the operator serves no more.
  public private(set) var denylist = Denylist()
  private var terms: [CID: ContentTerms] = [:]
  private var registered: Set<CID> = []
  private var owed: [CID: UInt32] = [:]

  /// Knows nothing.
  public init() {}

  /// Described contents.
  public var count: Int { entries.count }

  /// Takes a verified record. Of several about one content the earliest by its uploader's clock
  /// counts, then the one with the smaller CID: whatever the order of arrival.
  public mutating func insert(_ record: ProvenanceRecord, cid: CID) throws(LibraryError) {
    let content = record.statement.content.asVersion1
    if let known = entries[content] {
      let new = (record.statement.createdMilliseconds, cid)
      guard new < (known.statement.createdMilliseconds, known.recordCID) else { return }
    } else if entries.count >= LibraryLimits.entriesMax {
      throw .tooMany(what: "described contents", limit: LibraryLimits.entriesMax)
    }
    entries[content] = LibraryEntry(record: record, recordCID: cid)
  }

  /// Takes what happened.
  public mutating func apply(_ event: LibraryEvent) {
    switch event {
    case .judged(let verdict): verdicts[verdict.content.asVersion1] = verdict
    case .readable(let cid, let access): readers[cid.asVersion1] = access
    case .denied(let entry, true): denylist.insert(entry)
    case .denied(let entry, false): denylist.remove(entry)
    case .offered(let cid, let offered): terms[cid.asVersion1] = offered
    case .registered(let cid, _): registered.insert(cid.asVersion1)
    case .owed(let cid, let accesses):
      let (sum, overflow) = (owed[cid.asVersion1] ?? 0).addingReportingOverflow(accesses)
      owed[cid.asVersion1] = overflow ? .max : sum
    case .paying(let cid, let accesses):
      let left = (owed[cid.asVersion1] ?? 0).subtractingReportingOverflow(accesses)
      owed[cid.asVersion1] = left.overflow || left.partialValue == 0 ? nil : left.partialValue
    }
  }

  /// What is known of content.
  public subscript(cid: CID) -> LibraryEntry? { entries[cid.asVersion1] }

  /// The newest verdict.
  public func verdict(on cid: CID) -> ContentVerdict? { verdicts[cid.asVersion1] }

  /// Contents that the last verdict held, in order of CID.
  public var held: [CID] {
    verdicts.values.compactMap { verdict in
      if case .held = verdict.decision { verdict.content } else { nil }
    }.sorted()
  }

  /// Who may read; everybody unless somebody said otherwise.
  public func readers(of cid: CID) -> ReadAccess { readers[cid.asVersion1] ?? .everybody }

  /// The terms of the owner's offer; free unless they said otherwise.
  public func terms(of cid: CID) -> ContentTerms { terms[cid.asVersion1] ?? ContentTerms() }

  /// Contents of `owner` that the ledger does not know yet, parents before what was made of them.
  public func unregistered(of owner: PublicKey) -> [LibraryEntry] {
    var order: [LibraryEntry] = []
    var seen = registered
    for entry in sorted() where entry.statement.uploader == owner {
      append(entry, of: owner, to: &order, &seen)
    }
    return order
  }

  private func append(
    _ entry: LibraryEntry, of owner: PublicKey, to order: inout [LibraryEntry],
    _ seen: inout Set<CID>, depth: Int = 0
  ) {
    guard seen.insert(entry.statement.content.asVersion1).inserted,
      depth < ProvenanceLimits.generationsMax
    else { return }
    for parent in entry.statement.parents {
      guard let known = self[parent.content], known.statement.uploader == owner else { continue }
      append(known, of: owner, to: &order, &seen, depth: depth + 1)
    }
    order.append(entry)
  }

  /// Accesses that are to be paid, in order of CID.
  public var debts: [(content: CID, accesses: UInt32)] {
    owed.sorted { $0.key < $1.key }.map { (content: $0.key, accesses: $0.value) }
  }

  /// What a query looks for, the newest first; at most `LibraryLimits.resultsMax`.
  public func search(_ query: ContentQuery) -> [LibraryEntry] {
    Array(sorted().lazy.filter { query.matches($0.statement) }.prefix(LibraryLimits.resultsMax))
  }

  /// The newest first, equal ones in order of CID.
  private func sorted() -> [LibraryEntry] {
    entries.values.sorted { left, right in
      let (newer, older) = (left.statement.createdMilliseconds, right.statement.createdMilliseconds)
      return newer != older ? newer > older : left.recordCID < right.recordCID
    }
  }
}
