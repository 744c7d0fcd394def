import Peering
import Primitives

/// Limits of the shells of membership.
enum MembershipLimits {
  /// Bytes that wait for one slow peer: a few of the largest frames. Older ones are dropped, since
  /// news is repeated and old questions are worthless.
  static let queueBytesMax = 512 * 1_024
  /// Streams to members: a full group, and clusters above it, twice.
  static let streamsMax = 2_048
  /// A stream that was silent for this long is closed: longer than a turn around a full group.
  static let streamIdle = Duration.seconds(600)
  /// Frames of one peer heard within a second; a member that joins a full group needs twenty.
  static let framesPerSecondMax = 256
  /// Questions for kinds that one peer may ask within a second.
  static let findsPerSecondMax = 8
  /// Signatures checked within a second, for all peers: as many as the machine would use.
  static let checksPerSecondMax = SWIMLimits.proofChecksPerPeriod
  /// Proven claims that are remembered: two for each member of all five levels.
  static let provenMax = 4_096
  /// Invitations kept: those of the members of all groups a node can be in.
  static let invitationsMax = 2_048
  /// Refused invitations that are remembered, to say why.
  static let refusedInvitationsMax = 64
  /// Pings whose round trip is measured at the same time.
  static let pingsMax = 64
  /// Searches under way.
  static let searchesMax = 64
  /// Each member looks its group up in the DHT this often for each one present, so a group does it
  /// once in ten seconds as a whole; the k-th time after at least k times as long …
  static let lookupInterval = Duration.seconds(10)
  /// … and each member at least once in this time.
  static let lookupIntervalMax = Duration.seconds(300)
  /// A node that was turned away asks again after this.
  static let refusedRetry = Duration.seconds(60)
  /// Rights of members are looked at again this often, and when an invitation ends: stakes change
  /// with the chain.
  static let admissionPause = Duration.seconds(60)
  /// How long a leaving node stays to tell its groups.
  static let farewell = Duration.milliseconds(1_500)
}

/// How often each peer did something within the present second.
struct SecondCounts<Key: Hashable & Sendable>: Sendable {
  private var second = Tick.zero
  private var counts: [Key: Int] = [:]

  /// Counts once more; false when the peer has used up what it may.
  mutating func allows(_ key: Key, max: Int, now: Tick, cost: Int = 1) -> Bool {
    if now.duration(since: second) >= .seconds(1) {
      second = now
      counts.removeAll(keepingCapacity: true)
    }
    let used = counts[key, default: 0]
    guard used + cost <= max else { return false }
    counts[key] = used + cost
    return true
  }
}
