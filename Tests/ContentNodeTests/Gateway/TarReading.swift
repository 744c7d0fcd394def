import Primitives

/// A small reader of tape archives, written from POSIX.1-2017 (pax) apart from our writer.
enum TarReading {
  struct Malformed: Error {}

  /// `path: content` of each file and `path: -> target` of each link, sorted.
  static func lines(of archive: Bytes) throws -> [String] {
    var (rest, lines, extended) = (archive[...], [String](), [String: String]())
    while rest.count >= 512 {
      let header = Bytes(rest.prefix(512))
      rest = rest.dropFirst(512)
      if header.allSatisfy({ $0 == 0 }) { return lines.sorted() }
      try checkSum(header)
      let size = try extended["size"].flatMap { Int($0) } ?? number(header[124..<136])
      let content = rest.prefix(size)
      guard content.count == size else { throw Malformed() }
      rest = rest.dropFirst((size + 511) / 512 * 512)
      let name = extended["path"] ?? text(header[0..<100])
      let target = extended["linkpath"] ?? text(header[157..<257])
      extended = [:]
      switch header[156] {
      case UInt8(ascii: "x"): extended = try records(Bytes(content))
      case UInt8(ascii: "0"): lines.append("\(name): \(String(decoding: content, as: UTF8.self))")
      case UInt8(ascii: "2"): lines.append("\(name): -> \(target)")
      case UInt8(ascii: "5"): guard name.hasSuffix("/") else { throw Malformed() }
      default: throw Malformed()
      }
    }
    throw Malformed()
  }

  private static func text(_ field: ArraySlice<UInt8>) -> String {
    String(decoding: field.prefix { $0 != 0 }, as: UTF8.self)
  }

  private static func number(_ field: ArraySlice<UInt8>) throws -> Int {
    guard let value = Int(text(field).filter { $0 != " " }, radix: 8) else { throw Malformed() }
    return value
  }

  private static func checkSum(_ header: Bytes) throws {
    var blank = header
    for index in 148..<156 { blank[index] = 0x20 }
    guard try number(header[148..<156]) == blank.reduce(0, { $0 + Int($1) }) else {
      throw Malformed()
    }
  }

  private static func records(_ bytes: Bytes) throws -> [String: String] {
    var (rest, records) = (bytes[...], [String: String]())
    while let space = rest.firstIndex(of: UInt8(ascii: " ")) {
      guard let count = Int(String(decoding: rest[..<space], as: UTF8.self)),
        count > 0, count <= rest.count
      else { throw Malformed() }
      let record = rest.prefix(count)
      guard record.last == UInt8(ascii: "\n") else { throw Malformed() }
      let pair = record[record.index(after: space)...].dropLast()
        .split(separator: UInt8(ascii: "="), maxSplits: 1)
      records[String(decoding: pair[0], as: UTF8.self)] = String(decoding: pair[1], as: UTF8.self)
      rest = rest.dropFirst(count)
    }
    return records
  }
}
