public import Cryptography
public import Primitives

/// What content is for.
public enum ContentPurpose: String, Hashable, Sendable, CaseIterable {
  case model
  case dataset
  case research
}

/// What a creator asks for.
public struct ContentTerms: Hashable, Sendable {
  /// The data-access price: what a reader pays for one access.
  public var price: Amount
  /// The least share of what a derived content receives, in parts per million.
  public var royaltyPartsPerMillion: UInt32

  /// Sets both terms.
  public init(price: Amount = .zero, royaltyPartsPerMillion: UInt32 = 0) {
    self.price = price
    self.royaltyPartsPerMillion = royaltyPartsPerMillion
  }
}

/// Content that another content was made of, and its share of what that one receives.
public struct ContentParent: Hashable, Sendable {
  /// What was used.
  public let content: ContentID
  /// Its share in parts per million, fixed for ever when the derived content is registered.
  public let sharePartsPerMillion: UInt32

  /// Names a parent.
  public init(content: ContentID, sharePartsPerMillion: UInt32) {
    self.content = content
    self.sharePartsPerMillion = sharePartsPerMillion
  }
}

/// The provenance of one content: what its creator signs when the content is registered.
public struct ContentRegistration: Hashable, Sendable {
  /// What is registered; the first registration counts.
  public var content: ContentID
  /// What it is for.
  public var purpose: ContentPurpose
  /// The signed provenance record, if it is published as content.
  public var record: ContentID?
  /// What it was made of, in order of CID; each is registered already.
  public var parents: [ContentParent]
  /// The licence as SPDX names it; empty if none is stated.
  public var licence: String
  /// Bytes of the content.
  public var size: UInt64
  /// SHA-256 of the bytes of a file; nil for anything else.
  public var sha256: Digest?
  /// What readers and derived contents owe.
  public var terms: ContentTerms

  /// Describes content.
  public init(
    content: ContentID, purpose: ContentPurpose, record: ContentID? = nil,
    parents: [ContentParent] = [], licence: String = "", size: UInt64, sha256: Digest? = nil,
    terms: ContentTerms = ContentTerms()
  ) {
    self.content = content
    self.purpose = purpose
    self.record = record
    self.parents = parents
    self.licence = licence
    self.size = size
    self.sha256 = sha256
    self.terms = terms
  }
}

extension ContentTerms {
  var canonicalEntries: [String: CanonicalValue] {
    ["price": price.canonicalValue, "royalty": .unsigned(UInt64(royaltyPartsPerMillion))]
  }

  init(_ fields: inout CanonicalFields) throws(DecodingFailure) {
    price = try fields.nested("price")
    royaltyPartsPerMillion = try fields.share("royalty")
  }
}

extension CanonicalFields {
  /// Parts per million, at most one whole.
  mutating func share(_ name: String) throws(DecodingFailure) -> UInt32 {
    UInt32(try count(name, max: Int(LedgerParameters.whole)))
  }
}

extension ContentParent: CanonicalCodable {
  /// A map of the fields.
  public var canonicalValue: CanonicalValue {
    .map([
      "content": content.canonicalValue, "share": .unsigned(UInt64(sharePartsPerMillion)),
    ])
  }

  /// Reads the fields; a share above one is refused.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    content = try fields.nested("content")
    sharePartsPerMillion = try fields.share("share")
    try fields.finish()
  }
}

extension ContentRegistration: CanonicalCodable {
  /// A map of the fields; `record` and `sha256` are left out when there is none.
  public var canonicalValue: CanonicalValue { .map(canonicalEntries) }

  var canonicalEntries: [String: CanonicalValue] {
    var entries = terms.canonicalEntries
    entries["content"] = content.canonicalValue
    entries["purpose"] = .text(purpose.rawValue)
    entries["parents"] = .list(parents)
    entries["licence"] = .text(licence)
    entries["size"] = .unsigned(size)
    if let record { entries["record"] = record.canonicalValue }
    if let sha256 { entries["sha256"] = sha256.canonicalValue }
    return entries
  }

  /// Reads the fields; their sense is checked when the content is registered.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    try self.init(&fields)
    try fields.finish()
  }

  init(_ fields: inout CanonicalFields) throws(DecodingFailure) {
    content = try fields.nested("content")
    let purpose = try fields.text("purpose")
    guard let purpose = ContentPurpose(rawValue: purpose) else {
      throw .malformed(what: "content", reason: "unknown purpose `\(purpose)`")
    }
    self.purpose = purpose
    record = try fields.optionalNested("record")
    parents = try fields.list("parents")
    guard parents.count <= LedgerLimits.contentParentsMax else {
      throw .tooLarge(
        what: "parents", size: parents.count, limit: LedgerLimits.contentParentsMax)
    }
    licence = try fields.text("licence")
    size = try fields.unsigned("size")
    sha256 = try fields.optionalNested("sha256")
    terms = try ContentTerms(&fields)
  }
}
