public import ContentStore
public import Cryptography
public import Primitives
internal import UsefulWork

extension RPCMethod {
  /// Coordinator → worker: the blocks of content that the worker keeps, in the order of a walk from
  /// the root.
  public static let contentBlocks = "content.blocks"
  /// Validator → coordinator: the same, of the worker that is named.
  public static let keptContent = "work.content"
  /// Coordinator → worker: a job is closed on the ledger, nobody will ask for its work again.
  public static let settled = "work.settled"
}

/// A CID by itself: the argument of `content.get` and `content.blocks`, the answer of `work.state`.
public struct ContentLink: Hashable, Sendable, CanonicalCodable {
  /// What is meant.
  public var cid: CID

  /// Names content.
  public init(_ cid: CID) { self.cid = cid }

  /// A link.
  public var canonicalValue: CanonicalValue { .link(cid.bytes) }

  /// Reads the link back.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    guard case .link(let bytes) = canonicalValue, let cid = try? CID(decoding: bytes) else {
      throw .malformed(what: "content link", reason: "expected a CID")
    }
    self.cid = cid
  }
}

/// Validator → coordinator: content that a worker said it keeps.
public struct KeptContentRequest: Hashable, Sendable, CanonicalCodable {
  /// Who keeps it.
  public var worker: PeerID
  /// The root of the file.
  public var cid: CID

  /// Collects both.
  public init(worker: PeerID, cid: CID) {
    self.worker = worker
    self.cid = cid
  }

  /// A map of both.
  public var canonicalValue: CanonicalValue {
    .map(["worker": worker.canonicalValue, "cid": .link(cid.bytes)])
  }

  /// Reads the map back.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    worker = try fields.nested("worker")
    cid = try fields.nested("cid", as: ContentLink.self).cid
    try fields.finish()
  }
}

/// Validator → coordinator → worker: which content is the state before a segment? Says enough to do
/// the work again, so that a worker that was restarted can answer as well.
public struct StartStateRequest: Hashable, Sendable, CanonicalCodable {
  /// The ledger's job and the try.
  public var work: EvidenceRequest
  /// Where the session's specification is stored.
  public var specification: ContentReference
  /// The model that the round starts from.
  public var base: Digest
  /// The segment.
  public var segment: Int

  /// Collects the parts.
  public init(
    work: EvidenceRequest, specification: ContentReference, base: Digest, segment: Int
  ) {
    self.work = work
    self.specification = specification
    self.base = base
    self.segment = segment
  }

  /// A map of all fields.
  public var canonicalValue: CanonicalValue {
    .map([
      "work": work.canonicalValue, "specification": specification.canonicalValue,
      "base": base.canonicalValue, "segment": .unsigned(UInt64(segment)),
    ])
  }

  /// Reads the map back.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    work = try fields.nested("work")
    specification = try fields.nested("specification")
    base = try fields.nested("base")
    segment = try fields.count("segment", max: TrainingTask.Limits.segmentsMax)
    try fields.finish()
  }
}
