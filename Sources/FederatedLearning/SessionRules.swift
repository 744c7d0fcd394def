/// What fixes how a session's rounds run; the same for everybody who replays it.
public struct SessionRules: Hashable, Sendable {
  /// Number of logical clients; each has its own shard of the data and enters every round once.
  public var clients: Int
  /// Rounds until the session is done.
  public var totalRounds: Int
  /// Workers that must be present before the first round.
  public var minParticipants: Int
  /// Training examples of each logical client, [clients]: the weights of the mean. They come from
  /// the committed shards, never from what a worker says about itself.
  public var examples: [UInt64]

  /// Collects the rules.
  public init(clients: Int, totalRounds: Int, minParticipants: Int, examples: [UInt64]) {
    precondition(examples.count == clients && clients > 0 && totalRounds > 0)
    self.clients = clients
    self.totalRounds = totalRounds
    self.minParticipants = minParticipants
    self.examples = examples
  }
}

/// Limits of one session.
public enum SessionLimits {
  /// A coordinator sorts and sums this many updates a round without leaving the second.
  public static let clientsMax = 10_000
  /// A session of a year at a round every five minutes.
  public static let roundsMax = 100_000
  /// Never wait less than this before giving a client to another worker (fl.md §4.1).
  public static let softDeadlineMin: Duration = .seconds(2)
  /// The longest any one assignment may take, whatever the others needed.
  public static let hardDeadline: Duration = .seconds(120)
  /// Arrival times kept for the adaptive deadline: the last rounds, not the whole history.
  public static let arrivalsKept = 256
  /// A worker that fails or is late so often without an accepted update in between gets no more of
  /// a session's work, without a slash.
  public static let failuresPerWorkerMax = 3
}

extension SessionLimits {
  /// Returns max(2 s, median + 3 MAD) of past arrival times, at most the hard deadline.
  ///
  /// MAD is the median absolute deviation. With fewer than four arrivals the hard deadline stands.
  static func softDeadline(after arrivals: [Duration]) -> Duration {
    let arrivalsMin = 4
    guard arrivals.count >= arrivalsMin else { return hardDeadline }
    let middle = median(arrivals)
    let spread = median(arrivals.map { $0 > middle ? $0 - middle : middle - $0 })
    return min(hardDeadline, max(softDeadlineMin, middle + spread * 3))
  }

  private static func median(_ values: [Duration]) -> Duration {
    let sorted = values.sorted()
    return sorted[sorted.count / 2]
  }
}
