import Primitives

/// Writes a message; names that were written before are pointed at (RFC 1035 §4.1.4).
struct DNSWriter {
  /// A pointer has 14 bits.
  private static let pointerMax = 0x3FFF

  private(set) var bytes = Bytes()
  private var places: [ArraySlice<Bytes>: Int] = [:]

  mutating func append(_ number: UInt16) {
    bytes += [UInt8(number >> 8), UInt8(number & 0xFF)]
  }

  mutating func append(_ name: DNSName) {
    var rest = name.labels[...]
    while let label = rest.first {
      if let place = places[rest] { return append(0xC000 | UInt16(place)) }
      if bytes.count <= Self.pointerMax { places[rest] = bytes.count }
      bytes.append(UInt8(label.count))
      bytes += label
      rest = rest.dropFirst()
    }
    bytes.append(0)
  }

  mutating func append(_ record: DNSRecord) {
    append(record.name)
    append(record.content.type)
    append(record.classNumber | (record.isUnique ? 0x8000 : 0))
    append(UInt16(record.lifetimeSeconds >> 16))
    append(UInt16(record.lifetimeSeconds & 0xFFFF))
    let start = bytes.count
    append(0)
    switch record.content {
    case .address(let address): bytes += address
    case .pointer(let name): append(name)
    case .text(let texts):
      for text in texts {
        bytes.append(UInt8(clamping: text.count))
        bytes += text.prefix(255)
      }
    case .service(let priority, let weight, let port, let host):
      for number in [priority, weight, port] { append(number) }
      append(host)
    case .other(_, let content): bytes += content
    }
    let length = UInt16(clamping: bytes.count - start - 2)
    bytes[start] = UInt8(length >> 8)
    bytes[start + 1] = UInt8(length & 0xFF)
  }
}

/// Reads a message from front to back.
struct DNSReader {
  private let bytes: Bytes
  private var place = 0

  init(_ bytes: Bytes) { self.bytes = bytes }

  /// Bytes not read yet.
  var rest: Int { bytes.count - place }

  private mutating func byte() throws(DNSFault) -> UInt8 {
    guard place < bytes.count else { throw .truncated }
    defer { place += 1 }
    return bytes[place]
  }

  mutating func number() throws(DNSFault) -> UInt16 {
    UInt16(try byte()) << 8 | UInt16(try byte())
  }

  private mutating func take(_ count: Int) throws(DNSFault) -> Bytes {
    guard count <= rest else { throw .truncated }
    defer { place += count }
    return Bytes(bytes[place..<(place + count)])
  }

  /// A name; where it points elsewhere, reading goes on behind the first pointer.
  mutating func name() throws(DNSFault) -> DNSName {
    var labels: [Bytes] = []
    var byteCount = 1
    var pointers = 0
    var end: Int?
    // Each pointer has to lead before what was read since the last one.
    var start = place
    while true {
      let length = try byte()
      switch length & 0xC0 {
      case 0 where length == 0:
        if let end { place = end }
        return DNSName(checked: labels)
      case 0:
        byteCount += 1 + Int(length)
        guard byteCount <= DNSLimits.nameBytesMax else {
          throw .nameTooLong(limit: DNSLimits.nameBytesMax)
        }
        labels.append(try take(Int(length)))
      case 0xC0:
        let target = Int(length & 0x3F) << 8 | Int(try byte())
        pointers += 1
        guard target < start, pointers <= DNSLimits.pointersMax else {
          throw .pointer(UInt16(target))
        }
        if end == nil { end = place }
        place = target
        start = target
      default: throw .label(length)
      }
    }
  }

  mutating func question() throws(DNSFault) -> DNSQuestion {
    let name = try name()
    let type = try number()
    let classNumber = try number()
    return DNSQuestion(
      name, type: type, wantsUnicast: classNumber & 0x8000 != 0, classNumber: classNumber)
  }

  mutating func record() throws(DNSFault) -> DNSRecord {
    let name = try name()
    let type = try number()
    let classNumber = try number()
    let lifetime = UInt32(try number()) << 16 | UInt32(try number())
    let length = Int(try number())
    guard length <= rest else { throw .truncated }
    let end = place + length
    let content = try content(type, length: length)
    guard place == end else { throw .content(type: type) }
    return DNSRecord(
      name, content, lifetimeSeconds: lifetime, isUnique: classNumber & 0x8000 != 0,
      classNumber: classNumber)
  }

  private mutating func content(_ type: UInt16, length: Int) throws(DNSFault) -> DNSContent {
    switch type {
    case DNSType.address4, DNSType.address6:
      guard length == (type == DNSType.address4 ? 4 : 16) else { throw .content(type: type) }
      return .address(try take(length))
    case DNSType.pointer:
      return .pointer(try name())
    case DNSType.text:
      let end = place + length
      var texts: [Bytes] = []
      while place < end {
        let count = Int(try byte())
        guard place + count <= end else { throw .content(type: type) }
        texts.append(try take(count))
      }
      return .text(texts)
    case DNSType.service:
      return .service(
        priority: try number(), weight: try number(), port: try number(), host: try name())
    default:
      return .other(type: type, try take(length))
    }
  }
}
