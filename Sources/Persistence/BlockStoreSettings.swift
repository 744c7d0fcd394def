/// Limits of a block store.
public enum BlockStoreLimits {
  /// Requests that wait for the writer or for the reader.
  public static let requestsMax = 4_096
  /// Payload that waits for the writer: enough to keep a disk busy, little beside its memory.
  public static let waitingByteCountMax = 32 << 20
  /// Written but not yet synced payload of requests that nobody awaits yet; bounds the work a
  /// crash undoes and the memory of the pending index entries.
  public static let unsyncedByteCountMax: UInt64 = 256 << 20
  /// Blocks whose index entries wait for the same reason: some ten megabytes of memory.
  public static let pendingBlocksMax = 65_536
  /// Bytes after which the kernel is asked to start writing back.
  public static let writeBackByteCount: UInt64 = 4 << 20
  /// Written but not yet synced bytes after which space is reserved ahead: below it is not worth
  /// the calls.
  public static let unreservedByteCountMax: UInt64 = 8 << 20
  /// Space reserved at a time behind the end of a segment; given back with each sync.
  public static let reservedByteCount: UInt64 = 32 << 20
  /// Segment files kept open for reading.
  public static let openSegmentsMax = 256
  /// Damaged blocks remembered, so that the next put of the same bytes mends them.
  public static let damagedMax = 4_096
  /// Blocks forgotten in one transaction of a collection: some milliseconds that an add may wait.
  public static let collectedPerStepMax = 1_024
  /// Bytes that a compaction copies between two commits, for the same reason.
  public static let movedPerStepByteCountMax = 1 << 20
  /// Blocks looked at in one read of the index; longer ones would keep old pages from use.
  public static let blocksPerReadMax = 1_024
}

/// How a block store is laid out on disk.
public struct BlockStoreSettings: Sendable {
  /// The size at which the next segment begins. A quarter gibibyte is written in a second and
  /// compacted in a few, and a terabyte needs only 4,096 files.
  public var segmentByteCountMax: UInt64 = 256 << 20
  /// Whether files are compressed at rest where that saves a twentieth or more.
  public var isCompressing = true
  /// Where this process answers, told to whoever finds the store locked.
  public var address: String?
  var mapLimits = BlockIndex.MapLimits()

  /// The settings of every product store.
  public init(address: String? = nil) { self.address = address }
}

/// What a block store holds.
public struct BlockStoreStatus: Equatable, Sendable {
  /// Blocks that can be read.
  public let blockCount: Int
  /// Blocks that the next collection may forget.
  public let unreferencedCount: Int
  /// Pins.
  public let pinCount: Int
  /// Segment files.
  public let segmentCount: Int
  /// The bytes of all segment files.
  public let segmentByteCount: UInt64
  /// The bytes of the records that hold blocks; the rest is freed by compaction.
  public let liveByteCount: UInt64
  /// The bytes of the index in use.
  public let indexByteCount: UInt64
}
