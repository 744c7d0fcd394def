internal import ContentStore
internal import Primitives
internal import Telemetry

/// Files that were stored last, in memory: a round's updates are wanted by the validator and for
/// the mean as soon as they are durable. What falls out is read from the disk.
final class RecentContent: Sendable {
  /// Two rounds of ten clients with a model of 200,000 parameters.
  static let byteCountMax = 16 << 20

  private struct State: Sendable {
    var files: [CID: Bytes] = [:]
    var order: [CID] = []
    var byteCount = 0
  }

  private let state = Lock(State())

  /// Keeps a file; the oldest make room.
  func insert(_ bytes: Bytes, as cid: CID) {
    guard bytes.count <= Self.byteCountMax else { return }
    state.withLock { state in
      guard state.files.updateValue(bytes, forKey: cid) == nil else { return }
      state.order.append(cid)
      state.byteCount += bytes.count
      while state.byteCount > Self.byteCountMax {
        state.byteCount -= state.files.removeValue(forKey: state.order.removeFirst())?.count ?? 0
      }
    }
  }

  /// A file, if it is still kept.
  subscript(cid: CID) -> Bytes? { state.withLock { $0.files[cid] } }
}
