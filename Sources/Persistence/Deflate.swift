internal import CZlib
public import Primitives

/// Raw deflate data (RFC 1951), as ZIP archives hold it, by zlib.
public enum Deflate {
  /// Returns the plain bytes, which must be exactly `byteCount`; nothing larger is unpacked.
  public static func inflate(_ bytes: Bytes, byteCount: Int) throws(GzipError) -> Bytes {
    guard let inputCount = UInt32(exactly: bytes.count),
      let outputCount = UInt32(exactly: byteCount)
    else { throw .tooLarge(limit: Int(UInt32.max)) }
    var stream = z_stream()
    guard czlib_begin_inflate(&stream) == Z_OK else {
      throw .malformed(reason: "zlib could not start")
    }
    defer { inflateEnd(&stream) }
    var input = bytes
    // One more, so that data which go on are noticed; and zlib takes no null pointer.
    var plain = Bytes(repeating: 0, count: byteCount + 1)
    let status = input.withUnsafeMutableBufferPointer { source in
      plain.withUnsafeMutableBufferPointer { target in
        stream.next_in = source.baseAddress
        stream.avail_in = inputCount
        stream.next_out = target.baseAddress
        stream.avail_out = outputCount &+ 1
        return CZlib.inflate(&stream, Z_FINISH)
      }
    }
    guard status == Z_STREAM_END else {
      if stream.avail_out == 0 { throw .tooLarge(limit: byteCount) }
      throw status == Z_BUF_ERROR
        ? .truncated : .malformed(reason: stream.msg.map { String(cString: $0) } ?? "not deflate")
    }
    guard stream.avail_in == 0, stream.total_out == byteCount else {
      throw .malformed(reason: "it holds \(stream.total_out) bytes instead of \(byteCount)")
    }
    plain.removeLast()
    return plain
  }
}
