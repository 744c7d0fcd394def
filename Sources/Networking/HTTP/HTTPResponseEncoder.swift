internal import Primitives

/// Puts response heads and chunks into bytes. Pure; RFC 9112 §4, §7.1.
enum HTTPResponseEncoder {
  /// How the client learns where the body ends.
  enum Framing {
    case length(Int)
    case chunked
    case untilClose
    case none
  }

  static func appendHead(
    of response: HTTPResponse, framing: Framing, keepsAlive: Bool, date: Bytes,
    to output: inout Bytes
  ) {
    append("HTTP/1.1 ", to: &output)
    append(number: response.status.code, to: &output)
    output.append(UInt8(ascii: " "))
    append(response.status.reason, to: &output)
    append("\r\nDate: ", to: &output)
    output.append(contentsOf: date)
    append("\r\n", to: &output)
    output.append(contentsOf: response.headers.text)
    switch framing {
    case .length(let count):
      append("Content-Length: ", to: &output)
      append(number: count, to: &output)
      append("\r\n", to: &output)
    case .chunked: append("Transfer-Encoding: chunked\r\n", to: &output)
    case .untilClose, .none: break
    }
    append(
      keepsAlive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n", to: &output)
  }

  static func appendChunk(_ bytes: Bytes, to output: inout Bytes) {
    output.append(contentsOf: String(bytes.count, radix: 16).utf8)
    append("\r\n", to: &output)
    output.append(contentsOf: bytes)
    append("\r\n", to: &output)
  }

  static func appendLastChunk(trailers: HTTPHeaders, to output: inout Bytes) {
    append("0\r\n", to: &output)
    output.append(contentsOf: trailers.text)
    append("\r\n", to: &output)
  }

  @inline(__always)
  private static func append(_ text: StaticString, to output: inout Bytes) {
    output.append(
      contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  private static func append(number: Int, to output: inout Bytes) {
    let start = output.count
    var rest = number
    repeat {
      output.append(UInt8(0x30 + rest % 10))
      rest /= 10
    } while rest > 0
    output[start...].reverse()
  }
}
