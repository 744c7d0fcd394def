internal import Glibc

/// The time of day, for headers and records that people read; nothing is decided by it.
package enum WallClock {
  /// Milliseconds since 1970.
  @Sendable package static func milliseconds() -> UInt64 {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return UInt64(now.tv_sec) * 1_000 + UInt64(now.tv_nsec) / 1_000_000
  }
}
