/// How long an answer may take before its request gives up its slot: mean and variation of round
/// trips as TCP keeps them (RFC 6298 §2, gains 1/8 and 1/4).
package struct RoundTripEstimate: Equatable, Sendable {
  private var smoothedMicroseconds: UInt32 = 0
  private var variationMicroseconds: UInt32 = 0

  /// No answer measured yet.
  package init() {}

  /// Whether any answer was measured.
  package var isMeasured: Bool { smoothedMicroseconds > 0 }

  /// Takes the time of one answer.
  package mutating func add(_ roundTrip: Duration) {
    let longest = Self.microseconds(KademliaLimits.requestTimeout)
    let sample = max(1, min(Self.microseconds(roundTrip), longest))
    guard isMeasured else {
      smoothedMicroseconds = sample
      variationMicroseconds = sample / 2
      return
    }
    let gap = max(sample, smoothedMicroseconds) - min(sample, smoothedMicroseconds)
    variationMicroseconds = (3 * variationMicroseconds + gap) / 4
    smoothedMicroseconds = max(1, (7 * smoothedMicroseconds + sample) / 8)
  }

  /// How long a request holds a slot.
  package var slotTimeout: Duration {
    guard isMeasured else { return KademliaLimits.slotTimeoutStart }
    let measured = UInt64(smoothedMicroseconds) + 4 * UInt64(variationMicroseconds)
    let timeout = Duration.microseconds(Int64(measured))
    return min(max(timeout, KademliaLimits.slotTimeoutMin), KademliaLimits.slotTimeoutMax)
  }

  /// How long a lookup with nothing else to do waits for a slow answer.
  package var patience: Duration {
    isMeasured ? slotTimeout * KademliaLimits.patienceSlots : KademliaLimits.requestTimeout
  }

  private static func microseconds(_ duration: Duration) -> UInt32 {
    let (seconds, attoseconds) = duration.components
    let whole = UInt64(clamping: seconds).multipliedReportingOverflow(by: 1_000_000)
    return whole.overflow
      ? .max : UInt32(clamping: whole.partialValue + UInt64(attoseconds / 1_000_000_000_000))
  }
}
