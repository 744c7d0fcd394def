import Synchronization

/// How far long work is: counted by whoever does it, on any thread, and read by whoever shows it.
/// Counting costs one addition in memory.
public final class WorkMeter: Sendable {
  private let doneCount = Atomic<UInt64>(0)
  private let totalCount = Atomic<UInt64>(0)
  private let entryCount = Atomic<UInt64>(0)
  private let entryTotal = Atomic<UInt64>(0)

  /// Nothing is done, and how much there is to do is not known.
  public init() {}

  /// What is done.
  public var done: UInt64 { doneCount.load(ordering: .relaxed) }

  /// What there is to do; nil where that is not known.
  public var total: UInt64? {
    let total = totalCount.load(ordering: .relaxed)
    return total == 0 ? nil : total
  }

  /// Entries that are done and that there are: what many small files cost is not their bytes.
  public var entries: (done: UInt64, total: UInt64) {
    (entryCount.load(ordering: .relaxed), entryTotal.load(ordering: .relaxed))
  }

  /// One more entry is done.
  public func finishEntry() { entryCount.wrappingAdd(1, ordering: .relaxed) }

  /// So many entries there are.
  public func expect(entries: UInt64) { entryTotal.store(entries, ordering: .relaxed) }

  /// So much more is done.
  public func advance(by count: UInt64) { doneCount.wrappingAdd(count, ordering: .relaxed) }

  /// So much is done in all; less than before counts as before.
  public func reach(_ done: UInt64) { doneCount.max(done, ordering: .relaxed) }

  /// So much there is to do; zero where that is not known.
  public func expect(_ total: UInt64) { totalCount.store(total, ordering: .relaxed) }
}
