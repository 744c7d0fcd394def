internal import Primitives

/// Names one timer of one loop.
package struct TimerToken: Hashable, Sendable {
  let sequence: UInt64
}

/// Deadlines in a binary min-heap; equal deadlines fire in the order of their insertion.
///
/// Cancelled timers stay in the heap until they surface, or until they are the majority.
struct TimerHeap {
  /// Below this many entries a rebuild saves nothing.
  private static let rebuildMin = 64

  private struct Entry: Comparable {
    let deadline: Tick
    let sequence: UInt64
    static func < (left: Entry, right: Entry) -> Bool {
      (left.deadline, left.sequence) < (right.deadline, right.sequence)
    }
  }

  private var heap: [Entry] = []
  private var actions: [UInt64: @Sendable () -> Void] = [:]
  private var sequence: UInt64 = 0

  var count: Int { actions.count }

  mutating func insert(
    at deadline: Tick, _ action: @escaping @Sendable () -> Void
  ) -> TimerToken {
    sequence += 1
    actions[sequence] = action
    heap.append(Entry(deadline: deadline, sequence: sequence))
    siftUp(from: heap.count - 1)
    return TimerToken(sequence: sequence)
  }

  mutating func remove(_ token: TimerToken) {
    guard actions.removeValue(forKey: token.sequence) != nil else { return }
    guard heap.count >= Self.rebuildMin, heap.count > 2 * actions.count else { return }
    heap = heap.filter { actions[$0.sequence] != nil }.sorted()  // a sorted array is a heap
  }

  /// The earliest deadline of a timer that was not cancelled.
  var nextDeadline: Tick? {
    mutating get {
      while let first = heap.first {
        if actions[first.sequence] != nil { return first.deadline }
        removeFirst()
      }
      return nil
    }
  }

  mutating func popDue(at now: Tick) -> (@Sendable () -> Void)? {
    guard let deadline = nextDeadline, deadline <= now else { return nil }
    let entry = removeFirst()
    return actions.removeValue(forKey: entry.sequence)
  }

  @discardableResult
  private mutating func removeFirst() -> Entry {
    heap.swapAt(0, heap.count - 1)
    let removed = heap.removeLast()
    siftDown(from: 0)
    return removed
  }

  private mutating func siftUp(from start: Int) {
    var child = start
    while child > 0 {
      let parent = (child - 1) / 2
      guard heap[child] < heap[parent] else { return }
      heap.swapAt(child, parent)
      child = parent
    }
  }

  private mutating func siftDown(from start: Int) {
    var parent = start
    while true {
      var smallest = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
        if heap[child] < heap[smallest] { smallest = child }
      }
      guard smallest != parent else { return }
      heap.swapAt(parent, smallest)
      parent = smallest
    }
  }
}
