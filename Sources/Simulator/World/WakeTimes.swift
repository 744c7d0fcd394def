/// The one alarm of each machine: an earlier one replaces a later one.
package struct WakeTimes: Sendable {
  private static let none = Int.max
  private var times: ContiguousArray<Int>

  /// No alarm for any of `count` machines.
  package init(count: Int) { times = ContiguousArray(repeating: Self.none, count: count) }

  /// Adds a machine.
  package mutating func add() { times.append(Self.none) }

  /// Sets an alarm; returns whether an event must be planned for it.
  package mutating func set(_ node: Int, at time: Int) -> Bool {
    guard time < times[node] else { return false }
    times[node] = time
    return true
  }

  /// An event for an alarm came up; returns whether it is still the one that counts.
  package mutating func ring(_ node: Int, at time: Int) -> Bool {
    guard times[node] == time else { return false }
    times[node] = Self.none
    return true
  }
}
