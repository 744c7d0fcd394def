package import Primitives

/// The types of records that are read (RFC 1035 §3.2.2, RFC 2782, RFC 3596).
package enum DNSType {
  /// An IPv4 address.
  package static let address4: UInt16 = 1
  /// Another name.
  package static let pointer: UInt16 = 12
  /// Texts.
  package static let text: UInt16 = 16
  /// An IPv6 address.
  package static let address6: UInt16 = 28
  /// A host and its port.
  package static let service: UInt16 = 33
  /// In a question: every type.
  package static let any: UInt16 = 255
}

/// One question.
package struct DNSQuestion: Equatable, Sendable {
  /// Whose records.
  package let name: DNSName
  /// Of which type.
  package let type: UInt16
  /// Whether the asker would like the answer for itself (RFC 6762 §5.4).
  package let wantsUnicast: Bool
  /// The class; 1 is the internet, 255 every class.
  package let classNumber: UInt16

  /// A question in the internet's class.
  package init(
    _ name: DNSName, type: UInt16, wantsUnicast: Bool = false, classNumber: UInt16 = 1
  ) {
    self.name = name
    self.type = type
    self.wantsUnicast = wantsUnicast
    self.classNumber = classNumber & 0x7FFF
  }
}

/// What a record says.
package enum DNSContent: Equatable, Sendable {
  case address(Bytes)
  case pointer(DNSName)
  case text([Bytes])
  case service(priority: UInt16, weight: UInt16, port: UInt16, host: DNSName)
  case other(type: UInt16, Bytes)

  /// The type on the wire.
  package var type: UInt16 {
    switch self {
    case .address(let bytes): bytes.count == 4 ? DNSType.address4 : DNSType.address6
    case .pointer: DNSType.pointer
    case .text: DNSType.text
    case .service: DNSType.service
    case .other(let type, _): type
    }
  }
}

/// One record.
package struct DNSRecord: Equatable, Sendable {
  /// About whom.
  package let name: DNSName
  /// What it says.
  package let content: DNSContent
  /// How many seconds it holds; 0 takes it back (RFC 6762 §10.1).
  package let lifetimeSeconds: UInt32
  /// Whether it replaces all that was said before (RFC 6762 §10.2).
  package let isUnique: Bool
  /// The class; 1 is the internet.
  package let classNumber: UInt16

  /// A record in the internet's class.
  package init(
    _ name: DNSName, _ content: DNSContent, lifetimeSeconds: UInt32, isUnique: Bool = false,
    classNumber: UInt16 = 1
  ) {
    self.name = name
    self.content = content
    self.lifetimeSeconds = lifetimeSeconds
    self.isUnique = isUnique
    self.classNumber = classNumber & 0x7FFF
  }
}

/// One message of multicast DNS (RFC 1035 §4.1, RFC 6762 §18).
package struct DNSMessage: Equatable, Sendable {
  /// Zero, except from those who ask once (RFC 6762 §18.1).
  package var id: UInt16 = 0
  /// Whether it answers.
  package var isResponse = false
  /// Whether a query's known answers go on in the next message (RFC 6762 §7.2).
  package var isTruncated = false
  /// What is asked.
  package var questions: [DNSQuestion] = []
  /// In a response what was asked for, in a query what the asker knows already.
  package var answers: [DNSRecord] = []
  /// In a query what the asker is about to claim (RFC 6762 §8.2).
  package var authorities: [DNSRecord] = []
  /// What the asker would ask next.
  package var additionals: [DNSRecord] = []

  /// An empty query.
  package init() {}

  private static let responseFlag: UInt16 = 0x8000
  /// Set in all our responses (RFC 6762 §18.4).
  private static let authoritativeFlag: UInt16 = 0x0400
  private static let truncatedFlag: UInt16 = 0x0200
  private static let codesMask: UInt16 = 0x780F

  // MARK: Writing

  /// The bytes on the wire.
  package func encoded() -> Bytes {
    var writer = DNSWriter()
    var flags: UInt16 = isResponse ? Self.responseFlag | Self.authoritativeFlag : 0
    if isTruncated { flags |= Self.truncatedFlag }
    let counts = [questions.count, answers.count, authorities.count, additionals.count]
    for number in [id, flags] + counts.map({ UInt16(clamping: $0) }) { writer.append(number) }
    for question in questions {
      writer.append(question.name)
      writer.append(question.type)
      writer.append(question.classNumber | (question.wantsUnicast ? 0x8000 : 0))
    }
    for record in answers + authorities + additionals { writer.append(record) }
    return writer.bytes
  }

  // MARK: Reading

  /// Reads a message whole, or refuses it.
  package init(decoding bytes: Bytes) throws(DNSFault) {
    guard bytes.count <= DNSLimits.messageBytesMax else {
      throw .tooLong(bytes: bytes.count, limit: DNSLimits.messageBytesMax)
    }
    var reader = DNSReader(bytes)
    id = try reader.number()
    let flags = try reader.number()
    guard flags & Self.codesMask == 0 else {
      throw .code(UInt8(truncatingIfNeeded: flags >> 11 & 15 | flags & 15))
    }
    isResponse = flags & Self.responseFlag != 0
    isTruncated = flags & Self.truncatedFlag != 0
    var counts: [Int] = []
    for _ in 0..<4 { counts.append(Int(try reader.number())) }
    guard counts[0] <= DNSLimits.questionsMax else {
      throw .tooManyQuestions(counts[0], limit: DNSLimits.questionsMax)
    }
    let records = counts[1] + counts[2] + counts[3]
    guard records <= DNSLimits.recordsMax else {
      throw .tooManyRecords(records, limit: DNSLimits.recordsMax)
    }
    for _ in 0..<counts[0] { questions.append(try reader.question()) }
    for _ in 0..<counts[1] { answers.append(try reader.record()) }
    for _ in 0..<counts[2] { authorities.append(try reader.record()) }
    for _ in 0..<counts[3] { additionals.append(try reader.record()) }
    guard reader.rest == 0 else { throw .trailingBytes(reader.rest) }
  }
}
