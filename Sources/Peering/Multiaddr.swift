public import Cryptography
public import Primitives

/// Limits of an address.
enum MultiaddrLimits {
  /// Relayed addresses, the longest in use, have six components.
  static let componentsMax = 8
  /// Eight components with the longest DNS name (RFC 1035 §2.3.4) stay below.
  static let textBytesMax = 1_024
  /// The longest DNS name (RFC 1035 §2.3.4).
  static let nameBytesMax = 253
}

/// A self-describing network address, such as `/ip4/127.0.0.1/tcp/4001/p2p/12D3Koo…`.
///
/// Specification: github.com/multiformats/multiaddr. Only what a TCP peer needs is read; anything
/// else is refused, never skipped.
public struct Multiaddr: Hashable, Sendable {
  /// One step of an address.
  public enum Component: Hashable, Sendable {
    /// Four bytes in network order.
    case ip4(Bytes)
    /// Sixteen bytes in network order.
    case ip6(Bytes)
    /// A name that resolves to IPv4 addresses.
    case dns4(String)
    /// A port.
    case tcp(UInt16)
    /// The identity that must answer.
    case peer(PeerID)
  }

  /// Protocol codes of the multicodec table.
  enum Code {
    static let ip4: UInt64 = 4
    static let tcp: UInt64 = 6
    static let ip6: UInt64 = 41
    static let dns4: UInt64 = 54
    static let p2p: UInt64 = 421
  }

  /// The steps, outermost first.
  public let components: [Component]

  /// An address of these components.
  public init(_ components: [Component]) {
    self.components = components
  }

  /// Reads the text form.
  public init(_ text: String) throws(PeeringError) {
    guard text.utf8.count <= MultiaddrLimits.textBytesMax else {
      throw .malformedMultiaddr("longer than \(MultiaddrLimits.textBytesMax) bytes")
    }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard parts.count >= 3, parts.count % 2 == 1, parts[0].isEmpty else {
      throw .malformedMultiaddr("`\(text)` is not /protocol/value pairs")
    }
    var components: [Component] = []
    for index in stride(from: 1, to: parts.count, by: 2) {
      components.append(try Self.component(parts[index], parts[index + 1]))
    }
    try self.init(checking: components)
  }

  /// Reads the binary form.
  public init(bytes: Bytes) throws(PeeringError) {
    var rest = bytes[...]
    var components: [Component] = []
    while !rest.isEmpty {
      guard components.count < MultiaddrLimits.componentsMax else {
        throw .malformedMultiaddr("more than \(MultiaddrLimits.componentsMax) components")
      }
      components.append(try Self.component(&rest))
    }
    try self.init(checking: components)
  }

  private init(checking components: [Component]) throws(PeeringError) {
    guard !components.isEmpty, components.count <= MultiaddrLimits.componentsMax else {
      throw .malformedMultiaddr("\(components.count) components")
    }
    self.components = components
  }

  /// The identity the address names last.
  public var peer: PeerID? {
    if case .peer(let peer) = components.last { peer } else { nil }
  }

  /// The port of the first TCP component.
  public var port: UInt16? {
    for case .tcp(let port) in components { return port }
    return nil
  }

  /// The same address without the identities in it.
  public var withoutPeer: Multiaddr {
    Multiaddr(components.filter { if case .peer = $0 { false } else { true } })
  }

  /// The same address naming `peer`.
  public func naming(_ peer: PeerID) -> Multiaddr {
    Multiaddr(withoutPeer.components + [.peer(peer)])
  }
}

// MARK: - Text

extension Multiaddr: CustomStringConvertible {
  /// The text form.
  public var description: String {
    components.map { component in
      switch component {
      case .ip4(let bytes): "/ip4/\(IPAddressText.text(ip4: bytes))"
      case .ip6(let bytes): "/ip6/\(IPAddressText.text(ip6: bytes))"
      case .dns4(let name): "/dns4/\(name)"
      case .tcp(let port): "/tcp/\(port)"
      case .peer(let peer): "/p2p/\(peer)"
      }
    }.joined()
  }

  private static func component(
    _ name: String, _ value: String
  ) throws(PeeringError) -> Component {
    switch name {
    case "ip4":
      guard let bytes = IPAddressText.ip4(value) else { break }
      return .ip4(bytes)
    case "ip6":
      guard let bytes = IPAddressText.ip6(value) else { break }
      return .ip6(bytes)
    case "dns4":
      guard isName(value.utf8) else { break }
      return .dns4(value)
    case "tcp":
      guard let port = UInt16(value), String(port) == value else { break }
      return .tcp(port)
    case "p2p":
      guard let peer = try? PeerID(value) else { break }
      return .peer(peer)
    default:
      throw .malformedMultiaddr("the protocol `\(name)` is not supported")
    }
    throw .malformedMultiaddr("`\(value)` is not a value of `\(name)`")
  }

  private static func isName(_ name: some Collection<UInt8>) -> Bool {
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

// MARK: - Bytes

extension Multiaddr {
  /// The binary form.
  public var bytes: Bytes {
    var output = Bytes()
    for component in components {
      switch component {
      case .ip4(let bytes): output += Varint.encode(Code.ip4) + bytes
      case .ip6(let bytes): output += Varint.encode(Code.ip6) + bytes
      case .dns4(let name): output += Varint.encode(Code.dns4) + Self.sized(Bytes(name.utf8))
      case .tcp(let port):
        output += Varint.encode(Code.tcp) + [UInt8(port >> 8), UInt8(port & 0xFF)]
      case .peer(let peer): output += Varint.encode(Code.p2p) + Self.sized(peer.bytes)
      }
    }
    return output
  }

  private static func sized(_ bytes: Bytes) -> Bytes {
    Varint.encode(UInt64(bytes.count)) + bytes
  }

  private static func component(
    _ rest: inout ArraySlice<UInt8>
  ) throws(PeeringError) -> Component {
    let code = try varint(&rest)
    switch code {
    case Code.ip4: return .ip4(try take(4, from: &rest))
    case Code.ip6: return .ip6(try take(16, from: &rest))
    case Code.tcp:
      let port = try take(2, from: &rest)
      return .tcp(UInt16(port[0]) << 8 | UInt16(port[1]))
    case Code.dns4:
      let name = try take(try varint(&rest), from: &rest)
      guard isName(name) else { throw .malformedMultiaddr("a DNS name with odd characters") }
      return .dns4(String(decoding: name, as: UTF8.self))
    case Code.p2p:
      let multihash = try take(try varint(&rest), from: &rest)
      guard let peer = try? PeerID(bytes: multihash) else {
        throw .malformedMultiaddr("a peer id that is no multihash")
      }
      return .peer(peer)
    default:
      throw .malformedMultiaddr("the protocol code \(code) is not supported")
    }
  }

  private static func varint(_ rest: inout ArraySlice<UInt8>) throws(PeeringError) -> UInt64 {
    var offset = 0
    guard let value = try? Varint.read(rest, at: &offset) else {
      throw .malformedMultiaddr("a number that ends too early or is too long")
    }
    rest = rest.dropFirst(offset)
    return value
  }

  private static func take(
    _ count: UInt64, from rest: inout ArraySlice<UInt8>
  ) throws(PeeringError) -> Bytes {
    guard count <= UInt64(rest.count) else {
      throw .malformedMultiaddr("a value that ends too early")
    }
    let value = Bytes(rest.prefix(Int(count)))
    rest = rest.dropFirst(Int(count))
    return value
  }
}
