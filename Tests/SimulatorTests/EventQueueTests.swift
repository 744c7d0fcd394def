import Primitives
import Testing

@testable import Simulator

@Suite("Event queue")
struct EventQueueTests {
  @Test("events come in the order of time, and of one time in the order of planning")
  func order() {
    var random = SplitMix64(seed: 1)
    var queue = EventQueue<Int>()
    var planned: [(time: Int, number: Int)] = []
    for number in 0..<5_000 {
      let time = random.below(20_000)
      planned.append((time, number))
      queue.schedule(number, at: time)
    }
    let expected = planned.sorted { ($0.time, $0.number) < ($1.time, $1.number) }.map(\.number)
    var taken: [Int] = []
    while let number = queue.next(until: .max) { taken.append(number) }
    #expect(taken == expected)
    #expect(queue.count == 0)
  }

  @Test("an event planned while others happen keeps its place")
  func nested() {
    var queue = EventQueue<Int>()
    queue.schedule(1, at: 10)
    queue.schedule(2, at: 10)
    var taken: [Int] = []
    while let number = queue.next(until: 100_000) {
      taken.append(number)
      if number == 1 {
        queue.schedule(3, after: 0)
        queue.schedule(4, after: 50_000)
        queue.schedule(5, after: 1)
      }
    }
    #expect(taken == [1, 2, 3, 5, 4])
    #expect(queue.now == 100_000)
  }

  @Test("nothing later than the end is taken, and time stands at the end")
  func end() {
    var queue = EventQueue<Int>()
    queue.schedule(1, at: 5_000)
    #expect(queue.next(until: 4_999) == nil)
    #expect(queue.now == 4_999)
    #expect(queue.next(until: 5_000) == 1)
    queue.schedule(2, at: 5)
    #expect(queue.next(until: 5_000) == 2)
  }

  @Test("far events come before nearer planned ones of the same time")
  func farFirst() {
    var queue = EventQueue<Int>()
    queue.schedule(1, at: 9_000)
    queue.schedule(0, at: 6_000)
    var taken: [Int] = []
    while let number = queue.next(until: .max) {
      taken.append(number)
      if number == 0 { queue.schedule(2, at: 9_000) }
    }
    #expect(taken == [0, 1, 2])
  }
}
