public import ContentStore
public import Primitives

/// Which nodes there are, and how they are asked.
public struct IPFSClientConfiguration: Equatable, Sendable {
  /// The nodes in the order in which equals are asked. No public gateway is ever added.
  public var nodes: [NodeAddress] = []
  /// For one request and its answer; a stream of blocks may take longer as long as it moves.
  public var timeout = Duration.seconds(60)
  /// How long a node may be silent in the middle of an answer.
  public var stallTimeout = Duration.seconds(15)
  /// Connections that are open at the same time, used or kept for the next request.
  public var connectionsMax = 100
  /// What the cache of blocks may take.
  public var cacheSize = ByteCount(100_000_000)
  /// Operations that run at the same time.
  public var concurrencyMax = 10
  /// Content that is taken into memory or sent to a node.
  public var contentSizeMax = ByteCount.gibibytes(1)
  /// How content is cut into blocks when it is sent.
  public var layout = UnixFSProfile.v1In2025.layout
  /// How often and after which waits a request is made again.
  public var retry = RetryRule()
  /// When a second node is asked.
  public var hedging = HedgingRule()
  /// When a node is left alone.
  public var breaker = CircuitBreakerRule()
  /// When a node is healthy.
  public var health = HealthRule()
  /// Between two rounds of probes.
  public var probeInterval = Duration.seconds(30)
  /// How long facts about content (its size, its kind) are kept.
  public var metadataFor = Duration.seconds(3_600)
  /// Whether provenance is recorded for what is stored; for those who store models.
  public var recordsProvenance = true
  /// Whether contributions are rewarded; for those who store models.
  public var paysRewards = true
  /// A Redis server (`redis://host:port` or `unix:/path`) that shares facts about content between
  /// several clients; nil for none.
  public var redis: String?

  /// No node, and the usual values.
  public init() {}
}
