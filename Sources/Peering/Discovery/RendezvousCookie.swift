import Cryptography
package import Primitives

/// Remembers for an asker what it has seen: the number of the last registration of its page, bound
/// to the namespace and to the point by a key that only the point has.
package struct RendezvousCookie: Equatable, Sendable {
  /// Half of an HMAC-SHA-256 (RFC 2104 §5): nobody guesses it, and what it protects is a place in a
  /// list.
  private static let codeByteCount = 16
  private static let numberByteCount = 8

  /// Of the last registration that was seen.
  package let number: UInt64

  /// Behind a registration.
  package init(number: UInt64) { self.number = number }

  /// The bytes that the asker gets.
  package func sealed(for namespace: String, by secret: Bytes) -> Bytes {
    numberBytes + code(namespace, secret)
  }

  /// Reads back what `sealed` made; nil for anything else.
  package init?(opening bytes: Bytes, for namespace: String, by secret: Bytes) {
    guard bytes.count == Self.numberByteCount + Self.codeByteCount else { return nil }
    number = bytes.prefix(Self.numberByteCount).reduce(0) { $0 << 8 | UInt64($1) }
    let expected = code(namespace, secret)
    let difference = zip(bytes.dropFirst(Self.numberByteCount), expected)
      .reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) }
    guard difference == 0 else { return nil }
  }

  private var numberBytes: Bytes {
    stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> UInt64($0)) }
  }

  private func code(_ namespace: String, _ secret: Bytes) -> Bytes {
    let code = HMACSHA256.authenticate(key: secret, numberBytes, Bytes(namespace.utf8))
    return Bytes(code.bytes.prefix(Self.codeByteCount))
  }
}
