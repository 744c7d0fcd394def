import Primitives

/// News to pass on, those sent least often first.
struct SWIMBroadcasts: Sendable {
  private struct Entry: Sendable {
    let claim: SWIMClaim<PeerHandle>
    var sends = 0
  }

  private var entries: [Entry] = []

  var isEmpty: Bool { entries.isEmpty }
  var count: Int { entries.count }

  /// Adds news; what it makes old is dropped.
  mutating func add(_ claim: SWIMClaim<PeerHandle>) {
    entries.removeAll { entry in
      guard entry.claim.member == claim.member else { return false }
      let sameRumour =
        entry.claim.status == claim.status && entry.claim.incarnation == claim.incarnation
      return !sameRumour || entry.claim.origin == claim.origin
    }
    if entries.count >= SWIMLimits.broadcastsMax { entries.removeLast() }
    entries.insert(Entry(claim: claim), at: 0)
  }

  /// Forgets all news about a member.
  mutating func drop(about member: PeerHandle) {
    entries.removeAll { $0.claim.member == member }
  }

  /// Takes up to `count` claims for one message, at most `sendsMax` times each.
  mutating func take(_ count: Int, sendsMax: Int) -> [SWIMClaim<PeerHandle>] {
    guard !entries.isEmpty else { return [] }
    let taken = entries.prefix(count)
    entries.removeFirst(taken.count)
    for var entry in taken {
      entry.sends += 1
      guard entry.sends < sendsMax else { continue }
      let place = entries.firstIndex { $0.sends > entry.sends } ?? entries.count
      entries.insert(entry, at: place)
    }
    return taken.map(\.claim)
  }

  /// λ · ⌈log₂(n + 1)⌉ sends of each claim tell all n members with high probability (SWIM §4.1).
  static func sendsMax(present: Int) -> Int {
    SWIMLimits.gossipMultiplier * (Int.bitWidth - present.leadingZeroBitCount)
  }
}

/// How long an answer takes, smoothed as TCP does it (RFC 6298 §2).
struct ProbeRoundTrip: Sendable {
  private var smoothed: Duration?
  private var variation = Duration.zero

  mutating func add(_ sample: Duration) {
    guard let old = smoothed else {
      smoothed = sample
      variation = sample / 2
      return
    }
    let difference = sample > old ? sample - old : old - sample
    variation = (variation * 3 + difference) / 4
    smoothed = (old * 7 + sample) / 8
  }

  /// Smoothed time plus four variations, within the protocol's bounds.
  var timeout: Duration {
    guard let smoothed else { return SWIMLimits.pingTimeoutMin }
    return max(
      SWIMLimits.pingTimeoutMin, min(SWIMLimits.pingTimeoutMax, smoothed + variation * 4))
  }
}
