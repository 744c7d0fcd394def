public import ContentStore
public import Cryptography
import Glibc
public import Primitives
public import Telemetry

/// Who shall read a private object.
public struct PrivateReaders: Sendable {
  /// Peers, by their keys.
  public let peers: [PublicKey]
  /// Whoever knows it; nil where no passphrase opens the object.
  public let passphrase: Bytes?

  /// Names the readers; each peer counts once.
  public init(peers: [PublicKey], passphrase: Bytes? = nil) {
    self.peers = peers.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    self.passphrase = passphrase
  }

  /// The key for each reader, in an order that does not say who asked first.
  func wrapped(_ key: ObjectKey) throws(CryptographyError) -> [WrappedKey] {
    var keys: [WrappedKey] = []
    for peer in peers { keys.append(try .wrapping(key, for: peer)) }
    if let passphrase { keys.append(.wrapping(key, passphrase: passphrase)) }
    return keys.shuffled()
  }
}

/// A private object that is durable and pinned.
public struct StoredPrivateObject: Equatable, Sendable {
  /// Its manifest: the name to give to readers.
  public let cid: CID
  /// The bytes of the blocks that are new with it.
  public let tsize: UInt64
}

/// What an object is called by those who may read it.
public struct PrivateDescription: Sendable {
  /// At most 255 bytes.
  public var name: String
  /// At most 255 bytes; empty where unknown.
  public var mediaType: String

  /// Describes an object.
  public init(name: String, mediaType: String = "") {
    self.name = name
    self.mediaType = mediaType
  }
}

/// Private objects in a block store: sealed before they are chunked and named, opened by readers.
///
/// All of it blocks the calling thread.
public struct PrivateContent {
  let store: BlockStore
  private let author: SigningKey
  private let meter: WorkMeter?

  /// Writes in the name of `author`, and opens what is sealed for it; `meter` counts the bytes of
  /// files that are read or written.
  public init(store: BlockStore, author: SigningKey, meter: WorkMeter? = nil) {
    self.store = store
    self.author = author
    self.meter = meter
  }

  /// The author's key, by which others share with it.
  public var authorKey: PublicKey { author.publicKey }

  /// How chunks are compressed.
  static let zstandard = ChunkCompression(
    compress: { chunk, max in
      chunk.withUnsafeBytes { Zstandard.compress($0, byteCountMax: max) }
    },
    decompress: { frame, count in
      frame.withUnsafeBytes { Zstandard.decompress($0, byteCount: count) }
    })

