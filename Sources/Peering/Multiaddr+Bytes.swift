import Cryptography
public import Primitives

extension Multiaddr {
  /// Protocol codes of the multicodec table that are not in `MultiaddrName` or
  /// `MultiaddrTransport`.
  private enum Code {
    static let ip4: UInt64 = 4
    static let tcp: UInt64 = 6
    static let ip6: UInt64 = 41
    static let ip6zone: UInt64 = 42
    static let udp: UInt64 = 273
    static let unix: UInt64 = 400
    static let p2p: UInt64 = 421
    static let certhash: UInt64 = 466
  }

  /// The binary form.
  public var bytes: Bytes {
    var output = Bytes()
    for component in components { Self.append(component, to: &output) }
    return output
  }

  private static func append(_ component: Component, to output: inout Bytes) {
    switch component {
    case .ip4(let bytes): append(Code.ip4, bytes, to: &output)
    case .ip6(let bytes): append(Code.ip6, bytes, to: &output)
    case .zone(let name): append(Code.ip6zone, sized: Bytes(name.utf8), to: &output)
    case .name(let kind, let name): append(kind.rawValue, sized: Bytes(name.utf8), to: &output)
    case .tcp(let port): append(Code.tcp, bigEndian(port), to: &output)
    case .udp(let port): append(Code.udp, bigEndian(port), to: &output)
    case .peer(let peer): append(Code.p2p, sized: peer.bytes, to: &output)
    case .transport(let transport): append(transport.rawValue, [], to: &output)
    case .certificateHash(let hash): append(Code.certhash, sized: hash, to: &output)
    case .unix(let path): append(Code.unix, sized: Bytes(path.utf8), to: &output)
    }
  }

  private static func append(_ code: UInt64, _ value: Bytes, to output: inout Bytes) {
    Varint.append(code, to: &output)
    output += value
  }

  private static func append(_ code: UInt64, sized value: Bytes, to output: inout Bytes) {
    Varint.append(code, to: &output)
    Varint.append(UInt64(value.count), to: &output)
    output += value
  }

  private static func bigEndian(_ port: UInt16) -> Bytes {
    [UInt8(port >> 8), UInt8(port & 0xFF)]
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

  private static func component(
    _ rest: inout ArraySlice<UInt8>
  ) throws(PeeringError) -> Component {
    let code = try varint(&rest)
    if let transport = MultiaddrTransport(rawValue: code) { return .transport(transport) }
    if let kind = MultiaddrName(rawValue: code) { return .name(kind, try name(&rest)) }
    switch code {
    case Code.ip4: return .ip4(try take(4, from: &rest))
    case Code.ip6: return .ip6(try take(16, from: &rest))
    case Code.ip6zone: return .zone(try name(&rest))
    case Code.tcp: return .tcp(try port(&rest))
    case Code.udp: return .udp(try port(&rest))
    case Code.p2p:
      guard let peer = try? PeerID(bytes: sized(&rest)) else {
        throw .malformedMultiaddr("a peer id that is no multihash")
      }
      return .peer(peer)
    case Code.certhash:
      let hash = try sized(&rest)
      guard isCertificateHash(hash) else {
        throw .malformedMultiaddr("a certificate hash of \(hash.count) bytes")
      }
      return .certificateHash(hash)
    case Code.unix:
      let path = try sized(&rest)
      guard isPath(path), rest.isEmpty else {
        throw .malformedMultiaddr("a path with odd characters, or not at the end")
      }
      return .unix(String(decoding: path, as: UTF8.self))
    default:
      throw .malformedMultiaddr("the protocol code \(code) is not supported")
    }
  }

  private static func name(_ rest: inout ArraySlice<UInt8>) throws(PeeringError) -> String {
    let name = try sized(&rest)
    guard isName(name) else { throw .malformedMultiaddr("a name with odd characters") }
    return String(decoding: name, as: UTF8.self)
  }

  private static func port(_ rest: inout ArraySlice<UInt8>) throws(PeeringError) -> UInt16 {
    let port = try take(2, from: &rest)
    return UInt16(port[0]) << 8 | UInt16(port[1])
  }

  private static func sized(_ rest: inout ArraySlice<UInt8>) throws(PeeringError) -> Bytes {
    try take(try varint(&rest), from: &rest)
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
