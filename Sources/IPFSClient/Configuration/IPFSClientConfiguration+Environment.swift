internal import Primitives

extension IPFSClientConfiguration {
  /// Where Kubo's RPC is unless told otherwise.
  private static let defaultHost = "localhost"
  private static let defaultPort = 5_001
  /// Where Kubo's gateway is unless told otherwise.
  private static let defaultGateway = "http://localhost:8080"
  private static let nodeVariables = ["IPFS_NODES", "IPFS_HOST", "IPFS_PORT", "IPFS_GATEWAY"]

  /// Reads the variables of `docs/specs/ipfs-client.md`, each as `MARTLET_…` and, where that is not
  /// set, as `PRSM_…`. `lookup` gives a variable's value; an empty one counts as not set. Where no
  /// variable names a node, those of Kubo's usual places are taken unless `assumesKubo` is false.
  public init(
    environment lookup: @escaping (String) -> String?, assumesKubo: Bool = true
  ) throws(IPFSClientError) {
    self.init()
    let variables = PrefixedVariables(lookup: lookup)
    timeout = .seconds(try variables.integer("IPFS_TIMEOUT", in: 1...86_400) ?? 60)
    stallTimeout = min(stallTimeout, timeout)
    if let count = try variables.integer("IPFS_MAX_CONNECTIONS", in: 1...10_000) {
      connectionsMax = count
    }
    if let megabytes = try variables.integer("IPFS_CACHE_SIZE_MB", in: 0...1_000_000) {
      cacheSize = ByteCount(megabytes * 1_000_000)
    }
    if let count = try variables.integer("IPFS_RETRY_ATTEMPTS", in: 1...20) {
      retry.attemptsMax = count
    }
    if let count = try variables.integer("IPFS_CONCURRENCY", in: 1...1_000) {
      concurrencyMax = count
    }
    if let megabytes = try variables.integer("MAX_MODEL_SIZE_MB", in: 1...1_000_000) {
      contentSizeMax = ByteCount(megabytes * 1_000_000)
    }
    recordsProvenance = try variables.boolean("IPFS_PROVENANCE") ?? true
    paysRewards = try variables.boolean("IPFS_REWARDS") ?? true
    redis = variables.text("IPFS_REDIS")?.value
    let isNamed = Self.nodeVariables.contains { variables.text($0) != nil }
    nodes = isNamed || assumesKubo ? try Self.nodes(variables) : []
  }

  /// `IPFS_NODES` names all nodes; without it there is one RPC node and one gateway.
  private static func nodes(
    _ variables: PrefixedVariables
  ) throws(IPFSClientError) -> [NodeAddress] {
    var nodes: [NodeAddress] = []
    if let list = variables.text("IPFS_NODES") {
      for text in list.value.split(whereSeparator: { $0 == "," || $0 == " " }) {
        nodes.append(try address(String(text), of: list.name))
      }
    } else {
      let host = variables.text("IPFS_HOST") ?? ("IPFS_HOST", defaultHost)
      let port = try variables.integer("IPFS_PORT", in: 1...65_535) ?? defaultPort
      nodes.append(try address("rpc:http://\(host.value):\(port)", of: host.name))
      let gateway = variables.text("IPFS_GATEWAY") ?? ("IPFS_GATEWAY", defaultGateway)
      if gateway.value != "none" {
        nodes.append(try address("gateway:\(gateway.value)", of: gateway.name))
      }
    }
    guard nodes.count <= IPFSClientLimits.nodesMax else {
      throw .configuration(
        name: "IPFS_NODES", value: "\(nodes.count) nodes",
        reason: "at most \(IPFSClientLimits.nodesMax) are used")
    }
    return nodes
  }

  private static func address(
    _ text: String, of variable: String
  ) throws(IPFSClientError) -> NodeAddress {
    do { return try NodeAddress(parsing: text) } catch {
      guard case .configuration(_, let value, let reason) = error else { throw error }
      throw .configuration(name: variable, value: value, reason: reason)
    }
  }
}
