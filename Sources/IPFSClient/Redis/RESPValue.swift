package import Primitives

/// A value of the Redis protocol, versions 2 and 3 (github.com/redis/redis-specifications).
indirect enum RESPValue: Equatable, Sendable {
  case simple(String)
  case error(String)
  case integer(Int64)
  case bulk(Bytes)
  case null
  case bool(Bool)
  case double(Double)
  /// Digits of any length.
  case bigNumber(String)
  /// A text with a three-letter format in front.
  case verbatim(Bytes)
  case array([RESPValue])
  case set([RESPValue])
  /// Something that was not asked for.
  case push([RESPValue])
  /// Keys and values in turn.
  case map([RESPValue])
}

/// Limits of what a Redis server sends; the facts we keep there have some hundred bytes.
enum RESPLimits {
  static let lineBytesMax = 4_096
  static let bulkBytesMax = 1 << 20
  static let elementsMax = 4_096
  static let depthMax = 8
  /// One unfinished value; more is refused before it is read again.
  static let bufferBytesMax = 2 << 20
}

/// Why a Redis server's bytes were not understood.
enum RESPError: Error, Equatable {
  case unknownType(UInt8)
  case malformedNumber(String)
  case malformed(String)
  case tooLarge(what: String, size: Int, max: Int)
  case tooDeep(max: Int)
}

/// Cuts a byte stream into values. Pure.
struct RESPDecoder: Sendable {
  private var buffer = Bytes()
  private var position = 0

  /// Takes the next bytes of the stream.
  mutating func append(_ bytes: Bytes) throws(RESPError) {
    buffer.removeFirst(position)
    position = 0
    guard buffer.count + bytes.count <= RESPLimits.bufferBytesMax else {
      throw .tooLarge(
        what: "value", size: buffer.count + bytes.count, max: RESPLimits.bufferBytesMax)
    }
    buffer += bytes
  }

  /// The next value; nil until it is whole.
  mutating func next() throws(RESPError) -> RESPValue? {
    let start = position
    var elementsLeft = RESPLimits.elementsMax
    guard let value = try value(depth: 0, &elementsLeft) else {
      position = start
      return nil
    }
    return value
  }

  private mutating func value(
    depth: Int, _ elementsLeft: inout Int
  ) throws(RESPError) -> RESPValue? {
    guard depth < RESPLimits.depthMax else { throw .tooDeep(max: RESPLimits.depthMax) }
    guard position < buffer.count else { return nil }
    let type = buffer[position]
    guard let line = try line() else { return nil }
    switch type {
    case UInt8(ascii: "+"): return .simple(line)
    case UInt8(ascii: "-"): return .error(line)
    case UInt8(ascii: ":"): return .integer(try Self.integer(line))
    case UInt8(ascii: "_"):
      guard line.isEmpty else { throw .malformed("a null with something in it") }
      return .null
    case UInt8(ascii: "#"):
      guard line == "t" || line == "f" else { throw .malformed("neither true nor false") }
      return .bool(line == "t")
    case UInt8(ascii: ","): return .double(try Self.double(line))
    case UInt8(ascii: "("): return .bigNumber(try Self.digits(line))
    case UInt8(ascii: "$"), UInt8(ascii: "="), UInt8(ascii: "!"):
      return try bulk(of: type, line)
    case UInt8(ascii: "*"), UInt8(ascii: "~"), UInt8(ascii: ">"), UInt8(ascii: "%"):
      return try aggregate(of: type, line, depth: depth, &elementsLeft)
    default: throw .unknownType(type)
    }
  }

  private mutating func bulk(of type: UInt8, _ line: String) throws(RESPError) -> RESPValue? {
    if type == UInt8(ascii: "$"), line == "-1" { return .null }
    let count = try Self.count(line, what: "string", max: RESPLimits.bulkBytesMax)
    guard buffer.count - position >= count + 2 else { return nil }
    let bytes = Bytes(buffer[position..<(position + count)])
    guard buffer[position + count] == 0x0D, buffer[position + count + 1] == 0x0A else {
      throw .malformed("a string without its end")
    }
    position += count + 2
    switch type {
    case UInt8(ascii: "$"): return .bulk(bytes)
    case UInt8(ascii: "="): return .verbatim(bytes)
    default: return .error(String(decoding: bytes, as: UTF8.self))
    }
  }

