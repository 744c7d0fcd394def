public import ContentStore
public import Cryptography
public import Ledger
public import Primitives

/// Who may read content over this node's interfaces.
public enum ReadAccess: Hashable, Sendable {
  case everybody
  case accounts(Set<PublicKey>)
  case nobody

  /// Whether a reader, nil for an unknown one, may read.
  public func allows(_ reader: PublicKey?) -> Bool {
    switch self {
    case .everybody: true
    case .accounts(let accounts): reader.map { accounts.contains($0) } ?? false
    case .nobody: false
    }
  }
}

/// What a library's log holds beside the records, which are content themselves.
public enum LibraryEvent: Hashable, Sendable {
  /// What a node found about content; the newest verdict counts.
  case judged(ContentVerdict)
  /// Who may read it; the newest list counts.
  case readable(CID, ReadAccess)
  /// Whether the operator serves it no more; the newest word counts.
  case denied(DenylistEntry, Bool)
  /// The terms under which the owner will register it.
  case offered(CID, ContentTerms)
  /// It is on the ledger.
  case registered(CID, transaction: Digest)
  /// Accesses of the node's own account that are to be paid.
  case owed(CID, accesses: UInt32)
  /// The accesses that were owed are handed to the ledger; noted before they are, so that a crash
  /// between loses a payment and never makes two.
  case paying(CID, accesses: UInt32)
}

extension LibraryEvent: CanonicalCodable {
  /// A map of the content's link, the event's name and its values.
  public var canonicalValue: CanonicalValue {
    switch self {
    case .judged(let verdict): .map(["judged": verdict.canonicalValue])
    case .readable(let cid, let access):
      .map(["content": .link(cid.bytes), "readers": access.canonicalValue])
    case .denied(let entry, let isDenied):
      .map(["denied": Self.value(of: entry), "on": .bool(isDenied)])
    case .offered(let cid, let terms):
      .map([
        "content": .link(cid.bytes), "price": terms.price.canonicalValue,
        "royalty": .unsigned(UInt64(terms.royaltyPartsPerMillion)),
      ])
    case .registered(let cid, let transaction):
      .map(["content": .link(cid.bytes), "registered": transaction.canonicalValue])
    case .owed(let cid, let accesses):
      .map(["content": .link(cid.bytes), "owed": .unsigned(UInt64(accesses))])
    case .paying(let cid, let accesses):
      .map(["content": .link(cid.bytes), "paying": .unsigned(UInt64(accesses))])
    }
  }

  /// Reads an event.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    if let verdict = fields.optional("judged") {
      self = .judged(try ContentVerdict(canonicalValue: verdict))
    } else if let entry = fields.optional("denied") {
      self = .denied(try Self.entry(entry), try Self.flag(fields.value("on")))
    } else {
      let content = try Self.content(fields.value("content"))
      self = try Self.event(about: content, &fields)
    }
    try fields.finish()
  }

  private static func value(of entry: DenylistEntry) -> CanonicalValue {
    switch entry {
    case .content(let cid): .link(cid.bytes)
    case .file(let digest): digest.canonicalValue
    }
  }

  private static func entry(_ value: CanonicalValue) throws(DecodingFailure) -> DenylistEntry {
    guard case .link = value else { return .file(try Digest(canonicalValue: value)) }
    let cid = try content(value)
    guard cid == cid.asVersion1 else {
      throw .malformed(what: "library event", reason: "a CID of version 0 on the denylist")
    }
    return .content(cid)
  }

  private static func flag(_ value: CanonicalValue) throws(DecodingFailure) -> Bool {
    guard case .bool(let flag) = value else {
      throw .malformed(what: "library event", reason: "expected a truth value")
    }
    return flag
  }

  private static func content(_ value: CanonicalValue) throws(DecodingFailure) -> CID {
    guard case .link(let bytes) = value, let cid = try? CID(decoding: bytes), cid.bytes == bytes
    else { throw .malformed(what: "library event", reason: "expected a link") }
    return cid
  }

  private static func event(
    about content: CID, _ fields: inout CanonicalFields
  ) throws(DecodingFailure) -> LibraryEvent {
    if let readers = fields.optional("readers") {
      return .readable(content, try ReadAccess(canonicalValue: readers))
    }
    if let transaction = fields.optional("registered") {
      return .registered(content, transaction: try Digest(canonicalValue: transaction))
    }
    if let price = fields.optional("price") {
      let royalty = try fields.count("royalty", max: Int(LedgerParameters.whole))
      return .offered(
        content,
        ContentTerms(
          price: try Amount(canonicalValue: price), royaltyPartsPerMillion: UInt32(royalty)))
    }
    if let count = fields.optional("owed") {
      return .owed(content, accesses: try Self.accesses(count))
    }
    return .paying(content, accesses: try accesses(fields.value("paying")))
  }

  private static func accesses(_ value: CanonicalValue) throws(DecodingFailure) -> UInt32 {
    guard case .unsigned(let number) = value, let count = UInt32(exactly: number), count > 0
    else { throw .malformed(what: "library event", reason: "expected a number of accesses") }
    return count
  }
}

extension ReadAccess: CanonicalCodable {
  /// `true`, `false`, or an array of keys in their order.
  public var canonicalValue: CanonicalValue {
    switch self {
    case .everybody: .bool(true)
    case .nobody: .bool(false)
    case .accounts(let accounts): .list(accounts.sorted())
    }
  }

  /// Reads a list.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    switch canonicalValue {
    case .bool(true): self = .everybody
    case .bool(false): self = .nobody
    case .array(let values):
      guard values.count <= LibraryLimits.readersMax else {
        throw .tooLarge(what: "readers", size: values.count, limit: LibraryLimits.readersMax)
      }
      var accounts: [PublicKey] = []
      for value in values { accounts.append(try PublicKey(canonicalValue: value)) }
      guard zip(accounts, accounts.dropFirst()).allSatisfy({ $0 < $1 }) else {
        throw .malformed(what: "readers", reason: "not in order")
      }
      self = .accounts(Set(accounts))
    default: throw .malformed(what: "readers", reason: "expected a list")
    }
  }
}
