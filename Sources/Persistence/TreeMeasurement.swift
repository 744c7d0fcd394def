import Glibc
import Primitives
public import Telemetry

/// Sums up what an add will read, before or while it does.
public struct TreeMeasurement {
  private let includesHidden: Bool

  /// Counts what `ContentTreeAdder` would add.
  public init(includesHidden: Bool = false) { self.includesHidden = includesHidden }

  /// Tells `meter` how many bytes the file or the tree at `path` has, and nothing where that
  /// cannot be said, as of a pipe. A tree is walked on a thread of its own: the add need not wait.
  public func expect(_ path: String, on meter: WorkMeter) {
    var status = stat()
    guard stat(path, &status) == 0 else { return }
    switch status.st_mode & S_IFMT {
    case S_IFREG: meter.expect(UInt64(max(0, status.st_size)))
    case S_IFDIR:
      let includesHidden = includesHidden
      NamedThread("content-measure") {
        let measurement = Self(includesHidden: includesHidden)
        // What cannot be looked at fails the add itself.
        guard let (byteCount, entryCount) = try? measurement.countBlocking(path) else { return }
        meter.expect(byteCount)
        meter.expect(entries: entryCount)
      }.detach()
    default: return
    }
  }

  /// The bytes of all files of the tree at `path`, and its entries; blocks the calling thread.
  public func countBlocking(
    _ path: String
  ) throws(BlockStoreError) -> (byteCount: UInt64, entryCount: UInt64) {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .failed("opening", path, errno) }
    var counts: (byteCount: UInt64, entryCount: UInt64) = (0, 0)
    try count(OpenDirectory(descriptor, path: path), depth: 1, &counts)
    return counts
  }

  private func count(
    _ directory: OpenDirectory, depth: Int,
    _ counts: inout (byteCount: UInt64, entryCount: UInt64)
  ) throws(BlockStoreError) {
    guard depth <= ContentTreeLimits.depthMax else {
      throw .treeTooLarge(path: directory.path, limit: ContentTreeLimits.depthMax)
    }
    for name in try directory.names(hidden: includesHidden) {
      let status = try directory.status(of: name)
      counts.entryCount += 1
      switch status.st_mode & S_IFMT {
      case S_IFREG: counts.byteCount += UInt64(max(0, status.st_size))
      case S_IFDIR:
        let path = directory.path(of: name)
        let inside = try directory.open(name, O_RDONLY | O_DIRECTORY, path: path)
        try count(OpenDirectory(inside, path: path), depth: depth + 1, &counts)
      default: continue
      }
    }
  }
}