  private mutating func aggregate(
    of type: UInt8, _ line: String, depth: Int, _ elementsLeft: inout Int
  ) throws(RESPError) -> RESPValue? {
    if type == UInt8(ascii: "*"), line == "-1" { return .null }
    let isMap = type == UInt8(ascii: "%")
    let announced = try Self.count(line, what: "list", max: RESPLimits.elementsMax)
    let count = isMap ? 2 * announced : announced
    guard count <= elementsLeft else {
      throw .tooLarge(what: "list", size: count, max: RESPLimits.elementsMax)
    }
    elementsLeft -= count
    var elements: [RESPValue] = []
    for _ in 0..<count {
      guard let element = try value(depth: depth + 1, &elementsLeft) else { return nil }
      elements.append(element)
    }
    switch type {
    case UInt8(ascii: "*"): return .array(elements)
    case UInt8(ascii: "~"): return .set(elements)
    case UInt8(ascii: ">"): return .push(elements)
    default: return .map(elements)
    }
  }

  /// What stands between a type and the end of its line; moves behind it.
  private mutating func line() throws(RESPError) -> String? {
    let start = position + 1
    let searched = buffer[start...].prefix(RESPLimits.lineBytesMax + 2)
    guard let end = searched.firstIndex(of: 0x0A) else {
      guard searched.count < RESPLimits.lineBytesMax + 2 else {
        throw .tooLarge(what: "line", size: searched.count, max: RESPLimits.lineBytesMax)
      }
      return nil
    }
    guard end > start, buffer[end - 1] == 0x0D else { throw .malformed("a line without its end") }
    position = end + 1
    return String(decoding: buffer[start..<(end - 1)], as: UTF8.self)
  }

  private static func integer(_ text: String) throws(RESPError) -> Int64 {
    guard let number = Int64(text) else { throw .malformedNumber(text) }
    return number
  }

  private static func count(
    _ text: String, what: String, max: Int
  ) throws(RESPError) -> Int {
    let number = try integer(text)
    guard number >= 0 else { throw .malformedNumber(text) }
    guard number <= max else { throw .tooLarge(what: what, size: Int(number), max: max) }
    return Int(number)
  }

  private static func double(_ text: String) throws(RESPError) -> Double {
    switch text {
    case "inf": return .infinity
    case "-inf": return -.infinity
    case "nan": return .nan
    default:
      guard let number = Double(text) else { throw .malformedNumber(text) }
      return number
    }
  }

  private static func digits(_ text: String) throws(RESPError) -> String {
    let digits = text.hasPrefix("-") || text.hasPrefix("+") ? text.dropFirst() : text[...]
    guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
      throw .malformedNumber(text)
    }
    return text
  }
}

/// A command as its words, the only form in which clients write.
func respCommand(_ words: [Bytes]) -> Bytes {
  var bytes = Bytes("*\(words.count)\r\n".utf8)
  for word in words { bytes += "$\(word.count)\r\n".utf8 + word + "\r\n".utf8 }
  return bytes
}

/// Feeds bytes to the decoder whole and byte by byte: both give the same values.
package func fuzzRESP(_ bytes: Bytes) {
  func values(inPiecesOf count: Int) -> ([RESPValue], RESPError?) {
    var (decoder, found): (RESPDecoder, [RESPValue]) = (RESPDecoder(), [])
    var start = 0
    do throws(RESPError) {
      while start < bytes.count {
        let end = min(bytes.count, start + count)
        try decoder.append(Bytes(bytes[start..<end]))
        start = end
        while let value = try decoder.next() { found.append(value) }
      }
    } catch { return (found, error) }
    return (found, nil)
  }
  let (whole, parted) = (values(inPiecesOf: max(1, bytes.count)), values(inPiecesOf: 1))
  precondition("\(whole.0)" == "\(parted.0)" && (whole.1 == nil) == (parted.1 == nil))
}
