import Cryptography
public import Primitives

/// A private object that a reader's key opened.
public struct OpenedObject: Equatable, Sendable {
  /// The CID of its manifest.
  public let root: CID
  /// What can be seen without a key.
  public let manifest: PrivateManifest
  /// What only readers see.
  public let header: PrivateHeader
  /// The object's key, to give to further readers.
  public let key: ObjectKey

  /// Reads the manifest `root` and opens it.
  ///
  /// Throws `ContentError`: `noKey` where `reader` is none of its readers, `malformedBlock` for
  /// anything that is not a manifest, or was changed.
  public init(root: CID, block: Bytes, reader: PrivateReaderKey) throws(ContentError) {
    try root.verify(block)
    self.root = root
    let opened: (key: ObjectKey, header: PrivateHeader)?
    do throws(DecodingFailure) {
      manifest = try PrivateManifest(decoding: block)
      opened = try manifest.open(with: reader)
    } catch { throw .malformedBlock(root, error) }
    guard let opened else { throw .noKey(root) }
    (key, header) = opened
  }
}

/// Reads a private object from a source of blocks, in order, every byte checked: each block against
/// its CID, each chunk against its seal, a whole object against its hash.
public struct PrivateReader<Source: BlockSource> {
  private let object: OpenedObject
  private let compression: ChunkCompression
  private let stream: PrivateStream
  private let lengths: SealedLengths
  /// The bytes that are still to be given.
  private var range: Range<UInt64>
  private var sealed: UnixFSReader<Source>
  /// Sealed bytes that were read and not opened yet: less than one leaf and one chunk.
  private var buffer = Bytes()
  /// The next chunk.
  private var number: Int
  /// Of the whole object; nil for a part of it.
  private let hasher: SHA256Hasher?

  /// Reads `bytes` of an object.
  ///
  /// Throws `ContentError`, as `next` does: `brokenSeal` for what was changed.
  public init(
    _ object: OpenedObject, source: Source, compression: ChunkCompression,
    bytes: EntityBytes = .all
  ) throws {
    self.object = object
    self.compression = compression
    stream = PrivateStream(key: object.key.derived(for: .content))
    let size = object.header.byteCount
    range = try bytes.range(in: size, of: object.root)
    hasher = range == 0..<size ? SHA256Hasher() : nil
    let table = try Self.table(of: object, source)
    do throws(DecodingFailure) {
      lengths = try SealedLengths(byteCount: size, table: table)
    } catch { throw ContentError.malformedBlock(object.root, error) }
    number = Int(range.lowerBound / UInt64(PrivateLimits.chunkByteCount))
    let start = Int64(clamping: lengths.offset(of: number))
    sealed = UnixFSReader(
      root: object.manifest.content, source: source, bytes: EntityBytes(first: start, last: nil))
  }

  /// Returns the next bytes (of one chunk), or nil at the end.
  public mutating func next() throws -> Bytes? {
    guard !range.isEmpty else { return nil }
    let start = UInt64(number) * UInt64(PrivateLimits.chunkByteCount)
    let chunk = try nextChunk()
    let end = min(range.upperBound, start + UInt64(chunk.count))
    let piece = chunk[Int(range.lowerBound - start)..<Int(end - start)]
    range = end..<range.upperBound
    if let hasher {
      hasher.update(chunk)
      guard !range.isEmpty || hasher.finalize() == object.header.digest else { throw broken }
    }
    return Bytes(piece)
  }

  private mutating func nextChunk() throws -> Bytes {
    let isLast = number == lengths.chunkCount - 1
    let length = lengths.sealedByteCount(of: number)
    while buffer.count < length, let bytes = try sealed.next() { buffer += bytes }
    // Without a table the last chunk ends with the file: it alone may be compressed.
    let taken = min(length, buffer.count)
    let chunk = stream.open(
      Bytes(buffer.prefix(taken)), number: number, isLast: isLast,
      byteCount: lengths.byteCount(of: number), compression: compression)
    guard let chunk else { throw broken }
    buffer.removeFirst(taken)
    number += 1
    return chunk
  }

  private var broken: ContentError { .brokenSeal(object.root) }

  /// The sealed lengths, opened.
  private static func table(of object: OpenedObject, _ source: Source) throws -> Bytes? {
    guard let index = object.manifest.index else { return nil }
    let byteCount = 4 * PrivateLimits.chunkCount(of: object.header.byteCount)
    let pieces = PrivateLimits.chunkCount(of: UInt64(byteCount))
    let sealedMax = byteCount + pieces * PrivateLimits.overheadByteCount
    var reader = UnixFSReader(root: index, source: source)
    let sealed = try reader.readAll(byteCountMax: sealedMax)
    let stream = PrivateStream(key: object.key.derived(for: .index))
    var table = Bytes()
    for number in 0..<pieces {
      let start = number * PrivateLimits.sealedByteCountMax
      let piece = Bytes(sealed.dropFirst(start).prefix(PrivateLimits.sealedByteCountMax))
      let chunk = stream.open(
        piece, number: number, isLast: number == pieces - 1,
        byteCount: min(byteCount - table.count, PrivateLimits.chunkByteCount), compression: nil)
      guard let chunk else { throw ContentError.brokenSeal(object.root) }
      table += chunk
    }
    return table
  }
}
