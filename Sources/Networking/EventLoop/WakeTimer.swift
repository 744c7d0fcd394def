package import Primitives

/// The one timer of a machine that says when it wants to be woken; used on the loop only.
package struct WakeTimer {
  private var pending: (token: TimerToken, at: Tick)?

  /// Rings at no time until it is told one.
  package init() {}

  /// Rings at `moment` and no earlier one; never where there is none.
  package mutating func set(
    at moment: Tick?, on loop: EventLoop, _ ring: @escaping @Sendable () -> Void
  ) {
    cancel(on: loop)
    guard let moment else { return }
    pending = (loop.schedule(at: moment, ring), moment)
  }

  /// Rings at `moment`, unless it rings before: for a machine that is asked again at each ring.
  package mutating func advance(
    to moment: Tick, on loop: EventLoop, _ ring: @escaping @Sendable () -> Void
  ) {
    if let pending, pending.at <= moment { return }
    set(at: moment, on: loop, ring)
  }

  /// It has rung: the next moment that it advances to may be any.
  package mutating func rang() { pending = nil }

  /// Rings no more.
  package mutating func cancel(on loop: EventLoop) {
    if let pending { loop.cancel(pending.token) }
    pending = nil
  }
}
