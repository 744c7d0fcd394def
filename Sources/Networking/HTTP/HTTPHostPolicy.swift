internal import Primitives

/// Which Host and Origin a server answers to. A page of another site can make a browser resolve its
/// own name to our loopback address (DNS rebinding); the name in Host then gives it away.
package struct HTTPHostPolicy: Sendable {
  private let names: Set<String>?

  /// Every host: for servers that authenticate each request by other means.
  package static let any = HTTPHostPolicy(names: nil)

  /// `localhost`, numeric addresses, and these names.
  package static func localhost(and names: [String] = []) -> HTTPHostPolicy {
    HTTPHostPolicy(names: Set(names.map { $0.lowercased() } + ["localhost"]))
  }

  private init(names: Set<String>?) {
    self.names = names
  }

  /// The answer to a request from elsewhere; nil where the request is welcome.
  package func refusal(of request: HTTPRequest) -> HTTPResponse? {
    guard let names, !request.isLocalSocket else { return nil }
    let host = request.headers["Host"]?.lowercased() ?? ""
    let name = Self.name(in: host)
    guard Self.isNumeric(name) || names.contains(name) else {
      return .text(.forbidden, "this server does not answer to the host \(host.prefix(80))\n")
    }
    guard let origin = request.headers["Origin"]?.lowercased() else { return nil }
    guard let separator = origin.firstRange(of: "://") else { return Self.foreignOrigin }
    let authority = String(origin[separator.upperBound...])
    // A numeric origin is welcome only as the page we served ourselves.
    guard authority == host || names.contains(Self.name(in: authority)) else {
      return Self.foreignOrigin
    }
    return nil
  }

  private static let foreignOrigin = HTTPResponse.text(
    .forbidden, "this server does not answer pages of other sites\n")

  /// The authority without its port.
  private static func name(in authority: String) -> String {
    if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
      return String(authority[...end])
    }
    return String(authority.prefix { $0 != ":" })
  }

  private static func isNumeric(_ name: String) -> Bool {
    if name.hasPrefix("[") { return name.hasSuffix("]") }
    return !name.isEmpty && name.utf8.allSatisfy { $0 &- 0x30 < 10 || $0 == UInt8(ascii: ".") }
  }
}
