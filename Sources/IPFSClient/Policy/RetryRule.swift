/// How often and after which waits a request is made again.
public struct RetryRule: Equatable, Sendable {
  /// Passes over the nodes, the first included.
  public var attemptsMax = 3
  /// The longest wait before the first repetition; each further one doubles it.
  public var baseDelay = Duration.milliseconds(100)
  /// No wait is longer.
  public var delayMax = Duration.seconds(10)
  /// A node that asks for more than this with Retry-After is left alone, but nobody waits for it.
  public var retryAfterMax = Duration.seconds(30)

  /// The usual rule.
  public init() {}

  /// The wait before repetition `index`, counted from 0: evenly drawn from zero to
  /// min(`delayMax`, `baseDelay` · 2^index), the "full jitter" of Brooker, "Exponential Backoff And
  /// Jitter" (AWS Architecture Blog, 2015).
  public func delay(
    before index: Int, using random: inout some RandomNumberGenerator
  ) -> Duration {
    let doublings = min(max(index, 0), Self.doublingsMax)
    let longest = min(baseDelay * (1 << doublings), delayMax)
    let nanoseconds = Int64(longest / .nanoseconds(1))
    return .nanoseconds(Int64.random(in: 0...max(0, nanoseconds), using: &random))
  }

  /// 2¹⁶ base delays are beyond every limit in use.
  private static let doublingsMax = 16
}

/// Keeps repetitions a small share of all requests, so that a fault of many nodes is not answered
/// with several times the load (Beyer et al., "Site Reliability Engineering", chapter 21).
///
/// Each request pays in one tenth of a repetition, so ten percent may be repeated.
public struct RetryBudget: Equatable, Sendable {
  /// A request pays in one, a repetition takes out ten.
  private static let repetitionCost = 10
  /// Repetitions that a client may make before it has made many requests.
  public static let reserve = 10
  /// Repetitions that may be saved up: a minute of calm is not a reason for a storm.
  public static let savedMax = 100

  private var tenths = Self.reserve * Self.repetitionCost

  /// A budget with its reserve.
  public init() {}

  /// The repetitions that may be made now.
  public var available: Int { tenths / Self.repetitionCost }

  /// Notes a request, not a repetition.
  public mutating func noteRequest() {
    tenths = min(tenths + 1, Self.savedMax * Self.repetitionCost)
  }

  /// Takes one repetition out; false when there is none.
  public mutating func takeRepetition() -> Bool {
    guard tenths >= Self.repetitionCost else { return false }
    tenths -= Self.repetitionCost
    return true
  }
}
