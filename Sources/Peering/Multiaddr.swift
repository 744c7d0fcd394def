public import Cryptography
public import Primitives

/// Limits of an address.
enum MultiaddrLimits {
  /// A browser's address behind a relay, the longest in use, has ten components.
  static let componentsMax = 16
  /// Sixteen components with the longest DNS name (RFC 1035 §2.3.4) stay below.
  static let textBytesMax = 1_024
  /// The longest DNS name (RFC 1035 §2.3.4).
  static let nameBytesMax = 253
  /// The longest path of a Unix socket.
  static let pathBytesMax = 108
  /// A multihash of 64 bytes is the longest in use.
  static let certificateHashBytesMax = 128
}

/// A self-describing network address, such as `/ip4/127.0.0.1/tcp/4001/p2p/12D3Koo…`.
///
/// Specification: github.com/multiformats/multiaddr. Foreign peers tell us of transports that we do
/// not dial: what they use today is read; a protocol we do not know is refused, never skipped,
/// because nothing says how long its value is.
public struct Multiaddr: Hashable, Sendable {
  /// One step of an address.
  public enum Component: Hashable, Sendable {
    /// Four bytes in network order.
    case ip4(Bytes)
    /// Sixteen bytes in network order.
    case ip6(Bytes)
    /// The interface of a link-local IPv6 address.
    case zone(String)
    /// A name.
    case name(MultiaddrName, String)
    /// A port.
    case tcp(UInt16)
    /// A port.
    case udp(UInt16)
    /// The identity that must answer; in front of `p2p-circuit` the relay's.
    case peer(PeerID)
    /// A protocol without a value.
    case transport(MultiaddrTransport)
    /// A multihash of a certificate that is accepted.
    case certificateHash(Bytes)
    /// The path of a Unix socket, with its leading slash.
    case unix(String)
  }

  /// The steps, outermost first.
  public let components: [Component]

  /// An address of these components.
  public init(_ components: [Component]) {
    self.components = components
  }

  init(checking components: [Component]) throws(PeeringError) {
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

  /// Whether the address leads through a relay.
  public var isRelayed: Bool { components.contains(.transport(.circuit)) }

  /// The same address without the identity at its end; a relay's stays.
  public var withoutOwner: Multiaddr {
    peer == nil ? self : Multiaddr(Array(components.dropLast()))
  }

  /// The same address without the identities in it.
  public var withoutPeer: Multiaddr {
    Multiaddr(components.filter { if case .peer = $0 { false } else { true } })
  }

  /// The same address with `peer` as the identity at its end.
  public func naming(_ peer: PeerID) -> Multiaddr {
    Multiaddr(withoutOwner.components + [.peer(peer)])
  }
}

/// The name protocols.
public enum MultiaddrName: UInt64, CaseIterable, Sendable {
  /// Resolves to addresses of either kind.
  case dns = 53
  /// Resolves to IPv4 addresses.
  case dns4 = 54
  /// Resolves to IPv6 addresses.
  case dns6 = 55
  /// Resolves to whole multiaddrs, in TXT records.
  case dnsaddr = 56
  /// The name a TLS client asks for.
  case sni = 449

  var text: String { "\(self)" }
}

/// The protocols without a value (the multicodec table of github.com/multiformats/multicodec).
public enum MultiaddrTransport: UInt64, CaseIterable, Sendable {
  case webrtcDirect = 280
  case webrtc = 281
  case circuit = 290
  case https = 443
  case tls = 448
  case noise = 454
  case quic = 460
  case quicV1 = 461
  case webtransport = 465
  case ws = 477
  case wss = 478
  case http = 480

  var text: String {
    switch self {
    case .webrtcDirect: "webrtc-direct"
    case .circuit: "p2p-circuit"
    case .quicV1: "quic-v1"
    case .webrtc, .https, .tls, .noise, .quic, .webtransport, .ws, .wss, .http: "\(self)"
    }
  }
}

/// What a TCP connection is made to.
package enum DialTarget: Equatable, Sendable {
  /// A numeric host and a port.
  case ip(host: String, port: UInt16)
  /// A name to look up, and a port.
  case name(MultiaddrName, String, port: UInt16)
}

extension Multiaddr {
  /// The name of a `/dnsaddr` address, whose TXT records hold whole addresses
  /// (github.com/multiformats/multiaddr, protocols/DNSADDR.md); nil for any other address.
  package var textRecordsName: String? {
    let steps = withoutOwner.components
    guard steps.count == 1, case .name(.dnsaddr, let name) = steps[0] else { return nil }
    return name
  }

  /// Where a TCP connection for this address goes, or nil when it needs another transport.
  package var dialTarget: DialTarget? {
    let steps = withoutOwner.components
    guard steps.count == 2, case .tcp(let port) = steps[1], port != 0 else { return nil }
    switch steps[0] {
    case .ip4(let bytes): return .ip(host: IPAddressText.text(ip4: bytes), port: port)
    case .ip6(let bytes): return .ip(host: IPAddressText.text(ip6: bytes), port: port)
    case .name(let kind, let name):
      guard kind == .dns || kind == .dns4 || kind == .dns6 else { return nil }
      return .name(kind, name, port: port)
    case .zone, .tcp, .udp, .peer, .transport, .certificateHash, .unix: return nil
    }
  }
}
