public import Primitives

/// Limits of `/martlet/content/1.0.0`.
public enum ArchiveRequestLimits {
  /// Roots of one request: parts of a tree that several peers share.
  public static let rootsMax = 256
  /// Subtrees that the asker says it has.
  public static let heldMax = 1_024
  /// Room for all of that with the longest CIDs in use, and a path.
  public static let byteCountMax = 256 << 10
  /// An answer is one word and one sentence.
  public static let answerByteCountMax = 4 << 10
  /// The blocks of a request may be no more than those of any walk.
  public static let skippedMax: UInt64 = 1 << 22
}

/// What a node of ours asks another for: blocks in the order of a walk, as a content archive
/// (docs/specs/content-exchange.md).
public struct ArchiveRequest: Equatable, Sendable {
  /// Where the walk begins; several only in the scope `all` and without names.
  public var roots: [CID]
  /// The names of a path below the one root.
  public var names: [String]
  /// How much of what is there.
  public var scope: DagScope
  /// Which bytes of a file, in the scope `entity`.
  public var bytes: EntityBytes
  /// Subtrees that the asker has: they are left out.
  public var held: [CID]
  /// Blocks at the beginning that the asker has, from a transfer that broke.
  public var skipped: UInt64

  /// Asks for what a path leads to.
  public init(
    _ path: ContentPath, scope: DagScope = .all, bytes: EntityBytes = .all, held: [CID] = [],
    skipped: UInt64 = 0
  ) {
    roots = [path.root]
    names = path.segments
    self.scope = scope
    self.bytes = bytes
    self.held = held
    self.skipped = skipped
  }

  /// Asks for all that is below several roots.
  public init(subtrees roots: [CID], skipped: UInt64 = 0) {
    precondition((1...ArchiveRequestLimits.rootsMax).contains(roots.count))
    self.init(ContentPath(root: roots[0]), skipped: skipped)
    self.roots = roots
  }

  /// The walk over what is asked for; both sides make the same steps.
  public func walk() throws(ContentError) -> DagExport {
    if roots.count > 1 { return try DagExport(subtrees: roots, held: held) }
    let request = DagExport.Request(
      ContentPath(root: roots[0], segments: names), scope: scope, bytes: bytes)
    return try DagExport(request, held: held)
  }
}

extension ArchiveRequest: CanonicalCodable {
  /// The value that is encoded.
  public var canonicalValue: CanonicalValue {
    .map([
      "roots": .array(roots.map { .bytes($0.bytes) }), "names": .array(names.map { .text($0) }),
      "scope": .text(scope.rawValue), "first": .integer(bytes.first),
      "last": bytes.last.map { .integer($0) } ?? .null,
      "held": .array(held.map { .bytes($0.bytes) }), "skipped": .unsigned(skipped),
    ])
  }

  /// Reads a request.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    roots = try Self.cids("roots", max: ArchiveRequestLimits.rootsMax, &fields)
    names = try Self.names(fields.array("names"))
    let word = try fields.text("scope")
    guard let scope = DagScope(rawValue: word) else { throw Self.malformed("scope", "no scope") }
    self.scope = scope
    let first = try Self.position(fields.value("first"))
    let last = try fields.value("last")
    bytes = EntityBytes(
      first: first, last: last == .null ? nil : try Self.position(last))
    held = try Self.cids("held", max: ArchiveRequestLimits.heldMax, &fields)
    skipped = try fields.unsigned("skipped")
    try fields.finish()
    guard skipped <= ArchiveRequestLimits.skippedMax else {
      throw .tooLarge(
        what: "skipped", size: Int(clamping: skipped),
        limit: Int(ArchiveRequestLimits.skippedMax))
    }
    guard roots.count == 1 || !roots.isEmpty && names.isEmpty && scope == .all else {
      throw Self.malformed("roots", "several go with neither names nor another scope than all")
    }
  }

  private static func cids(
    _ name: String, max: Int, _ fields: inout CanonicalFields
  ) throws(DecodingFailure) -> [CID] {
    let values = try fields.array(name)
    guard values.count <= max else {
      throw .tooLarge(what: name, size: values.count, limit: max)
    }
    var cids: [CID] = []
    for value in values {
      guard case .bytes(let bytes) = value, let cid = try? CID(decoding: bytes) else {
        throw malformed(name, "expected CIDs")
      }
      cids.append(cid)
    }
    return cids
  }

  private static func names(_ values: [CanonicalValue]) throws(DecodingFailure) -> [String] {
    guard values.count <= ContentPath.segmentsMax else {
      throw .tooLarge(what: "names", size: values.count, limit: ContentPath.segmentsMax)
    }
    var names: [String] = []
    for value in values {
      guard case .text(let name) = value, !name.isEmpty, name != ".", name != ".." else {
        throw malformed("names", "expected names")
      }
      names.append(name)
    }
    return names
  }

  private static func position(_ value: CanonicalValue) throws(DecodingFailure) -> Int64 {
    switch value {
    case .unsigned(let number) where number <= UInt64(Int64.max): return Int64(number)
    case .negative(let number) where number <= UInt64(Int64.max): return -1 - Int64(number)
    default: throw malformed("first or last", "expected a number of 64 bits")
    }
  }

  private static func malformed(_ name: String, _ reason: String) -> DecodingFailure {
    .malformed(what: "field `\(name)`", reason: reason)
  }
}

/// What stands in front of an archive, or instead of one.
public enum ArchiveAnswer: Equatable, Sendable {
  /// The archive follows.
  case archive
  /// There is none, and why.
  case refused(Refusal)

  /// Why a node sends no archive.
  public enum Refusal: String, Sendable, CaseIterable {
    /// It does not have the first block, or nothing is where the path leads.
    case notFound = "not_found"
    /// It serves as many as it can.
    case busy
    /// The request is none.
    case malformed
  }

  /// The message.
  public func encoded() -> Bytes {
    let code = if case .refused(let refusal) = self { refusal.rawValue } else { "archive" }
    return CanonicalValue.map(["answer": .text(code)]).encoded()
  }

  /// Reads the message.
  public init(decoding bytes: Bytes) throws(DecodingFailure) {
    var fields = try CanonicalFields(CanonicalValue(decoding: bytes))
    let code = try fields.text("answer")
    try fields.finish()
    if code == "archive" {
      self = .archive
    } else if let refusal = Refusal(rawValue: code) {
      self = .refused(refusal)
    } else {
      throw .malformed(what: "answer", reason: "an unknown word")
    }
  }
}
