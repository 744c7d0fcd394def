public import ContentStore
import Glibc
import Primitives
public import Telemetry

/// Adds files to a store, or only names them.
///
/// One thread reads, several hash, the store's writer writes. The root is returned only when the
/// whole file is durable and its root pinned, unless that is not wanted. A failed add leaves at
/// most blocks that a collection forgets.
public struct ContentAdder: Sendable {
  let store: BlockStore?
  let layout: UnixFSLayout
  let isPinning: Bool
  let pinName: String
  private(set) var meter: WorkMeter?

  /// Adds to `store`, or only computes CIDs where it is nil.
  ///
  /// - Parameters:
  ///   - isPinning: whether each root is pinned recursively; without a pin the next collection
  ///     forgets what was added.
  ///   - pinName: the name of the pin.
  public init(
    store: BlockStore?, layout: UnixFSLayout = UnixFSProfile.v1In2025.layout,
    isPinning: Bool = true, pinName: String = ""
  ) {
    self.store = store
    self.layout = layout
    self.isPinning = isPinning
    self.pinName = pinName
  }

  /// The same, with the bytes of files that are read counted on `meter`.
  public func counting(on meter: WorkMeter?) -> ContentAdder {
    var adder = self
    adder.meter = meter
    return adder
  }

  /// Adds the regular file at `path`; blocks the calling thread.
  public func addBlocking(path: String) throws(BlockStoreError) -> UnixFSFile {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .failed("opening", path, errno) }
    defer { close(descriptor) }
    return try addBlocking(descriptor: descriptor, path: path)
  }

  /// Adds what can be read from `descriptor` up to its end; blocks the calling thread.
  public func addBlocking(
    descriptor: Int32, path: String = "standard input"
  ) throws(BlockStoreError) -> UnixFSFile {
    let session = ContentSession(store: store, isPinning: isPinning)
    let workers = ContentWorkers()
    defer { workers.close() }
    let file = try FileAddition(layout: layout, session: session).add(
      ContentSource(
        descriptor: descriptor, path: path, chunkByteCount: layout.chunkByteCount, meter: meter),
      on: workers)
    try session.finish(root: file.cid, pinName: pinName)
    return file
  }

  /// Adds the regular file at `path` on threads of its own.
  public func add(path: String) async throws(BlockStoreError) -> UnixFSFile {
    let result = await withCheckedContinuation {
      (continuation: CheckedContinuation<Result<UnixFSFile, BlockStoreError>, Never>) in
      NamedThread("content-add") {
        do throws(BlockStoreError) {
          continuation.resume(returning: .success(try addBlocking(path: path)))
        } catch { continuation.resume(returning: .failure(error)) }
      }.detach()
    }
    return try result.get()
  }
}
