public import Primitives

/// Operations of the last minute, second by second. A machine: time is handed in.
public struct RecentOperations: Sendable {
  /// How far back rates look: a minute is what people compare with.
  public static let seconds = 60

  private struct Slot: Sendable {
    var second: UInt64 = .max
    var count: UInt64 = 0
  }

  private var slots = Array(repeating: Slot(), count: Self.seconds)

  /// Knows nothing yet.
  public init() {}

  /// Notes one operation that ended now.
  public mutating func note(at now: Tick) {
    let second = Self.second(now)
    let index = Int(second % UInt64(Self.seconds))
    if slots[index].second != second { slots[index] = Slot(second: second) }
    slots[index].count += 1
  }

  /// Operations a second, on average over the last minute.
  public func perSecond(at now: Tick) -> Double {
    let second = Self.second(now)
    let count = slots.reduce(UInt64(0)) { sum, slot in
      let isRecent = slot.second <= second && second - slot.second < UInt64(Self.seconds)
      return isRecent ? sum + slot.count : sum
    }
    return Double(count) / Double(Self.seconds)
  }

  private static func second(_ tick: Tick) -> UInt64 { tick.nanoseconds / 1_000_000_000 }
}
