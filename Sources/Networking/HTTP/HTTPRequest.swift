internal import Primitives

/// A request as a handler sees it.
package struct HTTPRequest: Sendable {
  /// Request line and header fields.
  package let head: HTTPRequestHead
  /// The body, read by pulling.
  package let body: HTTPBody
  /// The other side.
  package let remoteAddress: SocketAddress
  /// Whether it came over TLS.
  package let isEncrypted: Bool

  /// What is asked.
  package var method: HTTPMethod { head.method }
  /// The path as sent, percent-encoded.
  package var path: String { head.path }
  /// Header fields.
  package var headers: HTTPHeaders { head.headers }

  /// Whether it came through a Unix socket, whose file's mode has already checked the user.
  package var isLocalSocket: Bool {
    if case .unix = remoteAddress { return true }
    return false
  }

  /// The first value of a query item, percent-decoded; nil where it is missing or malformed.
  package func query(_ name: String) -> String? { HTTPQuery(head.query)[name] }
}

/// What follows `?` in a request target.
package struct HTTPQuery: Sendable {
  /// As it was sent.
  package let text: String

  /// Wraps a query.
  package init(_ text: String) { self.text = text }

  /// The first value of an item, percent-decoded; nil where it is missing or malformed.
  package subscript(name: String) -> String? {
    for item in text.utf8.split(separator: UInt8(ascii: "&")) {
      let parts = item.split(
        separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      guard let key = parts.first, HTTPPercent.decode(key, plusIsSpace: true) == name else {
        continue
      }
      return parts.count == 2 ? HTTPPercent.decode(parts[1], plusIsSpace: true) : ""
    }
    return nil
  }
}

/// Percent-encoding, RFC 3986 §2.1.
package enum HTTPPercent {
  /// The decoded text; nil where an escape is malformed or the result is not UTF-8 or holds NUL.
  package static func decode(
    _ text: some Collection<UInt8>, plusIsSpace: Bool = false
  ) -> String? {
    var bytes = Bytes()
    var iterator = text.makeIterator()
    while let byte = iterator.next() {
      switch byte {
      case UInt8(ascii: "%"):
        guard let high = iterator.next().flatMap(digit), let low = iterator.next().flatMap(digit)
        else { return nil }
        bytes.append(high << 4 | low)
      case UInt8(ascii: "+") where plusIsSpace: bytes.append(UInt8(ascii: " "))
      default: bytes.append(byte)
      }
    }
    guard !bytes.contains(0) else { return nil }
    return String(validating: bytes, as: UTF8.self)
  }

  /// The text with everything but the unreserved characters escaped: one segment of a path.
  package static func encode(_ text: String) -> String {
    var encoded = Bytes()
    for byte in text.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"), UInt8(ascii: "~"):
        encoded.append(byte)
      default:
        encoded.append(UInt8(ascii: "%"))
        encoded += Hex.encode([byte]).uppercased().utf8
      }
    }
    return String(decoding: encoded, as: UTF8.self)
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x41 + 10
    case 0x61...0x66: byte - 0x61 + 10
    default: nil
    }
  }
}
