public import Primitives

/// When a node is left alone, and how long.
public struct CircuitBreakerRule: Equatable, Sendable {
  /// So many failures in a row open the breaker.
  public var consecutiveFailuresMax = 5
  /// The outcomes that are looked back upon; half of them failed opens it too.
  public var windowCount = 20
  /// How long it stays open the first time: a restarted node is back in a few seconds.
  public var openFor = Duration.seconds(5)
  /// Each failed probe doubles that time up to this: a dead node costs one request in five minutes.
  public var openForMax = Duration.seconds(300)

  /// The usual rule.
  public init() {}
}

/// The circuit breaker of one node and one class of operations (Nygard, "Release It!", §5.2).
///
/// Closed, it lets everything through; open, nothing; when its time is over one request goes
/// through as a probe, whose outcome closes it or opens it for twice as long.
public struct CircuitBreaker: Equatable, Sendable {
  /// What it does with the next request.
  public enum State: Equatable, Sendable {
    case closed
    case open(until: Tick)
    /// A probe is on its way.
    case halfOpen
  }

  private let rule: CircuitBreakerRule
  /// The present state.
  public private(set) var state = State.closed
  private var consecutiveFailures = 0
  private var window: [Bool] = []
  private var openings = 0

  /// A closed breaker.
  public init(_ rule: CircuitBreakerRule = CircuitBreakerRule()) { self.rule = rule }

  /// Whether a request may be made, without making it.
  public func mayTry(at now: Tick) -> Bool {
    switch state {
    case .closed: true
    case .open(let until): now >= until
    case .halfOpen: false
    }
  }

  /// Asks to make a request. Once the time of an open breaker is over, the first to ask is the
  /// probe.
  public mutating func begin(at now: Tick) -> Bool {
    guard mayTry(at: now) else { return false }
    if case .open = state { state = .halfOpen }
    return true
  }

  /// A request went well.
  public mutating func succeeded() {
    consecutiveFailures = 0
    switch state {
    case .closed: note(failed: false)
    case .halfOpen:
      state = .closed
      openings = 0
      window = []
    case .open: break  // an answer to what was asked before it opened
    }
  }

  /// A request failed.
  public mutating func failed(at now: Tick) {
    switch state {
    case .closed:
      consecutiveFailures += 1
      note(failed: true)
      let failures = window.count { $0 }
      let isHalfBad = window.count == rule.windowCount && 2 * failures >= rule.windowCount
      if consecutiveFailures >= rule.consecutiveFailuresMax || isHalfBad { open(at: now) }
    case .halfOpen: open(at: now)
    case .open: break
    }
  }

  /// A request was given up by who asked: it says nothing about the node, and the next one is the
  /// probe.
  public mutating func abandoned(at now: Tick) {
    if case .halfOpen = state { state = .open(until: now) }
  }

  /// The node was seen to answer: an open breaker lets the next request through.
  public mutating func hasten(to now: Tick) {
    if case .open(let until) = state, until > now { state = .open(until: now) }
  }

  private mutating func note(failed: Bool) {
    window.append(failed)
    if window.count > rule.windowCount { window.removeFirst() }
  }

  private mutating func open(at now: Tick) {
    let doublings = min(openings, Self.doublingsMax)
    let time = min(rule.openFor * (1 << doublings), rule.openForMax)
    state = .open(until: now.advanced(by: time))
    openings += 1
    consecutiveFailures = 0
    window = []
  }

  /// Far more than lie between the shortest and the longest time.
  private static let doublingsMax = 16
}
