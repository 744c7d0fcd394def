public import Cryptography
public import Primitives

/// The sealed bytes of a private object, before anybody can open it.
public struct SealedContent: Equatable, Sendable {
  /// The sealed chunks, one behind the other.
  public let content: UnixFSFile
  /// The lengths of the sealed chunks, sealed themselves; nil where all but the last are of one
  /// length, because none was compressed.
  public let index: UnixFSFile?
  /// The bytes of the object.
  public let byteCount: UInt64
  /// The hash of the object.
  public let digest: Digest
}

/// Seals a stream of bytes into the blocks of a private object, two chunks in memory at a time.
public struct PrivateObjectBuilder {
  private let key: ObjectKey
  private let compression: ChunkCompression?
  private let stream: PrivateStream
  private let hasher = SHA256Hasher()
  private var file = UnixFSBuilder()
  private var chunk = Bytes()
  private var sealedLengths: [UInt32] = []
  private var byteCount: UInt64 = 0

  /// Seals with a key that no other object has.
  public init(_ key: ObjectKey, compression: ChunkCompression?) {
    self.key = key
    self.compression = compression
    stream = PrivateStream(key: key.derived(for: .content))
  }

  /// Adds bytes; the blocks they complete are appended to `blocks`, children before parents.
  public mutating func append(_ bytes: Bytes, into blocks: inout [ContentBlock]) {
    hasher.update(bytes)
    byteCount += UInt64(bytes.count)
    var rest = bytes[...]
    while !rest.isEmpty {
      // A full chunk waits: whether it is the last is part of its seal.
      if chunk.count == PrivateLimits.chunkByteCount { closeChunk(isLast: false, into: &blocks) }
      let piece = rest.prefix(PrivateLimits.chunkByteCount - chunk.count)
      chunk += piece
      rest = rest.dropFirst(piece.count)
    }
  }

  /// Ends the object; its last blocks are appended to `blocks`.
  public mutating func finish(into blocks: inout [ContentBlock]) -> SealedContent {
    closeChunk(isLast: true, into: &blocks)
    let content = file.finish(into: &blocks)
    let isUniform = sealedLengths.dropLast().allSatisfy { $0 == PrivateLimits.sealedByteCountMax }
    let index = isUniform ? nil : writeIndex(into: &blocks)
    return SealedContent(
      content: content, index: index, byteCount: byteCount, digest: hasher.finalize())
  }

  private mutating func closeChunk(isLast: Bool, into blocks: inout [ContentBlock]) {
    let sealed = stream.seal(
      chunk, number: sealedLengths.count, isLast: isLast, compression: compression)
    sealedLengths.append(UInt32(sealed.count))
    file.append(sealed, into: &blocks)
    chunk = []
  }

  private func writeIndex(into blocks: inout [ContentBlock]) -> UnixFSFile {
    var bytes = Bytes()
    bytes.reserveCapacity(4 * sealedLengths.count)
    for length in sealedLengths {
      CBORWriting.append(bigEndian: UInt64(length), byteCount: 4, to: &bytes)
    }
    let stream = PrivateStream(key: key.derived(for: .index))
    var file = UnixFSBuilder()
    let count = PrivateLimits.chunkCount(of: UInt64(bytes.count))
    for number in 0..<count {
      let piece = Bytes(
        bytes.dropFirst(number * PrivateLimits.chunkByteCount).prefix(PrivateLimits.chunkByteCount))
      file.append(
        stream.seal(piece, number: number, isLast: number == count - 1), into: &blocks)
    }
    return file.finish(into: &blocks)
  }
}
