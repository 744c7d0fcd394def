package import Primitives

/// Keeps bytes that go one way below a rate: who spent more than there was waits until it is paid.
///
/// A token bucket (RFC 2697, without colours) whose balance may become negative, so that a socket
/// is read and written in the pieces in which it comes.
package struct TrafficPacer: Sendable {
  /// What may be saved up while nothing moves: longer, and a person sees the rate exceeded; less,
  /// and short pauses of others are lost.
  private static let burst: Duration = .milliseconds(100)
  /// One read of a socket may always begin.
  private static let balanceMin = 1.0

  private let bytesPerSecond: Double
  private let balanceMax: Double
  private var balance: Double
  private var time: Tick

  /// A pacer that lets `rate` through and has saved up what it can.
  package init(rate: BitRate, now: Tick) {
    bytesPerSecond = max(1, Double(rate.bitsPerSecond) / 8)
    balanceMax = max(Self.balanceMin, bytesPerSecond * (Self.burst / .seconds(1)))
    balance = balanceMax
    time = now
  }

  /// Counts bytes that went through.
  package mutating func spend(_ bytes: Int, now: Tick) {
    balance = current(now) - Double(bytes)
    time = now
  }

  /// How long to wait before the next bytes; nil when they may go.
  package func pause(now: Tick) -> Duration? {
    let missing = Self.balanceMin - current(now)
    guard missing > 0 else { return nil }
    return .seconds(missing / bytesPerSecond)
  }

  private func current(_ now: Tick) -> Double {
    min(balanceMax, balance + now.duration(since: time) / .seconds(1) * bytesPerSecond)
  }
}
