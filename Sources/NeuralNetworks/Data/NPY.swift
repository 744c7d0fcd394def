package import Primitives

/// NumPy's format for one array, versions 1.0 to 3.0 (numpy.lib.format): 6 bytes of magic, version,
/// a little-endian header length of 2 or 4 bytes, a Python dictionary literal, the numbers.
public enum NPY {
  private static let magic: Bytes = [0x93] + Bytes("NUMPY".utf8)
  /// numpy.lib.format's own limit for headers that are not trusted.
  static let headerBytesMax = 10_000

  /// Reads the header; the numbers stay where they are.
  public static func array(in source: ByteSource) throws(DatasetError) -> StoredArray {
    let start = try source.bytes(at: 0, limit: 12)
    guard start.starts(with: magic) else {
      throw .header(format: "npy", reason: "it does not begin with \\x93NUMPY")
    }
    guard start.count == 12 else { throw .truncated(format: "npy", have: start.count, need: 12) }
    guard (1...3).contains(start[6]), start[7] == 0 else {
      throw .header(format: "npy", reason: "version \(start[6]).\(start[7]) is unknown")
    }
    let lengthBytes = start[6] == 1 ? 2 : 4
    let length = start[8..<8 + lengthBytes].reversed().reduce(0) { $0 << 8 | Int($1) }
    guard length <= headerBytesMax else {
      throw .header(format: "npy", reason: "\(length) bytes of header")
    }
    let offset = 8 + lengthBytes + length
    guard source.count >= offset else {
      throw .truncated(format: "npy", have: source.count, need: offset)
    }
    var header = NPYHeader(try source.bytes(at: 8 + lengthBytes, limit: length))
    try header.parse()
    return try StoredArray(
      shape: header.shape, number: header.number, offset: offset,
      isColumnMajor: header.isColumnMajor, source: source, format: "npy")
  }
}

/// The dictionary literal of a header: exactly the keys `descr`, `fortran_order` and `shape`.
private struct NPYHeader {
  private let text: Bytes
  private var place = 0
  private(set) var shape: [Int] = []
  private(set) var number = StoredNumber(kind: .float, bytes: 4, isBigEndian: false)
  private(set) var isColumnMajor = false

  init(_ text: Bytes) { self.text = text }

  private func malformed(_ reason: String) -> DatasetError {
    .header(format: "npy", reason: reason)
  }

  mutating func parse() throws(DatasetError) {
    var keys: Set<String> = []
    try take("{")
    while !skip("}") {
      let key = try string()
      guard keys.insert(key).inserted else { throw malformed("`\(key)` repeats") }
      try take(":")
      switch key {
      case "descr": number = try Self.number(string())
      case "fortran_order": isColumnMajor = try truth()
      case "shape": shape = try sizes()
      default: throw malformed("the key `\(key)` is unknown")
      }
      guard skip(",") else {
        try take("}")
        break
      }
    }
    skipSpace()
    guard keys.count == 3, place == text.count else { throw malformed("keys are missing") }
  }

  private static func number(_ type: String) throws(DatasetError) -> StoredNumber {
    let known: [String: (StoredNumber.Kind, Int)] = [
      "f4": (.float, 4), "f8": (.float, 8), "i1": (.signed, 1), "i2": (.signed, 2),
      "i4": (.signed, 4), "i8": (.signed, 8), "u1": (.unsigned, 1), "u2": (.unsigned, 2),
      "u4": (.unsigned, 4), "u8": (.unsigned, 8), "b1": (.bool, 1),
    ]
    guard let order = type.first, let (kind, bytes) = known[String(type.dropFirst())],
      "<>".contains(order) || (bytes == 1 && order == "|")
    else { throw .elementType(String(type.prefix(24)), format: "npy") }
    return StoredNumber(kind: kind, bytes: bytes, isBigEndian: order == ">")
  }

  private mutating func skipSpace() {
    while place < text.count, [0x20, 0x0a].contains(text[place]) { place += 1 }
  }

  private mutating func skip(_ character: Character) -> Bool {
    skipSpace()
    guard place < text.count, text[place] == character.asciiValue else { return false }
    place += 1
    return true
  }

  private mutating func take(_ character: Character) throws(DatasetError) {
    guard skip(character) else { throw malformed("expected `\(character)`") }
  }

  private mutating func string() throws(DatasetError) -> String {
    skipSpace()
    guard place < text.count, [UInt8(ascii: "'"), UInt8(ascii: "\"")].contains(text[place]) else {
      // A list of fields stands here for records.
      throw .elementType("a record", format: "npy")
    }
    let quote = text[place]
    let start = place + 1
    guard let end = text[start...].firstIndex(of: quote),
      let string = String(validating: text[start..<end], as: UTF8.self)
    else { throw malformed("a string does not end") }
    place = end + 1
    return string
  }

  private mutating func truth() throws(DatasetError) -> Bool {
    skipSpace()
    for (word, value) in [("True", true), ("False", false)]
    where text[place...].starts(with: word.utf8) {
      place += word.utf8.count
      return value
    }
    throw malformed("fortran_order is neither True nor False")
  }

  private mutating func sizes() throws(DatasetError) -> [Int] {
    try take("(")
    var sizes: [Int] = []
    while !skip(")") {
      skipSpace()
      let digits = text[place...].prefix { (0x30...0x39).contains($0) }
      guard (1...15).contains(digits.count), sizes.count < StoredArray.dimensionsMax else {
        throw malformed("the shape is not a short list of sizes")
      }
      place += digits.count
      sizes.append(digits.reduce(0) { $0 * 10 + Int($1 - 0x30) })
      guard skip(",") else {
        try take(")")
        break
      }
    }
    return sizes
  }
}

/// Fuzz entry: any bytes give numbers or a `DatasetError`.
package func fuzzNPY(_ bytes: Bytes) {
  guard let array = try? NPY.array(in: ByteSource(bytes)) else { return }
  _ = try? array.floats()
  _ = try? array.integers()
  guard var source = try? StoredArraySource(features: array, labels: nil) else { return }
  _ = try? source.table()
}
