/// How good a node has been, from 0 to 1: the share of its requests that it answered, its speed and
/// whether it has lied.
///
/// score = success · 1 s / (1 s + latency) · trust. Success and latency are moving averages with
/// weight 0.2 on the newest; trust falls to a quarter with each lie and rises by 0.01 with each
/// verified answer, so a lie is forgotten after 75 good ones.
public struct NodeScore: Equatable, Sendable {
  private static let newestWeight = 0.2
  private static let lieFactor = 0.25
  private static let verifiedStep = 0.01
  private static let latencyUnitSeconds = 1.0
  /// What a node is expected to take that was not asked yet: neither better than a good one nor
  /// worse than a bad one.
  private static let expectedLatencySeconds = 0.1

  /// The moving share of requests that were answered.
  public private(set) var success = 1.0
  /// The moving average of latencies, in seconds; nil before the first answer.
  public private(set) var latencySeconds: Double?
  /// 1 for a node that never lied.
  public private(set) var trust = 1.0
  /// Answers that were not what their CID names.
  public private(set) var lies = 0

  /// The score of a node that nothing is known of.
  public init() {}

  /// The score.
  public var value: Double {
    let unit = Self.latencyUnitSeconds
    return success * unit / (unit + (latencySeconds ?? Self.expectedLatencySeconds)) * trust
  }

  /// An answer, content or "not here".
  public mutating func noteAnswer(latency: Duration) {
    let seconds = latency / .seconds(1)
    latencySeconds = latencySeconds.map { $0 + Self.newestWeight * (seconds - $0) } ?? seconds
    success += Self.newestWeight * (1 - success)
  }

  /// Content that was checked against its CID.
  public mutating func noteVerified() { trust = min(1, trust + Self.verifiedStep) }

  /// No answer.
  public mutating func noteFailure() { success -= Self.newestWeight * success }

  /// An answer that was not what its CID names.
  public mutating func noteLie() {
    noteFailure()
    trust *= Self.lieFactor
    lies += 1
  }
}
