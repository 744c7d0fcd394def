import IPFSClient
import Primitives
import Testing

@Suite("Circuit breaker")
struct CircuitBreakerTests {
  static func at(_ seconds: Int) -> Tick { Tick.zero.advanced(by: .seconds(seconds)) }

  @Test("five failures in a row open it, four and a success do not")
  func consecutive() {
    var breaker = CircuitBreaker()
    for _ in 0..<4 { breaker.failed(at: .zero) }
    breaker.succeeded()
    for _ in 0..<4 { breaker.failed(at: .zero) }
    #expect(breaker.state == .closed)
    breaker.failed(at: .zero)
    #expect(breaker.state == .open(until: Self.at(5)))
    #expect(!breaker.mayTry(at: Self.at(4)))
  }

  @Test("half of the last twenty open it, and fewer outcomes than twenty say nothing")
  func window() {
    var breaker = CircuitBreaker()
    for index in 0..<19 {
      if index.isMultiple(of: 2) { breaker.failed(at: .zero) } else { breaker.succeeded() }
    }
    #expect(breaker.state == .closed)
    breaker.failed(at: .zero)
    #expect(breaker.state == .open(until: Self.at(5)))

    var better = CircuitBreaker()
    for index in 0..<60 {
      if index % 20 < 11 {
        better.succeeded()
      } else if index.isMultiple(of: 2) {
        better.failed(at: .zero)
      } else {
        better.succeeded()
      }
    }
    #expect(better.state == .closed)
  }

  @Test("one probe goes through when its time is over: it closes the breaker or doubles the time")
  func probe() {
    var breaker = CircuitBreaker()
    for _ in 0..<5 { breaker.failed(at: .zero) }
    let first = breaker.begin(at: Self.at(5))
    let second = breaker.begin(at: Self.at(5))
    #expect(first && !second)
    breaker.failed(at: Self.at(6))
    #expect(breaker.state == .open(until: Self.at(16)))
    let third = breaker.begin(at: Self.at(16))
    #expect(third && breaker.state == .halfOpen)
    breaker.succeeded()
    #expect(breaker.state == .closed)
    for _ in 0..<5 { breaker.failed(at: Self.at(20)) }
    #expect(breaker.state == .open(until: Self.at(25)))
  }

  @Test("its time grows to five minutes and not beyond")
  func longest() {
    var breaker = CircuitBreaker()
    for _ in 0..<5 { breaker.failed(at: .zero) }
    var (now, longest) = (Tick.zero, Duration.zero)
    for _ in 0..<40 {
      guard case .open(let until) = breaker.state else { break }
      longest = max(longest, until.duration(since: now))
      now = until
      _ = breaker.begin(at: now)
      breaker.failed(at: now)
    }
    #expect(longest == .seconds(300))
  }

  @Test("a probe that nobody waited for leaves the next request to be the probe")
  func abandoned() {
    var breaker = CircuitBreaker()
    for _ in 0..<5 { breaker.failed(at: .zero) }
    _ = breaker.begin(at: Self.at(5))
    breaker.abandoned(at: Self.at(6))
    let isProbe = breaker.begin(at: Self.at(6))
    #expect(isProbe && breaker.state == .halfOpen)
  }

  @Test("a node that was seen to answer is let through at once")
  func hasten() {
    var breaker = CircuitBreaker()
    for _ in 0..<5 { breaker.failed(at: .zero) }
    breaker.hasten(to: Self.at(1))
    #expect(breaker.mayTry(at: Self.at(1)))
  }
}
