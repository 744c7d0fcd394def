internal import CZlib
public import Primitives

/// Why bytes could not be unpacked.
public enum GzipError: Error, Equatable, Sendable {
  case malformed(reason: String)
  case truncated
  /// The plain bytes would be larger than allowed.
  case tooLarge(limit: Int)
}

/// Files in gzip's format (RFC 1952), by zlib.
public enum Gzip {
  private static let magic: Bytes = [0x1f, 0x8b]
  private static let chunkBytes = 64 << 10

  /// Whether bytes begin as a gzip file does.
  public static func isCompressed(_ bytes: Bytes) -> Bool { bytes.starts(with: magic) }

  /// Returns the plain bytes; a small file that unpacks beyond `byteCountMax` is refused.
  public static func decompress(_ bytes: Bytes, byteCountMax: Int) throws(GzipError) -> Bytes {
    var stream = z_stream()
    guard czlib_begin_gunzip(&stream) == Z_OK else {
      throw .malformed(reason: "zlib could not start")
    }
    defer { inflateEnd(&stream) }
    var input = bytes
    var plain = Bytes()
    var chunk = Bytes(repeating: 0, count: chunkBytes)
    let inputCount = bytes.count
    let status = input.withUnsafeMutableBufferPointer { source in
      stream.next_in = source.baseAddress
      stream.avail_in = UInt32(clamping: inputCount)
      return inflateAll(&stream, into: &plain, chunk: &chunk, byteCountMax: byteCountMax)
    }
    switch status {
    case Z_STREAM_END where stream.avail_in == 0: return plain
    case Z_STREAM_END: throw .malformed(reason: "bytes follow the end")
    case Z_BUF_ERROR, Z_OK:
      if plain.count > byteCountMax { throw .tooLarge(limit: byteCountMax) }
      throw .truncated
    default: throw .malformed(reason: stream.msg.map { String(cString: $0) } ?? "not gzip")
    }
  }

  private static func inflateAll(
    _ stream: inout z_stream, into plain: inout Bytes, chunk: inout Bytes, byteCountMax: Int
  ) -> Int32 {
    while true {
      let room = chunk.count
      let status = chunk.withUnsafeMutableBufferPointer { target in
        stream.next_out = target.baseAddress
        stream.avail_out = UInt32(room)
        return inflate(&stream, Z_NO_FLUSH)
      }
      plain += chunk.prefix(room - Int(stream.avail_out))
      guard status == Z_OK, plain.count <= byteCountMax else { return status }
      if stream.avail_in == 0 && stream.avail_out > 0 { return Z_BUF_ERROR }
    }
  }
}

extension GzipError: CustomStringConvertible {
  /// One lower-case sentence without a full stop.
  public var description: String {
    switch self {
    case .malformed(let reason): "it cannot be unpacked: \(reason)"
    case .truncated: "it ends too early"
    case .tooLarge(let limit): "it holds more than \(limit) bytes"
    }
  }
}
