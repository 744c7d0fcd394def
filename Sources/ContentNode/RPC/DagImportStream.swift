import ContentStore
import Persistence
import Primitives
import Telemetry

/// Stores the blocks of the archives of an upload and pins their roots.
///
/// One unfinished section is in memory; blocks are safe from collections until the pins stand.
final class DagImportStream: KuboStream {
  private struct State {
    var reader = CARReader(byteCountMax: KuboLimits.archiveByteCountMax)
    let session: ContentSession
    var roots: [CID] = []
    var blockCount = 0
    var byteCount: UInt64 = 0

    init(store: BlockStore) { session = ContentSession(store: store, isPinning: false) }
  }

  private let call: KuboCall
  private let uploads: Lock<MultipartReading?>
  private let state: Lock<State>
  private let pinsRoots: Bool
  private let showsStatistics: Bool
  private let isSilent: Bool

  init(_ call: KuboCall) throws {
    self.call = call
    pinsRoots = try call.flag("pin-roots", default: true)
    showsStatistics = try call.flag("stats")
    isSilent = try call.flag("silent")
    state = Lock(State(store: call.node.store))
    uploads = Lock(try MultipartReading(call))
  }

  func next() async throws -> Bytes? {
    guard var uploads = uploads.withLock({ $0.take() }) else { return nil }
    let state = state
    while true {
      switch try await uploads.nextPiece() {
      case .bytes(let bytes):
        try await call.node.run { _ in try state.withLock { try Self.take(bytes, &$0) } }
      case .endOfPart:
        try state.withLock { state in
          try state.reader.finish()
          state.reader = CARReader(byteCountMax: KuboLimits.archiveByteCountMax)
        }
      case .endOfUpload: return try await finish()
      }
    }
  }

  private static func take(_ bytes: Bytes, _ state: inout State) throws {
    var events: [CARReader.Event] = []
    try state.reader.append(bytes, into: &events)
    var blocks: [ContentBlock] = []
    for event in events {
      switch event {
      case .header(let header): state.roots += header.roots
      case .block(let block): blocks.append(block)
      }
    }
    state.blockCount += blocks.count
    state.byteCount += blocks.reduce(0) { $0 + UInt64($1.bytes.count) }
    try state.session.store(blocks)
  }

  /// Waits until all is durable, then pins; a root that is not whole is told with the reason.
  private func finish() async throws -> Bytes {
    let state = state
    let (roots, blockCount, byteCount) = try await call.node.run { _ in
      try state.withLock { state in
        try state.session.finish()
        return (state.roots, state.blockCount, state.byteCount)
      }
    }
    var lines = Bytes()
    if pinsRoots {
      for root in roots { lines += try await pin(root) }
      try await call.node.provide(roots)
    }
    if showsStatistics {
      let counts: JSONValue = [
        "BlockCount": JSONValue(blockCount), "BlockBytesCount": JSONValue(byteCount),
      ]
      lines += KuboJSON.line(["Stats": counts])
    }
    return lines
  }

  private func pin(_ root: CID) async throws -> Bytes {
    var fault = ""
    do { try await call.node.store.pin(root) } catch let error as ContentError {
      fault = KuboError.message(error)
    }
    guard !isSilent || !fault.isEmpty else { return [] }
    let object: JSONValue = ["Cid": try call.link(root), "PinErrorMsg": .string(fault)]
    return KuboJSON.line(["Root": object])
  }
}
