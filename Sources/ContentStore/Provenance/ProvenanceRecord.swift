public import Cryptography
public import Primitives

/// Limits of a provenance record from outside.
public enum ProvenanceLimits {
  /// Bytes of one record: every field at its limit fits twice.
  public static let byteCountMax = 16 << 10
  /// Bytes of a name, as of one name in a directory.
  public static let nameByteCountMax = 255
  /// Tags of one record.
  public static let tagsMax = 32
  /// Bytes of one tag.
  public static let tagByteCountMax = 64
  /// Bytes of a licence's name; the ledger has the same limit.
  public static let licenceByteCountMax = 64
  /// Parents of one content; the ledger has the same limit.
  public static let parentsMax = 16
  /// Generations that a walk follows.
  public static let generationsMax = 32
  /// Contents that a walk visits.
  public static let visitedMax = 1_024
}

/// Content that another content was made of.
public struct ProvenanceParent: Hashable, Sendable {
  /// What was used.
  public let content: CID
  /// Its own record, where the uploader knew one.
  public let record: CID?

  /// Names a parent.
  public init(content: CID, record: CID? = nil) {
    self.content = content
    self.record = record
  }
}

/// What an uploader says of content, before it is signed (docs/specs/provenance.md §1).
public struct ProvenanceStatement: Hashable, Sendable {
  /// What content is for.
  public enum Purpose: String, Hashable, Sendable, CaseIterable {
    case model
    case dataset
    case research
  }

  /// What is described.
  public var content: CID
  /// What it is for.
  public var purpose: Purpose
  /// A name for people.
  public var name: String
  /// Words to find it by, in order of their bytes, each once.
  public var tags: [String]
  /// The licence as SPDX names it; empty if none is stated.
  public var licence: String
  /// What it was made of, in order of CID, each once.
  public var parents: [ProvenanceParent]
  /// Bytes of the file, or of all files of a directory.
  public var size: UInt64
  /// SHA-256 of a file's bytes; nil for a directory.
  public var sha256: Digest?
  /// What the first bytes look like, as `ContentType` names it; empty for a directory.
  public var format: String
  /// Who says so.
  public var uploader: PublicKey
  /// When, in milliseconds since 1970: the uploader's clock, which proves nothing.
  public var createdMilliseconds: UInt64

  /// Describes content; tags and parents are put in order, repeated ones left out.
  public init(
    content: CID, purpose: Purpose, name: String, tags: [String] = [], licence: String = "",
    parents: [ProvenanceParent] = [], size: UInt64, sha256: Digest? = nil, format: String = "",
    uploader: PublicKey, createdMilliseconds: UInt64
  ) {
    self.content = content
    self.purpose = purpose
    self.name = name
    self.tags = Self.distinct(tags, by: Self.byBytes) { $0.utf8.elementsEqual($1.utf8) }
    self.licence = licence
    self.parents = Self.distinct(parents, by: { $0.content < $1.content }) {
      $0.content == $1.content
    }
    self.size = size
    self.sha256 = sha256
    self.format = format
    self.uploader = uploader
    self.createdMilliseconds = createdMilliseconds
  }

  private static func distinct<Element>(
    _ elements: [Element], by precedes: (Element, Element) -> Bool,
    _ isSame: (Element, Element) -> Bool
  ) -> [Element] {
    elements.sorted(by: precedes).reduce(into: []) { kept, element in
      if let last = kept.last, isSame(last, element) { return }
      kept.append(element)
    }
  }

  static func byBytes(_ left: String, _ right: String) -> Bool {
    left.utf8.lexicographicallyPrecedes(right.utf8)
  }
}

/// A statement with its uploader's signature: content itself, one dag-cbor block.
public struct ProvenanceRecord: Hashable, Sendable {
  /// What is said.
  public let statement: ProvenanceStatement
  /// The uploader's signature over `signingBytes`.
  public let signature: Signature

  /// Signs a statement; nil if the key is not the uploader's or a field is over its limit.
  public init?(signing statement: ProvenanceStatement, key: SigningKey) {
    guard key.publicKey == statement.uploader, (try? statement.check()) != nil else { return nil }
    self.statement = statement
    signature = key.sign(Self.signingBytes(statement))
  }

  /// The domain of a record's signature: no other signed bytes begin so.
  private static let domain = "martlet/provenance/1"

  private static func signingBytes(_ statement: ProvenanceStatement) -> Bytes {
    Bytes(domain.utf8) + CanonicalValue.map(statement.canonicalEntries).encoded()
  }

  /// Whether the uploader signed it.
  public var isSignatureValid: Bool {
    statement.uploader.verify(signature, of: Self.signingBytes(statement))
  }

  /// The record as a block.
  public var block: ContentBlock { ContentBlock(hashing: encoded(), codec: .dagCBOR) }

  /// Reads a block and checks its CID and its signature.
  public init(verifying block: Bytes, as cid: CID) throws(ProvenanceError) {
    guard block.count <= ProvenanceLimits.byteCountMax else {
      throw .malformed(
        cid,
        .tooLarge(
          what: "provenance record", size: block.count, limit: ProvenanceLimits.byteCountMax))
    }
    do throws(ContentError) { try cid.verify(block) } catch { throw .content(error) }
    do throws(DecodingFailure) {
      try self.init(decoding: block)
    } catch {
      throw .malformed(cid, error)
    }
    guard isSignatureValid else { throw .badSignature(cid) }
  }
}

/// Why a provenance record proves nothing.
public enum ProvenanceError: Error, Equatable, Sendable {
  /// The block is not what its CID names.
  case content(ContentError)
  /// The block is no record.
  case malformed(CID, DecodingFailure)
  /// Somebody else signed it.
  case badSignature(CID)
  /// The record describes other content than the one that led to it.
  case otherContent(CID, expected: CID, found: CID)
}

extension ProvenanceError: CustomStringConvertible {
  /// One lower-case sentence without a full stop.
  public var description: String {
    switch self {
    case .content(let error): "\(error)"
    case .malformed(let cid, let failure): "\(cid) is no provenance record: \(failure)"
    case .badSignature(let cid): "the record \(cid) is not signed by its uploader"
    case .otherContent(let cid, let expected, let found):
      "the record \(cid) describes \(found), not \(expected)"
    }
  }
}
