package import Primitives

/// What a routing table knows of one peer, in twelve bytes.
package struct RoutingEntry: Equatable, Sendable {
  /// Who.
  package let peer: PeerHandle
  /// Seconds of the clock at the last useful answer; 0 before the first.
  package private(set) var answeredAtSeconds: UInt32 = 0
  /// Smoothed round trip in milliseconds; 0 before the first.
  package private(set) var roundTripMilliseconds: UInt16 = 0
  /// Unanswered requests since the last answer.
  package private(set) var failures: UInt8 = 0
  /// What stands behind the identity.
  package let admission: KademliaAdmission

  /// A peer that has not answered yet.
  package init(_ peer: PeerHandle, admission: KademliaAdmission) {
    self.peer = peer
    self.admission = admission
  }

  /// Whether a newcomer may take its place.
  package var isReplaceable: Bool {
    failures >= KademliaLimits.failuresUntilReplaceable
  }

  /// Whether it answered within `KademliaLimits.entryFreshness`.
  package func isFresh(at now: Tick) -> Bool {
    guard answeredAtSeconds > 0 else { return false }
    let age = Self.seconds(now).subtractingReportingOverflow(answeredAtSeconds)
    return age.overflow
      || Int64(age.partialValue) < KademliaLimits.entryFreshness.components.seconds
  }

  /// A useful answer came after `roundTrip`.
  mutating func answered(at now: Tick, after roundTrip: Duration) {
    // Jacobson's smoothing with gain 1/8 (RFC 6298 §2).
    let (seconds, attoseconds) = roundTrip.components
    let sample =
      UInt64(clamping: seconds) &* 1_000 &+ UInt64(clamping: attoseconds / 1_000_000_000_000_000)
    let before = UInt64(roundTripMilliseconds)
    let smoothed = before == 0 ? sample : (before * 7 + min(sample, UInt64(UInt16.max))) / 8
    roundTripMilliseconds = UInt16(clamping: max(1, smoothed))
    answeredAtSeconds = max(1, Self.seconds(now))
    failures = 0
  }

  /// A request went unanswered.
  mutating func failed() {
    if failures < .max { failures += 1 }
  }

  private static func seconds(_ moment: Tick) -> UInt32 {
    UInt32(clamping: moment.nanoseconds / 1_000_000_000)
  }
}
