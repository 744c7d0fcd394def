import Cryptography
public import Primitives

/// A block and its name.
public struct ContentBlock: Equatable, Sendable {
  /// The block's name.
  public let cid: CID
  /// The block's bytes.
  public let bytes: Bytes

  /// Pairs a block with a CID that the caller knows to be its own.
  package init(trusting cid: CID, _ bytes: Bytes) {
    self.cid = cid
    self.bytes = bytes
  }

  /// Names `bytes` by hashing them.
  public init(hashing bytes: Bytes, codec: CID.Codec, version: CID.Version = .v1) {
    let digest = bytes.withUnsafeBytes { SHA256.hash($0) }
    self.init(bytes, digest: digest, codec: codec, version: version)
  }

  /// Pairs a block with the name that its SHA-256 gives it.
  init(_ bytes: Bytes, digest: Digest, codec: CID.Codec, version: CID.Version) {
    let isFirst = version == .v0 && codec == .dagPB
    self.init(trusting: isFirst ? .v0(digest) : .v1(codec, .sha256(digest)), bytes)
  }

  /// Names `bytes` by themselves when there are at most `inlineByteCountMax` of them, and by a hash
  /// otherwise.
  init(
    naming bytes: Bytes, codec: CID.Codec, version: CID.Version, inlineByteCountMax: Int
  ) {
    if inlineByteCountMax > 0, bytes.count <= inlineByteCountMax {
      self.init(trusting: .v1(codec, .identity(bytes)), bytes)
    } else {
      self.init(hashing: bytes, codec: codec, version: version)
    }
  }

  /// Accepts foreign bytes for `cid` after checking them.
  public init(verifying bytes: Bytes, as cid: CID) throws(ContentError) {
    try cid.verify(bytes)
    self.init(trusting: cid, bytes)
  }
}

/// Where blocks come from: a store, a peer, an archive.
public protocol BlockSource {
  /// Returns the block called `cid`, or throws; the bytes need not be verified.
  func block(_ cid: CID) throws -> Bytes
}
