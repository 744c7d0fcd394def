public import Primitives

/// Why content could not be named, decoded or read.
public enum ContentError: Error, Equatable, Sendable {
  /// The text or bytes are not a CID.
  case malformedCID(DecodingFailure)
  /// The CID text starts with a multibase prefix this program does not read.
  case unsupportedMultibase(String)
  /// The CID has a version this program does not know.
  case unsupportedVersion(UInt64)
  /// The CID names a codec this program does not know.
  case unsupportedCodec(UInt64)
  /// The CID names a hash function this program does not know.
  case unsupportedHash(UInt64)
  /// The block is not valid dag-pb or UnixFS.
  case malformedBlock(CID, DecodingFailure)
  /// The bytes do not have the digest that the CID names.
  case digestMismatch(CID)
  /// No source at hand has the block.
  case missingBlock(CID)
  /// The CID names a directory, a symbolic link or a value that is not a file.
  case notAFile(CID, found: String)
  /// The CID names a file or a value, and an entry of it was asked for.
  case notADirectory(CID, found: String)
  /// The directory or value has no entry of this name.
  case noSuchEntry(CID, name: String)
  /// An entry's name has no place in a directory or on a disk.
  case unsafeName(String, reason: String)
  /// Two entries of one directory have the same name.
  case duplicateName(String)
  /// The text is not a path to content.
  case malformedPath(String, reason: String)
  /// The bytes are not a content archive (CAR).
  case malformedArchive(DecodingFailure)
  /// The asked-for bytes lie outside the file.
  case rangeOutside(CID, size: UInt64)
  /// A node's size differs from what it or its parent declares.
  case sizeMismatch(CID, declared: UInt64, found: UInt64)
  /// The file's tree is deeper than the limit.
  case tooDeep(CID, limit: Int)
  /// The file has more bytes or blocks than the limit.
  case tooLarge(CID, limit: UInt64)
  /// The private object is sealed for others.
  case noKey(CID)
  /// A part of the private object is not what its author sealed.
  case brokenSeal(CID)
  /// The layout parameters are outside what a block can hold.
  case unsupportedLayout(reason: String)
}

extension ContentError: CustomStringConvertible {
  /// One lower-case sentence without a full stop.
  public var description: String {
    switch self {
    case .malformedCID(let failure): "not a CID: \(failure)"
    case .unsupportedMultibase(let prefix): "CIDs in multibase `\(prefix)` are not supported"
    case .unsupportedVersion(let version): "CID version \(version) is not supported"
    case .unsupportedCodec(let code): "CID codec 0x\(String(code, radix: 16)) is not supported"
    case .unsupportedHash(let code): "CID hash 0x\(String(code, radix: 16)) is not supported"
    case .malformedBlock(let cid, let failure): "the block \(cid) is malformed: \(failure)"
    case .digestMismatch(let cid): "the block \(cid) does not have the digest of its CID"
    case .missingBlock(let cid): "the block \(cid) is not stored here"
    case .notAFile(let cid, let found): "\(cid) is \(found), not a file"
    case .notADirectory(let cid, let found): "\(cid) is \(found), not a directory"
    case .noSuchEntry(let cid, let name): "\(cid) has no entry `\(name)`"
    case .unsafeName(let name, let reason): "the name `\(name)` is not usable: \(reason)"
    case .duplicateName(let name): "two entries are called `\(name)`"
    case .malformedPath(let path, let reason): "`\(path)` is not a path to content: \(reason)"
    case .malformedArchive(let failure): "not a content archive: \(failure)"
    case .rangeOutside(let cid, let size):
      "the bytes asked for lie outside \(cid), which has \(size)"
    case .sizeMismatch(let cid, let declared, let found):
      "the block \(cid) declares \(declared) bytes and has \(found)"
    case .tooDeep(let cid, let limit): "the tree is deeper than \(limit) at \(cid)"
    case .tooLarge(let cid, let limit): "the content exceeds the limit of \(limit) at \(cid)"
    case .noKey(let cid): "\(cid) is private and sealed for others"
    case .brokenSeal(let cid): "a part of \(cid) is not what its author sealed"
    case .unsupportedLayout(let reason): "the layout is not supported: \(reason)"
    }
  }
}
