/// Limits of the queue of what is still to happen.
enum EventQueueLimits {
  /// Buckets of 1 ms: longer than any link and any heartbeat, so only long timers wait outside.
  static let bucketCount = 4_096
  /// Emptied buckets kept for reuse; more would hold the memory of the busiest second for ever.
  static let spareBucketsMax = 64
}

/// What is still to happen, in buckets of one virtual millisecond.
///
/// A calendar queue (Brown, "Calendar Queues", CACM 1988): scheduling and taking cost a constant,
/// and a bucket keeps the order in which events were scheduled, so events of one millisecond happen
/// first come, first served and a run never depends on anything but its seed.
package struct EventQueue<Payload: Sendable>: Sendable {
  /// An event too far ahead for a bucket.
  private struct Distant: Sendable {
    let time: Int
    let sequence: Int
    let payload: Payload

    func precedes(_ other: Distant) -> Bool {
      (time, sequence) < (other.time, other.sequence)
    }
  }

  /// The present, in milliseconds since the run's start.
  package private(set) var now = 0
  /// Events that were taken.
  package private(set) var takenCount = 0

  private var buckets: [[Payload]]
  private var spares: [[Payload]] = []
  /// The bucket of `now`, and how far it was taken.
  private var present: [Payload] = []
  private var presentIndex = 0
  private var inBuckets = 0
  /// A binary heap, the earliest first.
  private var distant: [Distant] = []
  private var sequence = 0

  /// An empty queue at time 0.
  package init() {
    buckets = Array(repeating: [], count: EventQueueLimits.bucketCount)
  }

  /// Events that wait.
  package var count: Int { present.count - presentIndex + inBuckets + distant.count }

  /// Plans `payload` for `time`, or for the present if that is past.
  package mutating func schedule(_ payload: Payload, at time: Int) {
    if time <= now {
      present.append(payload)
    } else if time - now < EventQueueLimits.bucketCount {
      place(payload, at: time)
    } else {
      sequence += 1
      push(Distant(time: time, sequence: sequence, payload: payload))
    }
  }

  /// Plans `payload` for `delay` milliseconds from now.
  package mutating func schedule(_ payload: Payload, after delay: Int) {
    schedule(payload, at: now + delay)
  }

  /// Takes the next event that happens no later than `end`; without one, time moves on to `end`.
  package mutating func next(until end: Int) -> Payload? {
    while presentIndex == present.count {
      guard now < end, count > 0 else {
        if now < end { advance(to: end) }
        guard presentIndex < present.count else { return nil }
        break
      }
      let target = inBuckets > 0 ? now + 1 : min(end, distant[0].time)
      advance(to: target)
    }
    let payload = present[presentIndex]
    presentIndex += 1
    takenCount += 1
    return payload
  }

  /// Moves the present to `time`, where everything before was taken.
  private mutating func advance(to time: Int) {
    present.removeAll(keepingCapacity: true)
    presentIndex = 0
    if present.capacity > 0, spares.count < EventQueueLimits.spareBucketsMax {
      spares.append(present)
    }
    now = time
    present = []
    let index = time & (EventQueueLimits.bucketCount - 1)
    swap(&present, &buckets[index])
    inBuckets -= present.count
    while let first = distant.first, first.time - now < EventQueueLimits.bucketCount {
      let event = popDistant()
      if event.time <= now {
        present.append(event.payload)
      } else {
        place(event.payload, at: event.time)
      }
    }
  }

  private mutating func place(_ payload: Payload, at time: Int) {
    let index = time & (EventQueueLimits.bucketCount - 1)
    if buckets[index].capacity == 0, let spare = spares.popLast() { buckets[index] = spare }
    buckets[index].append(payload)
    inBuckets += 1
  }

  private mutating func push(_ event: Distant) {
    distant.append(event)
    var child = distant.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard distant[child].precedes(distant[parent]) else { return }
      distant.swapAt(child, parent)
      child = parent
    }
  }

  private mutating func popDistant() -> Distant {
    distant.swapAt(0, distant.count - 1)
    let first = distant.removeLast()
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2]
      where child < distant.count && distant[child].precedes(distant[least]) {
        least = child
      }
      guard least != parent else { return first }
      distant.swapAt(parent, least)
      parent = least
    }
  }
}
