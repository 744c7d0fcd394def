/// The last answers' latencies of one node, for the moment at which a second node is asked too.
public struct LatencyWindow: Equatable, Sendable {
  /// Enough for a 95th percentile with five answers above it.
  public static let samplesMax = 100
  /// Fewer say nothing about a percentile.
  public static let samplesMin = 10

  private var samples: [Duration] = []
  private var next = 0

  /// A window without samples.
  public init() {}

  /// Notes an answer.
  public mutating func note(_ latency: Duration) {
    if samples.count < Self.samplesMax {
      samples.append(latency)
    } else {
      samples[next] = latency
      next = (next + 1) % Self.samplesMax
    }
  }

  /// The latency that 95 of 100 answers stay below; nil while there are too few.
  public var percentile95: Duration? {
    guard samples.count >= Self.samplesMin else { return nil }
    return samples.sorted()[min(samples.count - 1, samples.count * 95 / 100)]
  }
}

/// When a read that is slow is asked of a second node too; the loser is cancelled (Dean and
/// Barroso, "The Tail at Scale", CACM 2013).
public struct HedgingRule: Equatable, Sendable {
  /// Before a node's latencies are known.
  public var initialDelay = Duration.milliseconds(500)
  /// A second request is never sent sooner: on a fast network both would always be sent.
  public var delayMin = Duration.milliseconds(10)
  /// A second request is sent after this long at the latest.
  public var delayMax = Duration.seconds(5)

  /// The usual rule.
  public init() {}

  /// How long the first node may take before the second is asked.
  public func delay(after latencies: LatencyWindow) -> Duration {
    min(max(latencies.percentile95 ?? initialDelay, delayMin), delayMax)
  }
}
