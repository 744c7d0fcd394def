/// A cache of a byte budget: a segmented LRU (Karedla, Love and Wherry, IEEE Computer 1994) that a
/// newcomer enters only when it is asked for more often than what it would displace (TinyLFU).
///
/// A machine without lock or clock. New values are on probation; one that is asked for again is
/// protected, up to four fifths of the budget.
struct SegmentedCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private enum Segment: Int { case probation, protected }

  private struct Slot: Sendable {
    let key: Key
    let hash: UInt64
    let value: Value
    let cost: Int
    var segment = Segment.probation
    var newer = -1
    var older = -1
  }

  private struct List: Sendable {
    var newest = -1
    var oldest = -1
    var cost = 0
  }

  private let costMax: Int
  /// Protected values leave a fifth of the budget to newcomers.
  private var protectedCostMax: Int { costMax / 5 * 4 }

  private var places: [Key: Int] = [:]
  private var slots: [Slot?] = []
  private var free: [Int] = []
  private var lists = [List(), List()]
  private var sketch = FrequencySketch()

  /// An empty cache of at most `costMax` bytes.
  init(costMax: Int) { self.costMax = costMax }

  /// The values at hand.
  var count: Int { places.count }
  /// Their bytes.
  var cost: Int { lists[0].cost + lists[1].cost }

  /// The value of a key, which counts as asked for; `hash` must be the same for the same key.
  mutating func value(for key: Key, hash: UInt64) -> Value? {
    sketch.note(hash)
    guard let place = places[key], let slot = slots[place] else { return nil }
    unlink(place)
    link(place, .protected)
    while lists[Segment.protected.rawValue].cost > protectedCostMax,
      lists[Segment.protected.rawValue].oldest != place
    {
      let demoted = lists[Segment.protected.rawValue].oldest
      unlink(demoted)
      link(demoted, .probation)
    }
    return slot.value
  }

  /// Offers a value, which was asked for just before. False when it is not worth what would have to
  /// go, or takes more than an eighth of the budget.
  @discardableResult
  mutating func insert(_ value: Value, for key: Key, hash: UInt64, cost: Int) -> Bool {
    guard places[key] == nil else { return true }
    guard cost <= costMax / 8 else { return false }
    guard let victims = victims(toFree: self.cost + cost - costMax, against: hash) else {
      return false
    }
    for victim in victims { remove(victim) }
    let slot = Slot(key: key, hash: hash, value: value, cost: cost)
    let place = free.popLast() ?? slots.count
    if place == slots.count { slots.append(slot) } else { slots[place] = slot }
    places[key] = place
    link(place, .probation)
    return true
  }

  /// The oldest values that make room, probation first; nil when one of them is asked for as often.
  private func victims(toFree needed: Int, against hash: UInt64) -> [Int]? {
    var (missing, victims): (Int, [Int]) = (needed, [])
    let frequency = sketch.count(hash)
    for list in lists {
      var place = list.oldest
      while missing > 0, place >= 0, let slot = slots[place] {
        guard sketch.count(slot.hash) < frequency else { return nil }
        victims.append(place)
        missing -= slot.cost
        place = slot.newer
      }
    }
    return missing > 0 ? nil : victims
  }

  private mutating func remove(_ place: Int) {
    guard let slot = slots[place] else { return }
    unlink(place)
    places[slot.key] = nil
    slots[place] = nil
    free.append(place)
  }

  private mutating func link(_ place: Int, _ segment: Segment) {
    let newest = lists[segment.rawValue].newest
    slots[place]?.segment = segment
    slots[place]?.older = newest
    slots[place]?.newer = -1
    if newest >= 0 { slots[newest]?.newer = place } else { lists[segment.rawValue].oldest = place }
    lists[segment.rawValue].newest = place
    lists[segment.rawValue].cost += slots[place]?.cost ?? 0
  }

  private mutating func unlink(_ place: Int) {
    guard let slot = slots[place] else { return }
    let list = slot.segment.rawValue
    if slot.newer >= 0 {
      slots[slot.newer]?.older = slot.older
    } else {
      lists[list].newest = slot.older
    }
    if slot.older >= 0 {
      slots[slot.older]?.newer = slot.newer
    } else {
      lists[list].oldest = slot.newer
    }
    lists[list].cost -= slot.cost
  }
}
