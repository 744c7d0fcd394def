import ContentStore
import Primitives

/// Compression at rest: never part of a CID, which names the plain bytes.
enum SegmentCompression {
  /// The plain length in front of the frame.
  private static let lengthByteCount = 4
  /// Less than a twentieth saved is not worth the time of every later read.
  private static let gainDivisor = 20
  /// Blocks below this stay plain: the frame's own header eats the gain.
  private static let byteCountMin = 256
  /// Blocks from this size on are judged by a sample first: bytes that do not compress, such as
  /// images and encrypted content, then cost a sixtieth of the time.
  private static let sampledByteCountMin = 256 << 10
  private static let samplePieceByteCount = 4 << 10
  private static let samplePieceCount = 4

  /// The payload of a compressed record; nil where too little would be gained.
  static func compress(_ block: Bytes) -> Bytes? {
    guard block.count >= byteCountMin else { return nil }
    return block.withUnsafeBytes { buffer in
      if buffer.count >= sampledByteCountMin, !isWorthwhile(buffer) { return nil }
      guard let frame = frame(buffer, overhead: lengthByteCount) else { return nil }
      return SegmentBytes.bytes(UInt32(buffer.count)) + frame
    }
  }

  private static func frame(_ buffer: UnsafeRawBufferPointer, overhead: Int) -> Bytes? {
    let max = buffer.count - buffer.count / gainDivisor - overhead
    return Zstandard.compress(buffer, byteCountMax: max)
  }

  /// Whether pieces from all over the block can be compressed.
  private static func isWorthwhile(_ buffer: UnsafeRawBufferPointer) -> Bool {
    var sample = Bytes()
    sample.reserveCapacity(samplePieceCount * samplePieceByteCount)
    let step = buffer.count / samplePieceCount
    for piece in 0..<samplePieceCount {
      sample += buffer[(piece * step)..<(piece * step + samplePieceByteCount)]
    }
    return sample.withUnsafeBytes { frame($0, overhead: 0) } != nil
  }

  /// The block in a record's payload; nil when it cannot be unpacked. Its length is bounded by what
  /// a block may have, whatever the payload claims.
  static func block(_ payload: Bytes, _ encoding: SegmentEncoding) -> Bytes? {
    switch encoding {
    case .plain: return payload
    case .zstandard:
      guard payload.count >= lengthByteCount else { return nil }
      let count: UInt32 = SegmentBytes.integer(payload.prefix(lengthByteCount))
      guard count <= BlockLimits.byteCountMax else { return nil }
      return payload.withUnsafeBytes {
        Zstandard.decompress(
          UnsafeRawBufferPointer(rebasing: $0[lengthByteCount...]), byteCount: Int(count))
      }
    }
  }
}