  /// Seals the file at `path` for `readers`, pins it, and returns its CID once it is durable.
  ///
  /// - Parameter isCompressed: whether chunks are compressed first, which shows how far they could
  ///   be.
  public func addBlocking(
    path: String, for readers: PrivateReaders, as description: PrivateDescription,
    isCompressed: Bool = true, pinName: String = ""
  ) throws -> StoredPrivateObject {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw BlockStoreError.failed("opening", path, errno) }
    defer { close(descriptor) }
    let source = ContentSource(
      descriptor: descriptor, path: path, chunkByteCount: 1 << 20, meter: meter)
    return try seal(
      for: readers, as: description, isCompressed: isCompressed, pinName: pinName
    ) {
      let chunk = try source.next()
      return chunk.isEmpty ? nil : chunk
    }
  }

  /// Opens the object `root` with the author's key, or with a passphrase; nil where it is sealed
  /// for others.
  public func opened(_ root: CID, passphrase: Bytes? = nil) throws -> OpenedObject? {
    do {
      return try OpenedObject(
        root: root, block: store.block(root),
        reader: passphrase.map { .passphrase($0) } ?? .peer(author))
    } catch ContentError.noKey { return nil }
  }

  /// Whether `cid` names a private object.
  public static func isPrivate(_ cid: CID, in store: BlockStore) throws -> Bool {
    guard cid.codec == .dagCBOR, let value = try IPLDValue(decoding: store.block(cid), of: cid)
    else { return false }
    return PrivateManifest.isManifest(value)
  }

  /// Writes bytes of an opened object to a descriptor and returns how many.
  public func writeBlocking(
    _ object: OpenedObject, bytes: EntityBytes = .all, to descriptor: Int32, path: String
  ) throws -> UInt64 {
    var reader = try PrivateReader(
      object, source: store, compression: Self.zstandard, bytes: bytes)
    var written: UInt64 = 0
    while let piece = try reader.next() {
      try ContentExport.write(piece, to: descriptor, path)
      written += UInt64(piece.count)
      meter?.advance(by: UInt64(piece.count))
    }
    return written
  }

  /// Writes an opened object to `path`, which is as it was before unless all of it was written.
  public func writeBlocking(_ object: OpenedObject, to path: String) throws -> UInt64 {
    let file = try ReplacedFile(path: path)
    // What was sealed is for its reader alone.
    fchmod(file.descriptor, 0o600)
    let size = try writeBlocking(object, to: file.descriptor, path: file.temporaryPath)
    try file.keep()
    return size
  }

  /// Lets further peers read an object; its sealed bytes and its key stay. The new
  /// object is pinned; the old one stays too.
  public func shareBlocking(
    _ object: OpenedObject, with readers: PrivateReaders, pinName: String = ""
  ) throws -> StoredPrivateObject {
    let all = PrivateReaders(
      peers: object.header.readers + readers.peers, passphrase: readers.passphrase)
    let header = object.header.shared(
      by: author.publicKey, with: all.peers, replacing: object.root)
    // Whoever opens it by a passphrase still can, unless there is another one now.
    let kept = readers.passphrase == nil ? object.manifest.keys.filter(\.isForPassphrase) : []
    let manifest = try PrivateManifest(
      header, content: object.manifest.content, index: object.manifest.index, key: object.key,
      keys: try all.wrapped(object.key) + kept, salt: Self.salt(), signedBy: author)
    let block = try manifest.block()
    let session = ContentSession(store: store, isPinning: false)
    try session.store([block])
    try session.finish()
    try store.pinBlocking(block.cid, name: pinName)
    return StoredPrivateObject(cid: block.cid, tsize: UInt64(block.bytes.count))
  }

  /// Seals an object anew under another key, for `readers` alone. Who could read it before can
  /// still read the old sealed bytes wherever they were kept, and not the new ones.
  public func rotateBlocking(
    _ object: OpenedObject, for readers: PrivateReaders, isCompressed: Bool = true,
    pinName: String = ""
  ) throws -> StoredPrivateObject {
    var reader = try PrivateReader(object, source: store, compression: Self.zstandard)
    let description = PrivateDescription(
      name: object.header.name, mediaType: object.header.mediaType)
    return try seal(
      for: readers, as: description, isCompressed: isCompressed, pinName: pinName,
      replacing: object.root
    ) { try reader.next() }
  }

  private func seal(
    for readers: PrivateReaders, as description: PrivateDescription, isCompressed: Bool,
    pinName: String, replacing replaced: CID? = nil, _ next: () throws -> Bytes?
  ) throws -> StoredPrivateObject {
    let key = try ObjectKey(bytes: SystemRandom.bytes(ObjectKey.byteCount))
    // Readers are checked before hours of sealing.
    let keys = try readers.wrapped(key)
    let session = ContentSession(store: store, isPinning: true)
    var builder = PrivateObjectBuilder(key, compression: isCompressed ? Self.zstandard : nil)
    while let bytes = try next() {
      var blocks: [ContentBlock] = []
      builder.append(bytes, into: &blocks)
      try session.store(blocks)
    }
    var blocks: [ContentBlock] = []
    let content = builder.finish(into: &blocks)
    let header = PrivateHeader(
      author: author.publicKey, readers: readers.peers, of: content, name: description.name,
      mediaType: description.mediaType, replacing: replaced)
    let manifest = try PrivateManifest(
      header, content: content.content.cid, index: content.index?.cid, key: key, keys: keys,
      salt: Self.salt(), signedBy: author)
    let root = try manifest.block()
    try session.store(blocks + [root])
    try session.finish(root: root.cid, pinName: pinName)
    let below = content.content.tsize + (content.index?.tsize ?? 0)
    return StoredPrivateObject(cid: root.cid, tsize: UInt64(root.bytes.count) + below)
  }

  private static func salt() -> Bytes { SystemRandom.bytes(PrivateManifest.saltByteCount) }
}
