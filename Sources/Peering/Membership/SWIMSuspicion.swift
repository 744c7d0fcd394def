import Primitives

/// A member that did not answer somebody, until it contradicts or its time is over.
struct SWIMSuspicion: Sendable {
  let member: PeerHandle
  let start: Tick
  /// Who made the suspicion, each counted once.
  private(set) var origins: [PeerHandle]
  /// Who told us, each counted once: one liar cannot speak in the name of many.
  private(set) var messengers: [PeerHandle]
  /// Who told us that the member is dead, each counted once.
  private(set) var deathMessengers: [PeerHandle] = []

  init(of member: PeerHandle, at start: Tick, origin: PeerHandle, messenger: PeerHandle) {
    self.member = member
    self.start = start
    origins = [origin]
    messengers = [messenger]
  }

  /// Counts a confirmation; false if its origin or its messenger is counted already.
  mutating func confirm(origin: PeerHandle, messenger: PeerHandle) -> Bool {
    guard origins.count <= SWIMLimits.confirmationsMax, !origins.contains(origin),
      !messengers.contains(messenger)
    else { return false }
    origins.append(origin)
    messengers.append(messenger)
    return true
  }

  /// Counts a report of death.
  mutating func reportDeath(messenger: PeerHandle) {
    guard deathMessengers.count < SWIMLimits.deathReportsNeeded else { return }
    if !deathMessengers.contains(messenger) { deathMessengers.append(messenger) }
  }

  /// When the member is declared dead: Lifeguard §IV.B,
  /// max(min, max − (max − min) · log(C + 1) / log(K + 1)) with C of K confirmations, where a group
  /// of `present` members can confirm at most `present` − 2 times. Sooner if enough neighbours,
  /// whose waits were over, report the death.
  func deadline(present: Int) -> Tick {
    if deathMessengers.count >= SWIMLimits.deathReportsNeeded {
      return start.advanced(by: SWIMLimits.suspicionReported)
    }
    let possible = max(0, min(SWIMLimits.confirmationsMax, present - 2))
    let confirmed = min(origins.count - 1, possible)
    guard possible > 0 else { return start.advanced(by: SWIMLimits.suspicionMin) }
    let span = SWIMLimits.suspicionMax - SWIMLimits.suspicionMin
    let saved = span * Self.logarithms[confirmed] / Self.logarithms[possible]
    return start.advanced(by: SWIMLimits.suspicionMax - saved)
  }

  /// 1000 · log₂(C + 1) for C = 0…3.
  private static let logarithms = [0, 1_000, 1_585, 2_000]
}
