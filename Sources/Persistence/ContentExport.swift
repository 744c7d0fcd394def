public import ContentStore
import Glibc
package import Primitives
public import Telemetry

/// Writes files out of a store: to a temporary file first, renamed when every block was checked.
public struct ContentExport: Sendable {
  private let store: BlockStore
  private let limits: UnixFSWalkLimits
  private let meter: WorkMeter?

  /// Reads from `store`; `meter` counts the bytes that are written.
  public init(
    store: BlockStore, limits: UnixFSWalkLimits = UnixFSWalkLimits(), meter: WorkMeter? = nil
  ) {
    self.store = store
    self.limits = limits
    self.meter = meter
  }

  /// Writes the file `cid` to `path` and returns its size; blocks the calling thread.
  ///
  /// Throws `ContentError` for a CID that is not a file or not stored, `BlockStoreError` for a
  /// failure of the disk; `path` is then as it was before.
  public func writeBlocking(_ cid: CID, to path: String) throws -> UInt64 {
    let file = try ReplacedFile(path: path)
    let size = try writeBlocking(cid, to: file.descriptor, path: file.temporaryPath)
    try file.keep()
    return size
  }

  /// Writes the file `cid`, or some bytes of it, to an open descriptor; blocks the calling thread.
  public func writeBlocking(
    _ cid: CID, to descriptor: Int32, path: String = "standard output", bytes: EntityBytes = .all
  ) throws -> UInt64 {
    var reader = UnixFSReader(root: cid, source: store, limits: limits, bytes: bytes)
    var written: UInt64 = 0
    do {
      while let bytes = try reader.next() {
        try Self.write(bytes, to: descriptor, path)
        written += UInt64(bytes.count)
        meter?.advance(by: UInt64(bytes.count))
      }
    } catch ContentError.digestMismatch(let damaged) {
      if let digest = damaged.digest { store.noteDamage(digest) }
      throw ContentError.digestMismatch(damaged)
    }
    return written
  }

  /// Writes all bytes, through interruptions and short writes.
  package static func write(
    _ bytes: Bytes, to descriptor: Int32, _ path: String
  ) throws(BlockStoreError) {
    let failure: Int32 = bytes.withUnsafeBytes { buffer in
      var offset = 0
      while offset < buffer.count {
        let count = Glibc.write(descriptor, buffer.baseAddress! + offset, buffer.count - offset)
        if count < 0, errno == EINTR { continue }
        if count < 0 { return errno }
        offset += count
      }
      return 0
    }
    guard failure == 0 else { throw .failed("writing", path, failure) }
  }
}
