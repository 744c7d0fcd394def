internal import Primitives

/// Small facts that hold for a while: which CIDs no node had a moment ago, how large a file is.
/// A machine: time is handed in.
struct ExpiringTable<Value: Sendable>: Sendable {
  private struct Entry: Sendable {
    let value: Value
    let until: Tick
    let number: UInt64
  }

  private let countMax: Int
  private var entries: [String: Entry] = [:]
  /// Keys in the order of their insertion; outdated ones are skipped.
  private var order: [(key: String, number: UInt64)] = []
  private var head = 0
  private var next: UInt64 = 0

  /// An empty table; the oldest facts go when there are more than `countMax`.
  init(countMax: Int) { self.countMax = countMax }

  var count: Int { entries.count }

  /// What is known of a key, unless its time is over.
  mutating func value(for key: String, at now: Tick) -> Value? {
    guard let entry = entries[key] else { return nil }
    guard now < entry.until else {
      entries[key] = nil
      return nil
    }
    return entry.value
  }

  /// Notes a fact that holds until `until`.
  mutating func set(_ value: Value, for key: String, until: Tick) {
    entries[key] = Entry(value: value, until: until, number: next)
    order.append((key, next))
    next += 1
    while entries.count > countMax || order.count - head > 2 * countMax { forgetOldest() }
    guard head > countMax else { return }
    order.removeFirst(head)
    head = 0
  }

  /// Forgets a fact.
  mutating func remove(_ key: String) { entries[key] = nil }

  private mutating func forgetOldest() {
    let (key, number) = order[head]
    head += 1
    if entries[key]?.number == number { entries[key] = nil }
  }
}
