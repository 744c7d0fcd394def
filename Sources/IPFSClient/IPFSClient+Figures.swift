public import Primitives
internal import Telemetry

/// How busy a client is, in figures for people.
public struct IPFSClientFigures: Equatable, Sendable {
  /// Uploads, downloads, single blocks and pins that ended, a second over the last minute.
  public let operationsPerSecond: Double
  /// Blocks that the cache had.
  public let cacheHits: UInt64
  /// Blocks that it did not have.
  public let cacheMisses: UInt64
  /// Bytes that it holds.
  public let cacheBytes: Int
  /// Bytes that it may hold.
  public let cacheBytesMax: Int
  /// Pins that wait for a node.
  public let pinsQueued: Int

  /// The share of blocks that the cache had, from 0 to 1; 0 before the first.
  public var cacheHitRate: Double {
    cacheHits + cacheMisses == 0 ? 0 : Double(cacheHits) / Double(cacheHits + cacheMisses)
  }
}

/// What an owner of a client does at its embedded node by itself, piece by piece.
public enum OwnTransfer: Sendable {
  case upload
  case download
}

extension IPFSClient {
  /// How busy the client is now.
  public func figures() -> IPFSClientFigures {
    let now = clock.now()
    return IPFSClientFigures(
      operationsPerSecond: recent.withLock { $0.perSecond(at: now) },
      cacheHits: metrics.cacheHits.value, cacheMisses: metrics.cacheMisses.value,
      cacheBytes: cache.byteCount, cacheBytesMax: configuration.cacheSize.bytes,
      pinsQueued: pins.withLock { $0.entries.count })
  }

  /// The time of the client's clock, for `noteTransfer`.
  public var now: Tick { clock.now() }

  /// Counts and times a file that the owner streamed through the client's blocks or to its embedded
  /// node; `size` is nil where that failed.
  public func noteTransfer(_ transfer: OwnTransfer, since started: Tick, size: UInt64?) {
    note(
      transfer == .upload ? .upload : .download, since: started, succeeded: size != nil,
      size: size)
  }

  /// Counts and times an operation; returns its seconds.
  @discardableResult
  func note(
    _ operation: IPFSClientMetrics.Operation, since started: Tick, succeeded: Bool, size: UInt64?
  ) -> Double {
    let now = clock.now()
    let seconds = now.duration(since: started) / .seconds(1)
    metrics.note(operation, succeeded: succeeded, seconds: seconds, size: size)
    recent.withLock { $0.note(at: now) }
    return seconds
  }
}
