/// How fast work goes of late, from counts that were read at moments.
public struct ProgressRate: Equatable, Sendable {
  private struct Sample: Equatable, Sendable {
    let done: UInt64
    let seconds: Double
  }

  /// What was before says nothing about what comes: some steps of a network, not one.
  private static let windowSeconds = 5.0
  /// Rates of shorter times are chance.
  private static let secondsMin = 0.5
  /// Between moments that are kept: nothing is drawn more often.
  private static let spacingSeconds = 0.1

  /// Moments at which the count had changed, the oldest first.
  private var samples = [Sample(done: 0, seconds: 0)]
  private var last = Sample(done: 0, seconds: 0)
  private var now = 0.0

  /// Work that begins.
  public init() {}

  /// Takes a count; `seconds` since the work began, never less than before.
  public mutating func note(_ done: UInt64, at seconds: Double) {
    now = seconds
    if done > last.done { last = Sample(done: done, seconds: seconds) }
    if let kept = samples.last, last.seconds - kept.seconds >= Self.spacingSeconds {
      samples.append(last)
    }
    // One from before the window stays: steps may be rarer than that.
    while samples.count > 2, samples[1].seconds <= now - Self.windowSeconds {
      samples.removeFirst()
    }
  }

  /// What is done each second; nil before that says anything. Falls while nothing is done.
  public var perSecond: Double? {
    guard let first = samples.first, last.done > first.done else { return nil }
    let end = now - last.seconds > Self.windowSeconds ? now : last.seconds
    guard end - first.seconds >= Self.secondsMin else { return nil }
    return Double(last.done - first.done) / (end - first.seconds)
  }
}
