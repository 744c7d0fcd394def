public import Primitives

/// Reads a file from a source of blocks, in order, each block checked against its CID.
public struct UnixFSReader<Source: BlockSource> {
  private let source: Source
  private var walk: UnixFSWalk

  /// Starts at the root of a file, of which `bytes` are given; nothing is read yet.
  public init(
    root: CID, source: Source, limits: UnixFSWalkLimits = UnixFSWalkLimits(),
    bytes: EntityBytes = .all
  ) {
    self.source = source
    walk = UnixFSWalk(root: root, limits: limits, bytes: bytes)
  }

  /// The size that the root declares, once something was read.
  public var fileSize: UInt64? { walk.fileSize }

  /// Returns the next bytes of the file (one leaf), or nil at its end.
  public mutating func next() throws -> Bytes? {
    while let cid = walk.wanted {
      let bytes = try walk.supply(cid.inlineBlock ?? source.block(cid))
      if !bytes.isEmpty { return bytes }
    }
    return nil
  }

  /// Returns the whole rest of the file; more than `byteCountMax` bytes are an error.
  public mutating func readAll(byteCountMax: Int) throws -> Bytes {
    var content = Bytes()
    while let bytes = try next() {
      guard let size = fileSize, size <= UInt64(byteCountMax) else {
        throw ContentError.tooLarge(walk.root, limit: UInt64(byteCountMax))
      }
      content.reserveCapacity(Int(size))
      content += bytes
    }
    return content
  }
}
