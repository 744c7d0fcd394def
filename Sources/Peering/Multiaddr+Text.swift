import Cryptography
import Primitives

extension Multiaddr: CustomStringConvertible {
  /// The text form.
  public var description: String { components.map(Self.text).joined() }

  private static func text(of component: Component) -> String {
    switch component {
    case .ip4(let bytes): "/ip4/\(IPAddressText.text(ip4: bytes))"
    case .ip6(let bytes): "/ip6/\(IPAddressText.text(ip6: bytes))"
    case .zone(let name): "/ip6zone/\(name)"
    case .name(let kind, let name): "/\(kind.text)/\(name)"
    case .tcp(let port): "/tcp/\(port)"
    case .udp(let port): "/udp/\(port)"
    case .peer(let peer): "/p2p/\(peer)"
    case .transport(let transport): "/\(transport.text)"
    // Multibase: `u` is base64url without padding, as other implementations write it.
    case .certificateHash(let hash): "/certhash/u\(Base64URL.encode(hash))"
    case .unix(let path): "/unix\(path)"
    }
  }

  /// Reads the text form.
  public init(_ text: String) throws(PeeringError) {
    guard text.utf8.count <= MultiaddrLimits.textBytesMax else {
      throw .malformedMultiaddr("longer than \(MultiaddrLimits.textBytesMax) bytes")
    }
    var parts = text.split(separator: "/", omittingEmptySubsequences: false)[...]
    guard parts.count >= 2, parts.popFirst()?.isEmpty == true else {
      throw .malformedMultiaddr("`\(text)` does not begin with /protocol")
    }
    var components: [Component] = []
    while let name = parts.popFirst() {
      if let transport = MultiaddrTransport.allCases.first(where: { $0.text == name }) {
        components.append(.transport(transport))
        continue
      }
      if name == "unix" {
        let path = parts.map { "/" + $0 }.joined()
        components.append(try Self.component("unix", path))
        break
      }
      guard let value = parts.popFirst() else {
        throw .malformedMultiaddr("`\(text)` ends with /\(name), which needs a value")
      }
      components.append(try Self.component(String(name), String(value)))
    }
    try self.init(checking: components)
  }

  private static func component(
    _ name: String, _ value: String
  ) throws(PeeringError) -> Component {
    if let kind = MultiaddrName.allCases.first(where: { $0.text == name }) {
      guard isName(value.utf8) else { throw notAValue(value, of: name) }
      return .name(kind, value)
    }
    let component: Component? =
      switch name {
      case "ip4": IPAddressText.ip4(value).map { .ip4($0) }
      case "ip6": IPAddressText.ip6(value).map { .ip6($0) }
      case "ip6zone": isName(value.utf8) ? .zone(value) : nil
      case "tcp": port(value).map { .tcp($0) }
      case "udp": port(value).map { .udp($0) }
      case "p2p", "ipfs": (try? PeerID(value)).map { .peer($0) }
      case "certhash": certificateHash(value).map { .certificateHash($0) }
      case "unix": isPath(value.utf8) ? .unix(value) : nil
      default: throw .malformedMultiaddr("the protocol `\(name)` is not supported")
      }
    guard let component else { throw notAValue(value, of: name) }
    return component
  }

  private static func notAValue(_ value: String, of name: String) -> PeeringError {
    .malformedMultiaddr("`\(value)` is not a value of `\(name)`")
  }

  private static func port(_ text: String) -> UInt16? {
    guard let port = UInt16(text), String(port) == text else { return nil }
    return port
  }

  private static func certificateHash(_ text: String) -> Bytes? {
    let rest = String(text.dropFirst())
    let hash: Bytes? =
      switch text.first {
      case "u": Base64URL.decode(rest)
      case "b": try? Base32.decode(rest)
      case "z": try? PositionalBase.base58.decode(rest)
      default: nil
      }
    guard let hash, isCertificateHash(hash) else { return nil }
    return hash
  }

  static func isCertificateHash(_ hash: Bytes) -> Bool {
    (2...MultiaddrLimits.certificateHashBytesMax).contains(hash.count)
  }

  static func isPath(_ path: some Collection<UInt8>) -> Bool {
    path.count > 1 && path.count <= MultiaddrLimits.pathBytesMax
      && path.first == UInt8(ascii: "/") && path.allSatisfy { (0x21...0x7E).contains($0) }
  }

  static func isName(_ name: some Collection<UInt8>) -> Bool {
    let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
    let capitals = UInt8(ascii: "A")...UInt8(ascii: "Z")
    let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
    return !name.isEmpty && name.count <= MultiaddrLimits.nameBytesMax
      && name.allSatisfy {
        letters.contains($0) || capitals.contains($0) || digits.contains($0)
          || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
      }
  }
}

/// Base64 with the letters of URLs and no padding (RFC 4648 §5).
enum Base64URL {
  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

  /// The text of `bytes`.
  static func encode(_ bytes: Bytes) -> String {
    var text: [UInt8] = []
    var (buffer, bits): (UInt32, UInt32) = (0, 0)
    for byte in bytes {
      buffer = buffer << 8 | UInt32(byte)
      bits += 8
      while bits >= 6 {
        bits -= 6
        text.append(alphabet[Int(buffer >> bits & 63)])
      }
    }
    if bits > 0 { text.append(alphabet[Int(buffer << (6 - bits) & 63)]) }
    return String(decoding: text, as: UTF8.self)
  }

  /// The bytes of `text`, or nil for another alphabet, an impossible length or leftover bits.
  static func decode(_ text: String) -> Bytes? {
    var bytes = Bytes()
    var (buffer, bits): (UInt32, UInt32) = (0, 0)
    for character in text.utf8 {
      guard let value = alphabet.firstIndex(of: character) else { return nil }
      buffer = buffer << 6 | UInt32(value)
      bits += 6
      guard bits >= 8 else { continue }
      bits -= 8
      bytes.append(UInt8(truncatingIfNeeded: buffer >> bits))
    }
    guard bits < 6, buffer & ((1 << bits) - 1) == 0 else { return nil }
    return bytes
  }
}
