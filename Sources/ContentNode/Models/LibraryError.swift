public import ContentStore
public import Ledger
import Primitives

/// Why content could not be taken, described, given or paid for.
public enum LibraryError: Error, Equatable, Sendable {
  /// The policy does not take it.
  case refused(CID, [ContentRefusal])
  /// It is kept and not served yet.
  case held(CID, reason: String)
  /// The reader is not on its access list.
  case notAllowed(CID)
  /// Nothing is known of where it came from.
  case undescribed(CID)
  /// A field of the description is over its limit.
  case badDescription(reason: String)
  /// Something of it is not stored here.
  case incomplete(CID)
  /// A limit of `LibraryLimits`.
  case tooMany(what: String, limit: Int)
  /// The ledger has no name for it: CIDs there are of version 1 with SHA-256.
  case noLedgerName(CID)
  /// The ledger does not know it.
  case unregistered(ContentID)
  /// Everybody may read it: nobody can be taken off a list that is not there.
  case readByEverybody(CID)
  /// Another change of its access list is under way.
  case changing(CID)
  /// Another settlement of this library is under way.
  case settling
}

extension LibraryError: CustomStringConvertible {
  /// One lower-case sentence without a full stop.
  public var description: String {
    switch self {
    case .refused(let cid, let refusals):
      "\(cid) is not taken: " + refusals.map { "\($0)" }.joined(separator: "; ")
    case .held(let cid, let reason): "\(cid) is held: \(reason)"
    case .notAllowed(let cid): "\(cid) is not for this reader"
    case .undescribed(let cid): "no provenance record of \(cid) is stored here"
    case .badDescription(let reason): "the description is invalid: \(reason)"
    case .incomplete(let cid): "\(cid) is not stored here as a whole"
    case .tooMany(let what, let limit): "more than \(limit) \(what)"
    case .noLedgerName(let cid): "the ledger has no name for \(cid)"
    case .unregistered(let id): "the ledger does not know \(id)"
    case .readByEverybody(let cid): "everybody may read \(cid)"
    case .changing(let cid): "the access list of \(cid) is being changed"
    case .settling: "another settlement is under way"
    }
  }

  /// What to do next.
  public var hint: String {
    switch self {
    case .refused: "docs/specs/provenance.md §3 says what is taken, and which settings change it"
    case .held: "try again when the virus scanner has answered"
    case .notAllowed: "ask its uploader for access"
    case .undescribed: "describe it with `martlet content add --model` or `--dataset`"
    case .badDescription: "shorten names, tags and licence, and leave out control characters"
    case .incomplete: "fetch it first"
    case .tooMany: "ask for less at once"
    case .noLedgerName: "add it with the default profile"
    case .unregistered: "register it first"
    case .readByEverybody: "`martlet content access private CID` first, then allow some"
    case .changing, .settling: "wait for its end"
    }
  }
}
