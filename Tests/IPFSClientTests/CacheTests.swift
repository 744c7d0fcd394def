import Primitives
import Telemetry
import Testing

@testable import IPFSClient

@Suite("Cache of blocks")
struct CacheTests {
  static func read(_ cache: inout SegmentedCache<Int, Int>, _ key: Int) -> Bool {
    let hash = UInt64(key) &* 0x9E37_79B9_7F4A_7C15
    if cache.value(for: key, hash: hash) != nil { return true }
    cache.insert(key, for: key, hash: hash, cost: 1)
    return false
  }

  @Test("it never holds more than its budget, and holds what fits")
  func budget() {
    var cache = SegmentedCache<Int, Int>(costMax: 1_000)
    var random = SplitMix64(seed: 1)
    for _ in 0..<20_000 {
      let key = Int.random(in: 0..<500, using: &random)
      let cost = 1 + key % 100
      if cache.value(for: key, hash: UInt64(key)) == nil {
        cache.insert(key, for: key, hash: UInt64(key), cost: cost)
      }
      #expect(cache.cost <= 1_000)
    }
    #expect(cache.cost > 800)
    let isTooLarge = cache.insert(9_999, for: 9_999, hash: 9_999, cost: 126)
    #expect(!isTooLarge)
  }

  @Test("a scan of what is read once does not displace what is read often")
  func scan() {
    var cache = SegmentedCache<Int, Int>(costMax: 100)
    for _ in 0..<3 { for key in 0..<50 { _ = Self.read(&cache, key) } }
    for key in 1_000..<3_000 { _ = Self.read(&cache, key) }
    let kept = (0..<50).count { Self.read(&cache, $0) }
    #expect(kept == 50)
  }

  @Test("what is read often now displaces what was read often before")
  func change() {
    var cache = SegmentedCache<Int, Int>(costMax: 100)
    for _ in 0..<5 { for key in 0..<100 { _ = Self.read(&cache, key) } }
    for _ in 0..<12 { for key in 500..<550 { _ = Self.read(&cache, key) } }
    let kept = (500..<550).count { Self.read(&cache, $0) }
    #expect(kept == 50)
  }

  @Test("skewed reads are hit more often than by recency alone")
  func skewed() {
    var (cache, recent) = (SegmentedCache<Int, Int>(costMax: 100), [Int]())
    var random = SplitMix64(seed: 7)
    var (hits, recentHits) = (0, 0)
    for _ in 0..<40_000 {
      // A few keys are wanted often, most nearly never.
      let share = Double.random(in: 0..<1, using: &random)
      let key = Int(5_000 * share * share * share)
      if Self.read(&cache, key) { hits += 1 }
      if let place = recent.firstIndex(of: key) {
        recentHits += 1
        recent.remove(at: place)
      } else if recent.count == 100 {
        recent.removeFirst()
      }
      recent.append(key)
    }
    #expect(hits > recentHits)
  }

  @Test("facts end with their time, and the oldest go first")
  func facts() {
    var table = ExpiringTable<Int>(countMax: 3)
    func at(_ seconds: Int) -> Tick { Tick.zero.advanced(by: .seconds(seconds)) }
    for number in 0..<4 { table.set(number, for: "\(number)", until: at(10)) }
    #expect(table.value(for: "0", at: .zero) == nil)
    #expect(table.value(for: "3", at: at(9)) == 3)
    #expect(table.value(for: "3", at: at(10)) == nil)
    for number in 0..<10_000 { table.set(number, for: "same", until: at(10)) }
    #expect(table.count <= 3 && table.value(for: "same", at: .zero) == 9_999)
  }
}

@Suite("Work for several at once")
struct SingleflightTests {
  @Test("all who ask at the same time get one run's result")
  func shared() async throws {
    let flight = Singleflight<Int, Int>()
    let runs = Lock(0)
    let results = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<50 {
        group.addTask {
          try await flight.run(1) {
            runs.withLock { $0 += 1 }
            try await Task.sleep(for: .milliseconds(50))
            return 7
          }
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(results == Array(repeating: 7, count: 50))
    #expect(runs.withLock { $0 } < 50)
  }

  @Test("when the one who works is cancelled, another does the work")
  func handedOn() async throws {
    let flight = Singleflight<Int, Int>()
    let isWorking = Lock(false)
    let first = Task {
      try await flight.run(1) {
        isWorking.withLock { $0 = true }
        try await Task.sleep(for: .seconds(1_000))
        return 1
      }
    }
    while !isWorking.withLock({ $0 }) { await Task.yield() }
    let second = Task { try await flight.run(1) { 2 } }
    await Task.yield()
    first.cancel()
    #expect(try await second.value == 2)
    await #expect(throws: CancellationError.self) { try await first.value }
  }

  @Test("a line that is full refuses, and one who leaves it gives up the place")
  func line() async throws {
    let gate = OperationGate(runningMax: 1, waitingMax: 1)
    let isHeld = Lock(false)
    let holder = Task {
      try await gate.run {
        isHeld.withLock { $0 = true }
        try await Task.sleep(for: .seconds(1_000))
      }
    }
    while !isHeld.withLock({ $0 }) { await Task.yield() }
    let waiter = Task { try await gate.run { true } }
    var refusal: IPFSClientError?
    while refusal == nil {
      // Until the waiter stands in line, this one does, and leaves again.
      let late = Task { try await gate.run {} }
      late.cancel()
      do { try await late.value } catch { refusal = error as? IPFSClientError }
      await Task.yield()
    }
    #expect(refusal == .busy(waiting: 1))
    holder.cancel()
    #expect(try await waiter.value)
  }
}
