/// A moment on a clock that is handed in: monotonic in production, virtual in simulation.
public struct Tick: Hashable, Comparable, Sendable {
  /// Nanoseconds since the clock's own start.
  public let nanoseconds: UInt64

  /// Wraps a number of nanoseconds.
  public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

  /// The clock's start.
  public static let zero = Tick(nanoseconds: 0)

  /// Orders by time.
  public static func < (left: Tick, right: Tick) -> Bool { left.nanoseconds < right.nanoseconds }

  /// Returns the moment `duration` later; stays at the end of time rather than wrap.
  public func advanced(by duration: Duration) -> Tick {
    let (seconds, attoseconds) = duration.components
    let whole = UInt64(clamping: seconds).multipliedReportingOverflow(by: 1_000_000_000)
    let added = UInt64(clamping: attoseconds / 1_000_000_000)
      .addingReportingOverflow(whole.overflow ? .max : whole.partialValue)
    let sum = nanoseconds.addingReportingOverflow(added.overflow ? .max : added.partialValue)
    return Tick(nanoseconds: sum.overflow ? .max : sum.partialValue)
  }

  /// Returns how long after `earlier` this is; zero if it is before.
  public func duration(since earlier: Tick) -> Duration {
    guard earlier < self else { return .zero }
    return .nanoseconds(Int64(clamping: nanoseconds - earlier.nanoseconds))
  }
}
