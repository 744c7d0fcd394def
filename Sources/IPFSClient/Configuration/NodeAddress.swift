/// Where a node is and how it is spoken to: `rpc:http://localhost:5001`,
/// `gateway:https://example.net`.
public struct NodeAddress: Hashable, Sendable {
  /// Longer ones are no addresses of nodes.
  private static let characterCountMax = 2_048
  private static let rpcPort = "5001"

  /// How it is spoken to, `rpc` or `gateway`.
  public let kind: NodeKind
  /// `http://` or `https://`, host and port, perhaps a path; no slash at the end.
  public let url: String
  /// Host and port, the name in metrics and messages.
  public let name: String

  /// Reads an address; without a kind in front, port 5001 means RPC and everything else a gateway.
  public init(parsing text: String) throws(IPFSClientError) {
    func refusal(_ reason: String) -> IPFSClientError {
      .configuration(
        name: "node", value: String(text.prefix(Self.characterCountMax)), reason: reason)
    }
    guard text.utf8.count <= Self.characterCountMax,
      text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
    else { throw refusal("an address is short and has no spaces") }
    var (kind, rest): (NodeKind?, Substring) = (nil, text[...])
    for candidate in [NodeKind.rpc, .gateway] where rest.hasPrefix("\(candidate.rawValue):") {
      kind = candidate
      rest = rest.dropFirst(candidate.rawValue.count + 1)
    }
    guard let scheme = ["http://", "https://"].first(where: { rest.hasPrefix($0) }) else {
      throw refusal("an address begins with http:// or https://")
    }
    let place = rest.dropFirst(scheme.count)
    let authority = place.prefix { $0 != "/" }
    guard !authority.isEmpty, !place.contains(where: { "?#@\\\"".contains($0) }) else {
      throw refusal("an address is a host with a port and perhaps a path")
    }
    self.kind = kind ?? (authority.hasSuffix(":\(Self.rpcPort)") ? .rpc : .gateway)
    name = String(authority)
    url = String(rest.reversed().drop { $0 == "/" }.reversed())
  }
}

extension NodeAddress: CustomStringConvertible {
  /// The text with its kind in front.
  public var description: String { "\(kind.rawValue):\(url)" }
}
