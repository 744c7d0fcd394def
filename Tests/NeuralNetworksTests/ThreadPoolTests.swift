import CKernels
import Testing

/// What the parts of a run count up; each part and each thread has its own place.
private struct Tally {
  var parts, threads: UnsafeMutablePointer<Int32>

  static func count(_ context: UnsafeMutableRawPointer?, _ part: Int64, _ thread: Int64) {
    guard let tally = context?.load(as: Tally.self) else { return }
    tally.parts[Int(part)] += 1
    tally.threads[Int(thread)] += 1
  }
}

@Suite struct ThreadPoolTests {
  /// Does `runs` runs of `parts` parts; returns how often each part and each thread had its turn.
  private func tally(threads: Int, parts: Int, runs: Int) throws -> ([Int32], [Int32]) {
    let pool = try #require(mk_pool_create(Int64(threads)))
    defer { mk_pool_destroy(pool) }
    var done = [Int32](repeating: 0, count: parts + 1)
    var turns = [Int32](repeating: 0, count: threads)
    done.withUnsafeMutableBufferPointer { done in
      turns.withUnsafeMutableBufferPointer { turns in
        guard let parts = done.baseAddress, let threads = turns.baseAddress else { return }
        var tally = Tally(parts: parts, threads: threads)
        for _ in 0..<runs {
          mk_pool_run(pool, { Tally.count($0, $1, $2) }, &tally, Int64(done.count - 1))
        }
      }
    }
    return (done.dropLast(), turns)
  }

  @Test("every part of every run is done once", arguments: [1, 2, 3, 8])
  func once(threads: Int) throws {
    for parts in [0, 1, 2, 3, 7, 64] {
      let runs = 200
      let (done, turns) = try tally(threads: threads, parts: parts, runs: runs)
      #expect(done == [Int32](repeating: Int32(runs), count: parts))
      #expect(turns.reduce(0, +) == Int32(parts * runs))
    }
  }

  @Test("many short runs lose no part though the threads outnumber the processors")
  func manyRuns() throws {
    let (done, _) = try tally(threads: 16, parts: 16, runs: 3_000)
    #expect(done.allSatisfy { $0 == 3_000 })
  }

  @Test("a pool of no threads or of far too many is refused")
  func refused() {
    #expect(mk_pool_create(0) == nil)
    #expect(mk_pool_create(-1) == nil)
    #expect(mk_pool_create(257) == nil)
  }

  @Test("no pool counts as one thread and may be destroyed")
  func noPool() {
    #expect(mk_pool_threads(nil) == 1)
    mk_pool_destroy(nil)
  }

  @Test("a pool that never ran ends")
  func idle() throws {
    for threads in 1...5 {
      let pool = try #require(mk_pool_create(Int64(threads)))
      #expect(mk_pool_threads(pool) == Int64(threads))
      mk_pool_destroy(pool)
    }
  }
}
