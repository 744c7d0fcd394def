public import Cryptography
public import Primitives

/// The root of a private object, a dag-cbor block: links to the sealed bytes, the key wrapped for
/// each reader, and the sealed header. Its CID is the object's.
public struct PrivateManifest: Equatable, Sendable {
  private static let what = "private object"
  private static let version: UInt64 = 1
  /// Bytes that make each manifest's header key another one, even where the object's stays.
  public static let saltByteCount = 16
  /// A header with the most readers and the longest texts stays below.
  private static let headerByteCountMax = 32 << 10

  /// The sealed chunks, as an ordinary file.
  public let content: CID
  /// The sealed lengths of compressed chunks.
  public let index: CID?
  /// The key for each reader, in no order that says who they are.
  public let keys: [WrappedKey]
  let salt: Bytes
  let commitment: Bytes
  let sealedHeader: Bytes

  /// Seals a header beside its content.
  ///
  /// - Parameters:
  ///   - keys: `key`, wrapped for each reader.
  ///   - salt: 16 random bytes, never used before with `key`.
  public init(
    _ header: PrivateHeader, content: CID, index: CID?, key: ObjectKey, keys: [WrappedKey],
    salt: Bytes, signedBy author: SigningKey
  ) throws(DecodingFailure) {
    precondition(salt.count == Self.saltByteCount)
    guard (1...PrivateLimits.readersMax).contains(keys.count) else {
      throw Self.malformed("\(keys.count) readers; 1 to \(PrivateLimits.readersMax) are possible")
    }
    self.content = content
    self.index = index
    self.keys = keys
    self.salt = salt
    commitment = key.commitment
    let bytes = try header.encoded(signedBy: author, content: content, index: index)
    sealedHeader = PrivateStream(key: key.derived(for: .header, salt: salt))
      .seal(bytes, number: 0, isLast: true)
  }

  /// Whether the block looks like one of ours, before it is read.
  public static func isManifest(_ value: IPLDValue) -> Bool {
    guard case .map(let map) = value else { return false }
    return map["martlet-private"] != nil
  }

  /// The block.
  public func block() throws(DecodingFailure) -> ContentBlock {
    var fields = [
      IPLDMap.Entry("martlet-private", .integer(Int128(Self.version))),
      .init("content", .link(content)), .init("salt", .bytes(salt)),
      .init("commitment", .bytes(commitment)), .init("header", .bytes(sealedHeader)),
      .init("keys", .list(keys.map(\.value))),
    ]
    if let index { fields.append(.init("index", .link(index))) }
    let bytes = try DagCBOR.encode(.map(IPLDMap(distinct: fields)))
    return ContentBlock(hashing: bytes, codec: .dagCBOR)
  }

  /// Reads a block.
  public init(decoding bytes: Bytes) throws(DecodingFailure) {
    let fields = try PrivateFields(DagCBOR.decode(bytes), of: Self.what)
    let version = try fields.count("martlet-private")
    guard version == Self.version else { throw Self.malformed("version \(version) is not known") }
    content = try fields.link("content")
    index = try fields.optionalLink("index")
    salt = try fields.bytes("salt")
    commitment = try fields.bytes("commitment")
    sealedHeader = try fields.bytes("header")
    keys = try fields.list("keys").map { value throws(DecodingFailure) in try WrappedKey(value) }
    try fields.allow([
      "martlet-private", "content", "index", "salt", "commitment", "header", "keys",
    ])
    guard salt.count == Self.saltByteCount, commitment.count == ChaChaPoly.keyByteCount,
      sealedHeader.count <= Self.headerByteCountMax
    else { throw Self.malformed("a field has the wrong length") }
    let passphrases = keys.count(where: \.isForPassphrase)
    // Each try of a passphrase costs most of a second, so no manifest may ask for many.
    guard (1...PrivateLimits.readersMax).contains(keys.count), passphrases <= 1 else {
      throw Self.malformed("too many keys, or none")
    }
  }

  /// Opens the header and finds the object's key; nil where nothing here is for `reader`.
  public func open(
    with reader: PrivateReaderKey
  ) throws(DecodingFailure) -> (key: ObjectKey, header: PrivateHeader)? {
    for wrapped in keys {
      guard let key = wrapped.unwrapped(by: reader) else { continue }
      guard key.commitment == commitment else { throw Self.malformed("it has two keys") }
      let stream = PrivateStream(key: key.derived(for: .header, salt: salt))
      let byteCount = sealedHeader.count - PrivateLimits.overheadByteCount
      guard
        let bytes = stream.open(
          sealedHeader, number: 0, isLast: true, byteCount: byteCount, compression: nil)
      else { throw Self.malformed("its header was changed") }
      return (key, try PrivateHeader(decoding: bytes, content: content, index: index))
    }
    return nil
  }

  private static func malformed(_ reason: String) -> DecodingFailure {
    .malformed(what: what, reason: reason)
  }
}

extension WrappedKey {
  fileprivate var value: IPLDValue {
    let entry =
      switch self {
      case .peer(let box): IPLDMap.Entry("peer", .bytes(box))
      case .passphrase(let sealed): IPLDMap.Entry("passphrase", .bytes(sealed))
      }
    return .map(IPLDMap(distinct: [entry]))
  }

  fileprivate init(_ value: IPLDValue) throws(DecodingFailure) {
    guard case .map(let map) = value, map.entries.count == 1, let entry = map.entries.first,
      case .bytes(let bytes) = entry.value
    else { throw .malformed(what: "wrapped key", reason: "it is not a map of one kind") }
    switch entry.key {
    case "peer" where bytes.count == Self.peerByteCount: self = .peer(bytes)
    case "passphrase" where bytes.count <= Self.passphraseByteCountMax: self = .passphrase(bytes)
    default: throw .malformed(what: "wrapped key", reason: "unknown kind or wrong length")
    }
  }
}
