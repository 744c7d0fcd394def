/// Takes the payload out of a request body's framing. Pure; RFC 9112 §6.2 and §7.1.
package struct HTTPBodyDecoder: Sendable {
  /// 15 hexadecimal digits always fit in `Int`.
  private static let sizeDigitsMax = 15
  /// Extensions carry nothing for us; the bound keeps a chunk header from hiding a flood.
  private static let extensionBytesMax = 256
  /// Trailer fields are read and dropped.
  private static let trailerBytesMax = 4_096

  private enum State {
    case length(remaining: Int)
    case sizeDigits(value: Int, digits: Int)
    case sizeExtension(value: Int, count: Int)
    case sizeLineFeed(value: Int)
    case data(remaining: Int)
    case dataReturn
    case dataLineFeed
    case trailerLine(count: Int, lineIsEmpty: Bool)
    case trailerLineFeed(count: Int, lineIsEmpty: Bool)
    case finished
  }

  private var state: State
  private var payloadMax: Int
  private let bodyBytesMax: Int

  /// A decoder for one body.
  package init(framing: HTTPFraming, bodyBytesMax: Int) {
    self.bodyBytesMax = bodyBytesMax
    payloadMax = bodyBytesMax
    switch framing {
    case .none: state = .finished
    case .length(let count): state = count == 0 ? .finished : .length(remaining: count)
    case .chunked: state = .sizeDigits(value: 0, digits: 0)
    }
  }

  /// Whether the whole body has been consumed.
  package var isFinished: Bool {
    if case .finished = state { return true }
    return false
  }

  /// Bytes still to come where the framing says so.
  var remainingLength: Int? {
    switch state {
    case .length(let remaining): remaining
    case .finished: 0
    default: nil
    }
  }

  /// Consumes framing up to and including one run of payload. `payload` is empty when `input` held
  /// none; call again until it is and `consumed` is 0 or the body is finished.
  package mutating func decode(
    _ input: UnsafeRawBufferPointer
  ) throws(HTTPParseError) -> (consumed: Int, payload: Range<Int>) {
    var index = 0
    while index < input.count {
      switch state {
      case .length(let remaining):
        let end = index + min(remaining, input.count - index)
        state = end - index == remaining ? .finished : .length(remaining: remaining - (end - index))
        return (end, index..<end)
      case .data(let remaining):
        let end = index + min(remaining, input.count - index)
        state = end - index == remaining ? .dataReturn : .data(remaining: remaining - (end - index))
        return (end, index..<end)
      case .finished:
        return (index, index..<index)
      default:
        try step(input[index])
        index += 1
      }
    }
    return (index, index..<index)
  }

  private mutating func step(_ byte: UInt8) throws(HTTPParseError) {
    switch state {
    case .sizeDigits(let value, let digits): try stepSize(byte, value, digits)
    case .sizeExtension(let value, let count):
      if byte == UInt8(ascii: "\r") {
        state = .sizeLineFeed(value: value)
      } else {
        guard HTTPSyntax.isFieldText(byte), count < Self.extensionBytesMax else {
          throw .malformedChunk
        }
        state = .sizeExtension(value: value, count: count + 1)
      }
    case .sizeLineFeed(let value):
      guard byte == UInt8(ascii: "\n") else { throw .malformedChunk }
      try beginChunk(of: value)
    case .dataReturn:
      guard byte == UInt8(ascii: "\r") else { throw .malformedChunk }
      state = .dataLineFeed
    case .dataLineFeed:
      guard byte == UInt8(ascii: "\n") else { throw .malformedChunk }
      state = .sizeDigits(value: 0, digits: 0)
    case .trailerLine(let count, let lineIsEmpty): try stepTrailer(byte, count, lineIsEmpty)
    case .trailerLineFeed(let count, let lineIsEmpty):
      guard byte == UInt8(ascii: "\n") else { throw .malformedChunk }
      state = lineIsEmpty ? .finished : .trailerLine(count: count, lineIsEmpty: true)
    case .length, .data, .finished: preconditionFailure("payload states take no single bytes")
    }
  }

  private mutating func stepSize(
    _ byte: UInt8, _ value: Int, _ digits: Int
  ) throws(HTTPParseError) {
    if let digit = Self.hexadecimal(byte) {
      guard digits < Self.sizeDigitsMax else { throw .malformedChunk }
      state = .sizeDigits(value: value << 4 | digit, digits: digits + 1)
      return
    }
    guard digits > 0 else { throw .malformedChunk }
    switch byte {
    case UInt8(ascii: "\r"): state = .sizeLineFeed(value: value)
    case UInt8(ascii: ";"): state = .sizeExtension(value: value, count: 0)
    default: throw .malformedChunk
    }
  }

  private mutating func beginChunk(of size: Int) throws(HTTPParseError) {
    guard size <= payloadMax else { throw .bodyTooLarge(max: bodyBytesMax) }
    payloadMax -= size
    state = size == 0 ? .trailerLine(count: 0, lineIsEmpty: true) : .data(remaining: size)
  }

  private mutating func stepTrailer(
    _ byte: UInt8, _ count: Int, _ lineIsEmpty: Bool
  ) throws(HTTPParseError) {
    if byte == UInt8(ascii: "\r") {
      state = .trailerLineFeed(count: count, lineIsEmpty: lineIsEmpty)
      return
    }
    guard HTTPSyntax.isFieldText(byte), count < Self.trailerBytesMax else {
      throw .malformedChunk
    }
    state = .trailerLine(count: count + 1, lineIsEmpty: false)
  }

  private static func hexadecimal(_ byte: UInt8) -> Int? {
    switch byte {
    case 0x30...0x39: Int(byte - 0x30)
    case 0x41...0x46: Int(byte - 0x41 + 10)
    case 0x61...0x66: Int(byte - 0x61 + 10)
    default: nil
    }
  }
}
