internal import ContentStore
internal import Cryptography
internal import Networking
internal import Primitives
public import Telemetry

/// Several IPFS nodes as one: what one cannot give, another can, and nothing is believed that was
/// not checked against its CID.
///
/// Rules and limits are in `docs/specs/ipfs-client.md`. `run()` keeps an eye on the nodes; without
/// it they are only known by their answers. `close()` ends it.
public final class IPFSClient: Sendable {
  private struct Node: Sendable {
    let kind: NodeKind
    let name: String
    let url: String
    let connection: any NodeConnection
  }

  /// What probes found out; nothing is decided by it.
  private struct ProbeResult: Sendable {
    var version: String?
    var fault: NodeFault?
  }

  /// Threads for exchanges: an operation may have some reads side by side, each of them hedged.
  private static let threadsPerOperation = 4

  /// Which nodes there are, and how they are asked.
  public let configuration: IPFSClientConfiguration
  let clock: ClientClock
  let metrics: IPFSClientMetrics
  let cache: BlockCache
  let pool: ComputePool
  let gate: OperationGate
  let flights = Singleflight<CID, ContentBlock>()
  let missing = Lock(ExpiringTable<Bool>(countMax: IPFSClientLimits.factsMax))
  let pins = Lock(PinQueue())
  let recent = Lock(RecentOperations())
  let facts: FactCache
  private let nodes: [Node]
  private let book: Lock<NodeBook>
  private let budget = Lock(RetryBudget())
  private let random: Lock<SplitMix64>
  private let probes: Lock<[ProbeResult]>

  /// A client of the configuration's nodes, and of one in this process if there is one.
  public init(
    _ configuration: IPFSClientConfiguration, embedded: (any EmbeddedContentNode)? = nil,
    metrics registry: MetricsRegistry = MetricsRegistry(), clock: ClientClock = .system
  ) {
    self.configuration = configuration
    self.clock = clock
    // Without a node to connect to, threads only cut content into blocks.
    let threads =
      configuration.nodes.isEmpty
      ? 1
      : min(configuration.connectionsMax, Self.threadsPerOperation * configuration.concurrencyMax)
    pool = ComputePool(
      named: "martlet-ipfs", threads: threads, queueMax: IPFSClientLimits.waitingMax)
    nodes = Self.nodes(configuration, embedded, pool)
    metrics = IPFSClientMetrics(registry)
    cache = BlockCache(byteCountMax: configuration.cacheSize.bytes)
    gate = OperationGate(
      runningMax: configuration.concurrencyMax, waitingMax: IPFSClientLimits.waitingMax)
    facts = FactCache(
      redis: configuration.redis.flatMap { try? RedisClient(address: $0) },
      holdsFor: configuration.metadataFor)
    book = Lock(
      NodeBook(
        kinds: nodes.map(\.kind), health: configuration.health, breaker: configuration.breaker))
    // Chance only spreads waits, but a client that restarts must not repeat the last one's.
    random = Lock(
      SplitMix64(seed: SystemRandom.bytes(8).reduce(0) { $0 << 8 | UInt64($1) }))
    probes = Lock(nodes.map { _ in ProbeResult() })
  }

  private static func nodes(
    _ configuration: IPFSClientConfiguration, _ embedded: (any EmbeddedContentNode)?,
    _ pool: ComputePool
  ) -> [Node] {
    let http = HTTPClient(pool: pool, idleConnectionsMax: configuration.connectionsMax)
    var nodes: [Node] = []
    if let embedded {
      nodes.append(
        Node(
          kind: .embedded, name: "embedded", url: "embedded",
          connection: EmbeddedConnection(node: embedded, pool: pool)))
    }
    for address in configuration.nodes.prefix(IPFSClientLimits.nodesMax) {
      let exchange = NodeExchange(
        http: http, url: address.url, timeout: configuration.timeout,
        stallTimeout: configuration.stallTimeout)
      let connection: any NodeConnection =
        address.kind == .rpc
        ? RPCConnection(exchange: exchange) : GatewayConnection(exchange: exchange)
      nodes.append(
        Node(kind: address.kind, name: address.name, url: address.url, connection: connection))
    }
    return nodes
  }

  /// Ends the client's threads after what they are doing; blocks until they are gone.
  public func close() {
    facts.close()
    pool.stop()
  }

  /// Probes the nodes from time to time and sets the pins that wait, until the task is cancelled.
  public func run() async throws {
    while true {
      _ = await healthCheck()
      try await clock.sleep(configuration.probeInterval)
    }
  }

  /// How the nodes do, by what is known without asking them.
  public func nodeStatus() -> [NodeStatus] {
    let (book, probes) = (book.withLock { $0 }, probes.withLock { $0 })
    return nodes.indices.map { index in
      let (node, record) = (nodes[index], book.records[index])
      return NodeStatus(
        name: node.name, url: node.url, kind: node.kind, health: book.health(of: index),
        score: record.score.value, latencySeconds: record.score.latencySeconds,
        lies: record.score.lies,
        breakers: OperationClass.allCases.filter { node.kind.can($0) }
          .map { ($0, record.breaker(for: $0).state.word) },
        version: probes[index].version, fault: probes[index].fault)
    }
  }
}

