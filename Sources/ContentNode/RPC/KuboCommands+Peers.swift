import ContentStore
import Cryptography
import Peering
import Primitives
import Telemetry

/// `id`, `swarm/…`, `bootstrap`, `ping`.
extension KuboCommands {
  static let peers: [KuboCommand] = [
    KuboCommand("id", optional: 1, options: ["format", "peerid-base"], identity),
    KuboCommand(
      "swarm/peers", options: ["verbose", "streams", "latency", "direction"], swarmPeers),
    KuboCommand("swarm/addrs") { call in
      let known = try await call.node.online().knownAddresses()
      let members = known.map { peer in
        JSONValue.Member("\(peer.peer)", .array(peer.addresses.map { .string("\($0)") }))
      }
      return .object(["Addrs": .object(members.sorted { $0.name < $1.name })])
    },
    KuboCommand("swarm/addrs/local", options: ["id"]) { call in
      let identity = try await call.node.online().identity()
      let showsID = try call.flag("id")
      let addresses = identity.addresses.map { showsID ? $0.naming(identity.peer) : $0 }
      return strings(addresses.map { "\($0)" })
    },
    KuboCommand("swarm/connect", ["address"], more: true) { call in
      let network = try call.node.online()
      return strings(
        try await each(call) { address, peer in
          try await network.connect(to: address)
          return "connect \(peer) success"
        })
    },
    KuboCommand("swarm/disconnect", ["address"], more: true) { call in
      let network = try call.node.online()
      return strings(
        try await each(call) { address, peer in
          try await network.disconnect(from: address)
          return "disconnect \(peer) success"
        })
    },
    KuboCommand("bootstrap", [], bootstrap),
    KuboCommand("bootstrap/list", [], bootstrap),
    KuboCommand("ping", ["peer ID"], more: true, options: ["count"]) { call in
      .objects(try PingStream(call))
    },
  ]

  private static func strings(_ texts: [String]) -> KuboReply {
    .object(["Strings": .array(texts.map { .string($0) })])
  }

  /// Does something with each address among the arguments; each must end with a peer.
  private static func each(
    _ call: KuboCall, _ body: (Multiaddr, PeerID) async throws -> String
  ) async throws -> [String] {
    var results: [String] = []
    for text in call.arguments {
      let address = try Multiaddr(text)
      guard let peer = address.peer else {
        throw ContentNetworkError.addressWithoutPeer(text)
      }
      results.append(try await body(address, peer))
    }
    return results
  }

  @Sendable private static func identity(_ call: KuboCall) async throws -> KuboReply {
    let identity = try await call.node.online().identity()
    if let peer = call.arguments.first, try PeerID(peer) != identity.peer {
      throw KuboError.unsupportedOption(
        name: "arg", value: peer, hint: "only this node's own identity is known")
    }
    return .object([
      "ID": .string("\(identity.peer)"),
      "PublicKey": .string(Multibase.base64Padded.encode(identity.publicKey)),
      "Addresses": .array(identity.addresses.map { .string("\($0.naming(identity.peer))") }),
      "AgentVersion": .string(call.node.settings.agent),
      "Protocols": .array(identity.protocols.sorted().map { .string($0) }),
    ])
  }

  @Sendable private static func swarmPeers(_ call: KuboCall) async throws -> KuboReply {
    let isVerbose = try call.flag("verbose", short: "v")
    let shows = PeerDetails(
      latency: try isVerbose || call.flag("latency"),
      streams: try isVerbose || call.flag("streams"),
      direction: try isVerbose || call.flag("direction"))
    let peers = try await call.node.online().peers()
    return .object(["Peers": .array(peers.map { shows.object($0) })])
  }

  @Sendable private static func bootstrap(_ call: KuboCall) async throws -> KuboReply {
    let addresses = try await call.node.network?.bootstrapAddresses() ?? []
    return .object(["Peers": .array(addresses.map { .string("\($0)") })])
  }
}

/// What `swarm peers` tells of a peer besides its name.
private struct PeerDetails {
  let latency: Bool
  let streams: Bool
  let direction: Bool

  /// Kubo leaves out what is empty, lists aside.
  func object(_ peer: ContentPeer) -> JSONValue {
    var members: [JSONValue.Member] = [
      .init("Addr", .string("\(peer.address)")), .init("Peer", .string("\(peer.peer)")),
    ]
    if latency {
      members.append(.init("Latency", .string(peer.latency.map(GoDuration.text) ?? "n/a")))
    }
    if direction { members.append(.init("Direction", JSONValue(peer.direction.rawValue))) }
    if streams {
      members.append(
        .init("Streams", .array(peer.streams.map { ["Protocol": .string($0)] })))
    }
    return .object(members)
  }
}

/// `ping`: one line before, one for each round trip, one behind.
final class PingStream: KuboStream {
  private static let usualCount: Int64 = 10

  private struct State {
    var isBegun = false
    var times: [Duration] = []
    var isEnded = false
  }

  private let network: any ContentNetwork
  private let peer: PeerID
  private let count: Int
  private let state = Lock(State())

  init(_ call: KuboCall) throws {
    network = try call.node.online()
    let text = call.arguments[0]
    peer = try text.hasPrefix("/") ? Self.peer(at: text) : PeerID(text)
    let count = try call.integer("count", short: "n") ?? Self.usualCount
    guard (1...Int64(KuboLimits.pingsMax)).contains(count) else {
      throw KuboError.malformedOption(
        name: "count", value: "\(count)", expected: "1 to \(KuboLimits.pingsMax)")
    }
    self.count = Int(count)
  }

  private static func peer(at text: String) throws -> PeerID {
    guard let peer = try Multiaddr(text).peer else {
      throw ContentNetworkError.addressWithoutPeer(text)
    }
    return peer
  }

  func next() async throws -> Bytes? {
    let state = state.withLock { $0 }
    if state.isEnded { return nil }
    guard state.isBegun else {
      self.state.withLock { $0.isBegun = true }
      return Self.line("PING \(peer).", .zero)
    }
    if state.times.count < count {
      let time = try await network.ping(peer)
      self.state.withLock { $0.times.append(time) }
      return Self.line("", time)
    }
    self.state.withLock { $0.isEnded = true }
    let sum = state.times.reduce(Duration.zero, +)
    let average = GoDuration.milliseconds(sum / state.times.count)
    return Self.line("Average latency: \(average)ms", .zero)
  }

  private static func line(_ text: String, _ time: Duration) -> Bytes {
    KuboJSON.line([
      "Success": true, "Text": .string(text), "Time": .integer(GoDuration.nanoseconds(time)),
    ])
  }
}
