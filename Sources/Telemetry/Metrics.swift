internal import Synchronization

/// Counts events; only grows.
public final class Counter: Sendable {
  private let count = Atomic<UInt64>(0)

  init() {}

  /// Adds to the count.
  public func increment(by amount: UInt64 = 1) {
    count.wrappingAdd(amount, ordering: .relaxed)
  }

  /// The present count.
  public var value: UInt64 { count.load(ordering: .relaxed) }
}

/// A value that goes up and down.
public final class Gauge: Sendable {
  private let bits = Atomic<UInt64>(0)

  init() {}

  /// Replaces the value.
  public func set(_ value: Double) {
    bits.store(value.bitPattern, ordering: .relaxed)
  }

  /// The present value.
  public var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }
}

/// Counts observations in fixed buckets, as Prometheus histograms do.
public final class Histogram: Sendable {
  /// Seconds, from a loop turn to a slow request; the defaults of the Prometheus clients.
  public static let secondsBounds = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
  ]

  /// What has been observed: one count a bound (not cumulative) and one above the last.
  struct Snapshot: Sendable {
    var counts: [UInt64]
    var sum = 0.0
  }

  let bounds: [Double]
  private let state: Lock<Snapshot>

  init(bounds: [Double]) {
    precondition(zip(bounds, bounds.dropFirst()).allSatisfy(<), "bounds must rise")
    self.bounds = bounds
    state = Lock(Snapshot(counts: Array(repeating: 0, count: bounds.count + 1)))
  }

  /// Counts one observation; a value equal to a bound belongs below it.
  public func observe(_ value: Double) {
    let index = bounds.firstIndex { value <= $0 } ?? bounds.count
    state.withLock {
      $0.counts[index] += 1
      $0.sum += value
    }
  }

  var snapshot: Snapshot { state.withLock { $0 } }
}
