import ContentStore
import Networking

/// The blocks of one session on their way from bitswap to the walk that wants them; lives on the
/// loop. How much waits is bounded by what the session asks for.
final class BlockInbox: Sendable {
  /// What came since one looked last.
  enum News: Sendable {
    case blocks([ContentBlock])
    /// Nobody at hand has the block.
    case unavailable(CID)
  }

  private let loop: EventLoop
  // Confined to the loop's thread, checked at each entry.
  private nonisolated(unsafe) var blocks: [ContentBlock] = []
  private nonisolated(unsafe) var missing: CID?
  private nonisolated(unsafe) var waiter: UnsafeContinuation<Void, Never>?

  init(loop: EventLoop) { self.loop = loop }

  func deliver(_ block: ContentBlock) {
    loop.preconditionCurrent()
    blocks.append(block)
    wake()
  }

  /// Whether a block came and was not taken yet.
  func holds(_ cid: CID) -> Bool {
    loop.preconditionCurrent()
    return blocks.contains { $0.cid == cid }
  }

  func fail(_ cid: CID) {
    loop.preconditionCurrent()
    missing = missing ?? cid
    wake()
  }

  /// Suspends until something came; throws when the task is cancelled.
  nonisolated(nonsending) func next() async throws -> News {
    loop.preconditionCurrent()
    while blocks.isEmpty, missing == nil {
      try Task.checkCancellation()
      await withTaskCancellationHandler {
        await withUnsafeContinuation { continuation in
          waiter = continuation
          if Task.isCancelled || !blocks.isEmpty || missing != nil { wake() }
        }
      } onCancel: {
        loop.execute { self.wake() }
      }
    }
    if let missing, blocks.isEmpty {
      self.missing = nil
      return .unavailable(missing)
    }
    defer { blocks = [] }
    return .blocks(blocks)
  }

  private func wake() {
    waiter?.resume()
    waiter = nil
  }
}
