internal import Primitives
internal import Telemetry

/// Where a file's bytes go, in their order.
protocol ContentOutput: Sendable {
  /// Bytes that an earlier, interrupted download left behind, from `offset` on; not verified.
  func earlierBytes(at offset: UInt64, count: Int) throws -> Bytes?
  /// Everything before `offset` was found good, everything behind it goes.
  func keep(to offset: UInt64) throws
  /// Takes the next bytes of the file, which were verified.
  func write(_ bytes: Bytes) throws
}

/// A file in memory.
final class MemoryOutput: ContentOutput {
  private let held = Lock(Bytes())

  func earlierBytes(at offset: UInt64, count: Int) -> Bytes? { nil }
  func keep(to offset: UInt64) {}
  func write(_ bytes: Bytes) { held.withLock { $0 += bytes } }

  var content: Bytes { held.withLock { $0 } }
}