// MARK: - Nodes as the operations see them

extension IPFSClient {
  func name(of node: Int) -> String { nodes[node].name }
  func kind(of node: Int) -> NodeKind { nodes[node].kind }
  func connection(to node: Int) -> any NodeConnection { nodes[node].connection }

  /// The nodes that may be asked now, the first choice first.
  func order(for operation: OperationClass) -> [Int] {
    let now = clock.now()
    return book.withLock { $0.order(for: operation, at: now) }
  }

  /// Whether any node of the configuration does such operations.
  func hasNode(for operation: OperationClass) -> Bool {
    nodes.contains { $0.kind.can(operation) }
  }

  /// How long the first of a pair of nodes may take.
  func hedgeDelay(of node: Int) -> Duration {
    configuration.hedging.delay(after: book.withLock { $0.records[node].readLatencies })
  }

  /// How long until a node that asked to be left alone may be asked again.
  func askedBackIn(_ operation: OperationClass) -> Duration? {
    let now = clock.now()
    return book.withLock { $0.askedBackAt(operation) }.map { $0.duration(since: now) }
  }

  /// Asks one node for one thing, and notes how that went. What it throws is the node's fault
  /// alone, except for errors that are no `NodeFault`.
  func ask<Result: Sendable>(
    _ node: Int, _ operation: OperationClass,
    _ body: @Sendable (any NodeConnection) async throws -> Result
  ) async throws -> Result {
    let started = clock.now()
    guard book.withLock({ $0.begin(node, operation, at: started) }) else {
      throw NodeFault.resting
    }
    do {
      let result = try await body(nodes[node].connection)
      note(node, operation, .succeeded, since: started)
      return result
    } catch let fault as NodeFault {
      note(node, operation, fault.outcome, since: started)
      if fault.isFailure { metrics.noteFailure(node: name(of: node), fault) }
      throw fault
    } catch {
      note(node, operation, .abandoned, since: started)
      throw error
    }
  }

  private func note(
    _ node: Int, _ operation: OperationClass, _ outcome: NodeOutcome, since started: Tick
  ) {
    let now = clock.now()
    let health = book.withLock { book in
      book.finish(node, operation, outcome, latency: now.duration(since: started), at: now)
      return book.health(of: node)
    }
    metrics.setHealth(health, node: name(of: node))
  }

  // MARK: Repetitions

  /// Notes an operation that may be repeated.
  func noteRequest() { budget.withLock { $0.noteRequest() } }

  /// The wait before a repetition; nil when there is none any more.
  func repetition(_ index: Int, of operation: OperationClass) -> Duration? {
    let rule = configuration.retry
    guard index + 1 < rule.attemptsMax else { return nil }
    let drawn = random.withLock { rule.delay(before: index, using: &$0) }
    let wait: Duration
    if order(for: operation).isEmpty {
      // Nobody can be asked; only those who said when are worth waiting for.
      guard let asked = askedBackIn(operation), asked <= rule.retryAfterMax else { return nil }
      wait = max(drawn, asked)
    } else {
      wait = drawn
    }
    guard budget.withLock({ $0.takeRepetition() }) else { return nil }
    metrics.noteRetry(operation)
    return wait
  }

  // MARK: Probes

  /// Asks every node whether it is there, and sets the pins that wait where one is.
  public func healthCheck() async -> HealthReport {
    let started = clock.now()
    await withTaskGroup { group in
      for node in nodes.indices { group.addTask { await self.probe(node) } }
    }
    if order(for: .pin).isEmpty == false { _ = await retryQueuedPins() }
    let report = HealthReport(nodes: nodeStatus())
    let seconds = clock.now().duration(since: started) / .seconds(1)
    metrics.note(
      .health, succeeded: report.status != .unhealthy, seconds: seconds, size: nil)
    return report
  }

  private func probe(_ node: Int) async {
    let started = clock.now()
    var found = ProbeResult()
    do throws(NodeFault) { found.version = try await nodes[node].connection.probe() } catch {
      guard error != .cancelled else { return }
      found.fault = error
    }
    let (result, now) = (found, clock.now())
    probes.withLock { $0[node] = result }
    let health = book.withLock { book in
      book.noteProbe(
        node, succeeded: result.fault == nil, latency: now.duration(since: started), at: now)
      return book.health(of: node)
    }
    metrics.setHealth(health, node: name(of: node))
  }
}

extension CircuitBreaker.State {
  /// The state in one word.
  var word: String {
    switch self {
    case .closed: "closed"
    case .open: "open"
    case .halfOpen: "half-open"
    }
  }
}
