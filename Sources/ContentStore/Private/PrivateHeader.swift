public import Cryptography
import Primitives

/// What readers of a private object learn of it, and nobody else.
public struct PrivateHeader: Equatable, Sendable {
  /// Who made it, and signs all of this.
  public let author: PublicKey
  /// Who may read it, the author among them if it can; readers by passphrase are not listed.
  public let readers: [PublicKey]
  /// The bytes of the object.
  public let byteCount: UInt64
  /// The hash of the object.
  public let digest: Digest
  /// What its author calls it.
  public let name: String
  /// Its media type; empty where unknown.
  public let mediaType: String
  /// The manifest that this one takes the place of.
  public let replaced: CID?

  /// Describes sealed content.
  public init(
    author: PublicKey, readers: [PublicKey], of content: SealedContent, name: String,
    mediaType: String = "", replacing replaced: CID? = nil
  ) {
    self.init(
      author: author, readers: readers, byteCount: content.byteCount, digest: content.digest,
      name: name, mediaType: mediaType, replacing: replaced)
  }

  init(
    author: PublicKey, readers: [PublicKey], byteCount: UInt64, digest: Digest, name: String,
    mediaType: String, replacing replaced: CID?
  ) {
    self.author = author
    self.readers = readers
    self.byteCount = byteCount
    self.digest = digest
    self.name = name
    self.mediaType = mediaType
    self.replaced = replaced
  }

  /// The same object with other readers, said by `author`.
  public func shared(
    by author: PublicKey, with readers: [PublicKey], replacing replaced: CID
  ) -> PrivateHeader {
    PrivateHeader(
      author: author, readers: readers, byteCount: byteCount, digest: digest, name: name,
      mediaType: mediaType, replacing: replaced)
  }
}

extension PrivateHeader {
  private var fields: [IPLDMap.Entry] {
    var fields = [
      IPLDMap.Entry("author", .bytes(author.bytes)), .init("bytes", .integer(Int128(byteCount))),
      .init("name", .text(name)), .init("readers", .list(readers.map { .bytes($0.bytes) })),
      .init("sha256", .bytes(digest.bytes)), .init("type", .text(mediaType)),
    ]
    if let replaced { fields.append(.init("replaces", .link(replaced))) }
    return fields
  }

  /// What the author signs: the header and the blocks it is about, so that neither can be put
  /// beside another.
  private func signedBytes(_ content: CID, _ index: CID?) throws(DecodingFailure) -> Bytes {
    let value: IPLDValue = .list([
      .text("martlet private object 1"), .link(content), index.map { .link($0) } ?? .null,
      .map(IPLDMap(distinct: fields)),
    ])
    return try DagCBOR.encode(value)
  }

  /// The header with its signature.
  func encoded(
    signedBy key: SigningKey, content: CID, index: CID?
  ) throws(DecodingFailure) -> Bytes {
    precondition(key.publicKey == author)
    guard readers.count <= PrivateLimits.readersMax, byteCount <= PrivateLimits.byteCountMax,
      [name, mediaType].allSatisfy({ $0.utf8.count <= PrivateLimits.textByteCountMax })
    else { throw Self.malformed("it exceeds a limit") }
    let signature = key.sign(try signedBytes(content, index))
    let signed = fields + [.init("signature", .bytes(signature.bytes))]
    return try DagCBOR.encode(.map(IPLDMap(distinct: signed)))
  }

  /// Reads a header and checks who signed it, and for which blocks.
  init(decoding bytes: Bytes, content: CID, index: CID?) throws(DecodingFailure) {
    let map = try PrivateFields(DagCBOR.decode(bytes), of: "private object's header")
    author = try PublicKey(bytes: map.bytes("author"))
    readers = try map.list("readers").map { value throws(DecodingFailure) in
      guard case .bytes(let key) = value else { throw Self.malformed("a reader is not a key") }
      return try PublicKey(bytes: key)
    }
    byteCount = try map.count("bytes")
    digest = try Digest(bytes: map.bytes("sha256"))
    name = try map.text("name")
    mediaType = try map.text("type")
    replaced = try map.optionalLink("replaces")
    try map.allow(["author", "readers", "bytes", "sha256", "name", "type", "replaces", "signature"])
    guard readers.count <= PrivateLimits.readersMax, byteCount <= PrivateLimits.byteCountMax,
      [name, mediaType].allSatisfy({ $0.utf8.count <= PrivateLimits.textByteCountMax })
    else { throw Self.malformed("it exceeds a limit") }
    let signature = try Signature(bytes: map.bytes("signature"))
    guard author.verify(signature, of: try signedBytes(content, index)) else {
      throw Self.malformed("its author did not sign it")
    }
  }

  private static func malformed(_ reason: String) -> DecodingFailure {
    .malformed(what: "private object's header", reason: reason)
  }
}
