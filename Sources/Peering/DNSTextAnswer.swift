package import Primitives

/// The TXT records of a name server's answer (RFC 1035 §4.1).
package struct DNSTextAnswer: Equatable, Sendable {
  /// Each record's strings, joined (RFC 1035 §3.3.14).
  package private(set) var texts: [Bytes] = []

  /// Records that are read; the rest is dropped.
  static let textsMax = 64
  private static let headerBytes = 12
  private static let textType: UInt16 = 16
  private static let internetClass: UInt16 = 1
  /// Type, class, time to live and length behind a record's name.
  private static let recordHeadBytes = 10

  /// Reads an answer; what follows the answer section is not looked at. Names are skipped: the
  /// records belong to the name that was asked for, or to one that it is an alias of.
  package init(decoding bytes: Bytes) throws(DecodingFailure) {
    guard bytes.count >= Self.headerBytes else { throw Self.truncated }
    let questions = Self.number(bytes, at: 4)
    let answers = Self.number(bytes, at: 6)
    var offset = Self.headerBytes
    for _ in 0..<questions {
      offset = try Self.endOfName(bytes, at: offset) + 4
      guard offset <= bytes.count else { throw Self.truncated }
    }
    for _ in 0..<answers where texts.count < Self.textsMax {
      offset = try Self.endOfName(bytes, at: offset)
      guard offset + Self.recordHeadBytes <= bytes.count else { throw Self.truncated }
      let (type, kind) = (Self.number(bytes, at: offset), Self.number(bytes, at: offset + 2))
      let length = Int(Self.number(bytes, at: offset + 8))
      offset += Self.recordHeadBytes
      guard offset + length <= bytes.count else { throw Self.truncated }
      if type == Self.textType, kind == Self.internetClass {
        texts.append(try Self.joined(bytes[offset..<(offset + length)]))
      }
      offset += length
    }
  }

  private static let truncated = DecodingFailure.truncated(what: "a name server's answer")

  private static func number(_ bytes: Bytes, at offset: Int) -> UInt16 {
    UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1])
  }

  /// Behind a name: labels up to an empty one or to a pointer (RFC 1035 §4.1.4).
  private static func endOfName(_ bytes: Bytes, at start: Int) throws(DecodingFailure) -> Int {
    var offset = start
    while offset < bytes.count {
      switch bytes[offset] {
      case 0: return offset + 1
      case 0xC0...0xFF: return offset + 2
      case 0x40...0xBF:
        throw .malformed(what: "a name server's answer", reason: "an unknown kind of label")
      case let length: offset += 1 + Int(length)
      }
    }
    throw truncated
  }

  private static func joined(_ strings: ArraySlice<UInt8>) throws(DecodingFailure) -> Bytes {
    var rest = strings
    var text = Bytes()
    while let length = rest.popFirst() {
      guard rest.count >= Int(length) else { throw truncated }
      text += rest.prefix(Int(length))
      rest = rest.dropFirst(Int(length))
    }
    return text
  }
}

extension DNSTextAnswer {
  /// The addresses that `dnsaddr=` records hold; what cannot be read is left out.
  package var addresses: [Multiaddr] {
    texts.compactMap { text in
      guard text.starts(with: Bytes("dnsaddr=".utf8)),
        let address = String(validating: text.dropFirst(8), as: UTF8.self)
      else { return nil }
      return try? Multiaddr(address)
    }
  }
}
