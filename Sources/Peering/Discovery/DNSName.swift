package import Primitives

/// Limits of one message of multicast DNS.
package enum DNSLimits {
  /// The largest message, with its IP header (RFC 6762 §17).
  package static let messageBytesMax = 9_000
  /// The longest label (RFC 1035 §2.3.4).
  package static let labelBytesMax = 63
  /// The longest name, with the lengths of its labels (RFC 1035 §2.3.4).
  package static let nameBytesMax = 255
  /// Pointers of one name. Each leads further to the front, so they cannot go in a circle; real
  /// names have one or two.
  package static let pointersMax = 16
  /// Questions of one message.
  package static let questionsMax = 64
  /// Records of one message in all its sections. Each is read once and its names are bounded, so a
  /// message of 9,000 bytes cannot grow beyond 200 KB.
  package static let recordsMax = 256
}

/// Why a message of multicast DNS was refused.
package enum DNSFault: Error, Equatable, Sendable {
  /// More bytes than a message may have.
  case tooLong(bytes: Int, limit: Int)
  /// It ends inside something.
  case truncated
  /// A label of a kind that is not defined.
  case label(UInt8)
  /// A name longer than names may be.
  case nameTooLong(limit: Int)
  /// A pointer that does not lead to something before it, or one too many.
  case pointer(UInt16)
  /// More questions than a message may have.
  case tooManyQuestions(Int, limit: Int)
  /// More records than a message may have.
  case tooManyRecords(Int, limit: Int)
  /// A record whose content is longer or shorter than its type says.
  case content(type: UInt16)
  /// Not a standard query or its answer (RFC 6762 §18.3, §18.11).
  case code(UInt8)
  /// Bytes behind the last record.
  case trailingBytes(Int)
}

/// A domain name; letters of ASCII are the same in both cases (RFC 1035 §2.3.3).
package struct DNSName: Hashable, Sendable {
  /// Its labels in lower case, the most particular first.
  package let labels: [Bytes]

  /// A name of these labels; nil when one is empty or too long, or all of them are.
  package init?(_ labels: [Bytes]) {
    guard labels.allSatisfy({ (1...DNSLimits.labelBytesMax).contains($0.count) }),
      labels.reduce(1, { $0 + 1 + $1.count }) <= DNSLimits.nameBytesMax
    else { return nil }
    self.init(checked: labels)
  }

  init(checked labels: [Bytes]) {
    self.labels = labels.map { $0.map(Self.lowercased) }
  }

  /// A name as it is written with dots; nil when it is none.
  package init?(_ text: String) {
    self.init(
      text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        .map { Bytes($0) })
  }

  /// This name with a label in front; nil when that would be too long.
  package func prefixed(by label: Bytes) -> DNSName? { DNSName([label] + labels) }

  /// Whether this is `other` with one label in front.
  package func isChild(of other: DNSName) -> Bool {
    labels.count == other.labels.count + 1 && labels.dropFirst().elementsEqual(other.labels)
  }

  private static func lowercased(_ byte: UInt8) -> UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
  }
}

extension DNSName: Comparable {
  /// An order that does not depend on arrival.
  package static func < (left: DNSName, right: DNSName) -> Bool {
    left.labels.lexicographicallyPrecedes(right.labels) { $0.lexicographicallyPrecedes($1) }
  }
}

extension DNSName: CustomStringConvertible {
  /// With dots; for people.
  package var description: String {
    labels.map { String(decoding: $0, as: UTF8.self) }.joined(separator: ".")
  }
}
