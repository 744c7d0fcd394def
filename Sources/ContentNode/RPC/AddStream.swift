import ContentStore
import Persistence
import Primitives
import Telemetry

/// One `add` under way: takes parts as they arrive, hands their blocks to the store and tells what
/// became of them. Used by one task at a time.
///
/// A piece of the body and one unfinished chunk are in memory. A root is told of when it is durable
/// and pinned.
final class AddStream: KuboStream {
  private struct State {
    var tree: AddTree
    var session: ContentSession
    var roots: [CID] = []
    /// What was not sent yet.
    var lines = Bytes()
  }

  private let node: KuboNode
  private let settings: AddSettings
  private let reading: Lock<MultipartReading?>
  private let state: Lock<State>
  private let naming: @Sendable (CID) throws -> String

  init(_ call: KuboCall) throws {
    node = call.node
    let settings = try AddSettings(call)
    self.settings = settings
    reading = Lock(try MultipartReading(call))
    state = Lock(
      State(tree: AddTree(settings), session: Self.session(settings, in: call.node.store)))
    naming = { cid in try call.text(of: cid) }
  }

  private static func session(_ settings: AddSettings, in store: BlockStore) -> ContentSession {
    ContentSession(store: settings.isStored ? store : nil, isPinning: settings.isPinned)
  }

  /// The next lines; nil when everything was told.
  func next() async throws -> Bytes? {
    while var reading = reading.withLock({ $0.take() }) {
      let events = try await reading.next()
      if events != nil { self.reading.withLock { $0 = reading } }
      let lines = try await node.run { [self] store in
        try state.withLock { try take(events, &$0, store) }
      }
      if events == nil, settings.isStored { try await node.provide(state.withLock(\.roots)) }
      if !lines.isEmpty { return lines }
    }
    return nil
  }

  /// Works on one piece of the upload, or ends it.
  private func take(
    _ parts: [MultipartMachine.Event]?, _ state: inout State, _ store: BlockStore
  ) throws -> Bytes {
    var blocks: [ContentBlock] = []
    var events: [AddTree.Event] = []
    for part in parts ?? [] {
      switch part {
      case .part(let part): try state.tree.begin(part, into: &blocks, &events)
      case .bytes(let bytes): try state.tree.append(bytes, into: &blocks, &events)
      case .endOfPart: try state.tree.endPart(into: &blocks, &events)
      }
      try tell(&events, blocks: &blocks, &state, store)
    }
    if parts == nil {
      try state.tree.finish(into: &blocks, &events)
      try tell(&events, blocks: &blocks, &state, store)
    }
    defer { state.lines = [] }
    return state.lines
  }

  private func tell(
    _ events: inout [AddTree.Event], blocks: inout [ContentBlock], _ state: inout State,
    _ store: BlockStore
  ) throws {
    try state.session.store(blocks)
    blocks = []
    for event in events {
      switch event {
      case .progress(let name, let byteCount):
        // Go leaves a count of nothing out.
        let count: [JSONValue.Member] = byteCount == 0 ? [] : [.init("Bytes", JSONValue(byteCount))]
        state.lines += KuboJSON.line(.object([.init("Name", .string(name))] + count))
      case .root(let file):
        try state.session.finish(root: file.cid, pinName: settings.pinName)
        state.session = Self.session(settings, in: store)
        state.roots.append(file.cid)
      case .added(let name, let file):
        guard !settings.isSilent else { continue }
        state.lines += KuboJSON.line([
          "Name": .string(name), "Hash": .string(try naming(file.cid)),
          "Size": .string("\(file.tsize)"),
        ])
      }
    }
    events = []
  }
}
