internal import Primitives

/// Which Host and Origin a server answers to. A page of another site can make a browser resolve its
/// own name to our loopback address (DNS rebinding); the name in Host then gives it away.
package struct HTTPHostPolicy: Sendable {
  private let names: [Bytes]?
  private var isAnyOriginWelcome = false

  /// Every host: for servers that authenticate each request by other means.
  package static let any = HTTPHostPolicy(names: nil)

  /// `localhost`, numeric addresses, and these names.
  package static func localhost(and names: [String] = []) -> HTTPHostPolicy {
    HTTPHostPolicy(names: (["localhost"] + names).map { Bytes($0.lowercased().utf8) })
  }

  /// The same hosts, and pages of every site: for what everybody may read.
  package func welcomingAnyOrigin() -> HTTPHostPolicy {
    var policy = self
    policy.isAnyOriginWelcome = true
    return policy
  }

  private init(names: [Bytes]?) {
    self.names = names
  }

  /// The answer to a request from elsewhere; nil where the request is welcome.
  package func refusal(of request: HTTPRequest) -> HTTPResponse? {
    guard let names, !request.isLocalSocket else { return nil }
    let host = request.headers.bytes(of: "Host") ?? []
    let name = Self.name(in: host)
    guard Self.isNumeric(name) || Self.contains(name, in: names) else {
      let shown = String(decoding: host.prefix(80), as: UTF8.self)
      return .text(.forbidden, "this server does not answer to the host \(shown)\n")
    }
    guard !isAnyOriginWelcome, let origin = request.headers["Origin"] else { return nil }
    guard let separator = origin.firstRange(of: "://") else { return Self.foreignOrigin }
    let authority = ArraySlice(origin[separator.upperBound...].utf8)
    // A numeric origin is welcome only as the page we served ourselves.
    let isOwn = Self.equal(authority, host) || Self.contains(Self.name(in: authority), in: names)
    return isOwn ? nil : Self.foreignOrigin
  }

  private static let foreignOrigin = HTTPResponse.text(
    .forbidden, "this server does not answer pages of other sites\n")

  /// The authority without its port.
  private static func name(in authority: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    if authority.first == UInt8(ascii: "["), let end = authority.firstIndex(of: UInt8(ascii: "]")) {
      return authority[...end]
    }
    return authority.prefix { $0 != UInt8(ascii: ":") }
  }

  private static func isNumeric(_ name: ArraySlice<UInt8>) -> Bool {
    if name.first == UInt8(ascii: "[") { return name.last == UInt8(ascii: "]") }
    return !name.isEmpty && name.allSatisfy { $0 &- 0x30 < 10 || $0 == UInt8(ascii: ".") }
  }

  private static func contains(_ name: ArraySlice<UInt8>, in names: [Bytes]) -> Bool {
    names.contains { equal($0[...], name) }
  }

  private static func equal(_ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>) -> Bool {
    left.count == right.count
      && zip(left, right).allSatisfy { HTTPSyntax.lowercased($0) == HTTPSyntax.lowercased($1) }
  }
}
