internal import Cryptography
public import Primitives

extension ProvenanceStatement {
  /// What a record begins with; another number is another format.
  private static let version: UInt64 = 1

  /// Refuses fields over their limits or out of order.
  func check() throws(DecodingFailure) {
    try Self.checkText(name, "name", max: ProvenanceLimits.nameByteCountMax)
    try Self.checkText(licence, "licence", max: ProvenanceLimits.licenceByteCountMax)
    try Self.checkText(format, "format", max: ProvenanceLimits.tagByteCountMax)
    guard tags.count <= ProvenanceLimits.tagsMax else {
      throw .tooLarge(what: "tags", size: tags.count, limit: ProvenanceLimits.tagsMax)
    }
    for tag in tags {
      try Self.checkText(tag, "tag", max: ProvenanceLimits.tagByteCountMax)
      guard !tag.isEmpty else { throw .malformed(what: "tag", reason: "it is empty") }
    }
    guard zip(tags, tags.dropFirst()).allSatisfy(Self.byBytes) else {
      throw .malformed(what: "tags", reason: "not in order")
    }
    guard parents.count <= ProvenanceLimits.parentsMax else {
      throw .tooLarge(what: "parents", size: parents.count, limit: ProvenanceLimits.parentsMax)
    }
    guard zip(parents, parents.dropFirst()).allSatisfy({ $0.content < $1.content }) else {
      throw .malformed(what: "parents", reason: "not in order")
    }
    guard !parents.contains(where: { $0.content == content }) else {
      throw .malformed(what: "parents", reason: "the content is its own parent")
    }
  }

  /// Text that is printed must not move the reader's cursor.
  private static func checkText(
    _ text: String, _ what: String, max: Int
  ) throws(DecodingFailure) {
    guard text.utf8.count <= max else {
      throw .tooLarge(what: what, size: text.utf8.count, limit: max)
    }
    let isControl = text.unicodeScalars.contains {
      $0.value < 0x20 || (0x7f..<0xa0).contains($0.value)
    }
    if isControl { throw .malformed(what: what, reason: "it holds control characters") }
  }

  var canonicalEntries: [String: CanonicalValue] {
    var entries: [String: CanonicalValue] = [
      "provenance": .unsigned(Self.version), "content": .link(content.bytes),
      "purpose": .text(purpose.rawValue), "name": .text(name),
      "tags": .array(tags.map { .text($0) }),
      "licence": .text(licence), "parents": .list(parents), "size": .unsigned(size),
      "format": .text(format), "uploader": uploader.canonicalValue,
      "created": .unsigned(createdMilliseconds),
    ]
    if let sha256 { entries["sha256"] = sha256.canonicalValue }
    return entries
  }

  init(_ fields: inout CanonicalFields) throws(DecodingFailure) {
    guard try fields.unsigned("provenance") == Self.version else {
      throw .malformed(what: "provenance record", reason: "another version")
    }
    content = try CID(link: fields.value("content"))
    let purpose = try fields.text("purpose")
    guard let purpose = Purpose(rawValue: purpose) else {
      throw .malformed(what: "provenance record", reason: "unknown purpose `\(purpose)`")
    }
    self.purpose = purpose
    name = try fields.text("name")
    tags = []
    for value in try fields.array("tags") {
      guard case .text(let tag) = value else {
        throw .malformed(what: "tag", reason: "expected text")
      }
      tags.append(tag)
    }
    licence = try fields.text("licence")
    parents = try fields.list("parents")
    size = try fields.unsigned("size")
    format = try fields.text("format")
    uploader = try fields.nested("uploader")
    createdMilliseconds = try fields.unsigned("created")
    sha256 = nil
    if let value = fields.optional("sha256") { sha256 = try .init(canonicalValue: value) }
    try check()
  }
}

extension CID {
  /// Reads a link of a canonical value.
  init(link value: CanonicalValue) throws(DecodingFailure) {
    guard case .link(let bytes) = value, let cid = try? CID(decoding: bytes) else {
      throw .malformed(what: "link", reason: "expected a CID")
    }
    // The links of dag-cbor hold the binary form, which has one spelling.
    guard cid.bytes == bytes else { throw .malformed(what: "link", reason: "not canonical") }
    self = cid
  }
}

extension ProvenanceParent: CanonicalCodable {
  /// A map of the fields; `record` is left out where none is known.
  public var canonicalValue: CanonicalValue {
    var entries: [String: CanonicalValue] = ["content": .link(content.bytes)]
    if let record { entries["record"] = .link(record.bytes) }
    return .map(entries)
  }

  /// Reads the fields.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    content = try CID(link: fields.value("content"))
    record = try fields.optional("record").map { value throws(DecodingFailure) in
      try CID(link: value)
    }
    try fields.finish()
  }
}

extension ProvenanceRecord: CanonicalCodable {
  /// The statement's map and `signature`.
  public var canonicalValue: CanonicalValue {
    var entries = statement.canonicalEntries
    entries["signature"] = signature.canonicalValue
    return .map(entries)
  }

  /// Reads a record; whether it is signed shows in `isSignatureValid`.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    signature = try fields.nested("signature")
    statement = try ProvenanceStatement(&fields)
    try fields.finish()
  }
}
