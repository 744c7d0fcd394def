import Cryptography
package import Primitives

/// Why a file is no key of a private network.
package enum PrivateNetworkFault: Error, Equatable, Sendable {
  /// Longer than any key file.
  case tooLong(bytes: Int, limit: Int)
  /// The first line is not `/key/swarm/psk/1.0.0/`.
  case header
  /// The second line names no encoding we know.
  case encoding
  /// The rest is not 32 bytes in that encoding.
  case key
}

/// The secret that all nodes of a private network share
/// (libp2p/specs pnet/Private-Networks-PSK-V1.md).
package struct PrivateNetworkKey: Equatable, Sendable {
  /// A key file has some 100 bytes.
  package static let fileBytesMax = 1_024
  private static let header = Bytes("/key/swarm/psk/1.0.0/\n".utf8)

  /// The 256 bits.
  package let secret: Bytes

  /// Keeps 32 bytes.
  package init?(secret: Bytes) {
    guard secret.count == XSalsa20Stream.keyByteCount else { return nil }
    self.secret = secret
  }

  /// Names the network without giving the secret away.
  package var fingerprint: Bytes { KeyFingerprint.of(secret) }

  /// Reads a `swarm.key` file.
  package init(file: Bytes) throws(PrivateNetworkFault) {
    guard file.count <= Self.fileBytesMax else {
      throw .tooLong(bytes: file.count, limit: Self.fileBytesMax)
    }
    let plain = file.filter { $0 != UInt8(ascii: "\r") }
    // A binary key may hold any byte, so only its header is free of them.
    guard plain.starts(with: Self.header) else { throw .header }
    let rest = file.drop { $0 != UInt8(ascii: "\n") }.dropFirst()
    guard let end = rest.firstIndex(of: UInt8(ascii: "\n")) else { throw .encoding }
    let body = Bytes(rest[(end + 1)...])
    let name = String(decoding: rest[..<end].filter { $0 != UInt8(ascii: "\r") }, as: UTF8.self)
    guard let secret = try Self.secret(in: body, encodedAs: name),
      let key = PrivateNetworkKey(secret: secret)
    else { throw .key }
    self = key
  }

  private static func secret(
    in body: Bytes, encodedAs name: String
  ) throws(PrivateNetworkFault) -> Bytes? {
    let text = String(decoding: body, as: UTF8.self).filter { !$0.isWhitespace }
    switch name {
    case "/bin/": return body
    case "/base16/": return try? Hex.decode(text)
    case "/base64/": return Base64Text.decode(text)
    default: throw .encoding
    }
  }

  /// The file that other implementations read too.
  package var file: Bytes {
    Self.header + Bytes("/base16/\n\(Hex.encode(secret))\n".utf8)
  }
}

/// Base64 as key files have it (RFC 4648 §4): with padding.
enum Base64Text {
  static func decode(_ text: String) -> Bytes? {
    guard text.utf8.count.isMultiple(of: 4) else { return nil }
    var letters = Array(text.utf8)
    for _ in 0..<2 where letters.last == UInt8(ascii: "=") { letters.removeLast() }
    guard !letters.contains(where: { "-_=".utf8.contains($0) }) else { return nil }
    let url = letters.map { letter -> UInt8 in
      switch letter {
      case UInt8(ascii: "+"): UInt8(ascii: "-")
      case UInt8(ascii: "/"): UInt8(ascii: "_")
      default: letter
      }
    }
    return Base64URL.decode(String(decoding: url, as: UTF8.self))
  }
}
