import ContentStore
import Persistence
import Telemetry

/// The parts of a tree that several peers share.
final class ArchiveParts: Sendable {
  /// One part, and how far it has come.
  struct Part: Sendable {
    let request: ArchiveRequest
    let walk: FetchWalk
  }

  private struct State {
    var waiting: [ArraySlice<CID>]
    var broken: [Part] = []
  }

  private let state: Lock<State>

  /// Cuts subtrees into parts, neighbours together: some for each of the peers.
  init(_ roots: [CID], peers: Int) {
    let wanted = peers * ExchangeLimits.partsPerPartner
    let size = min(
      ArchiveRequestLimits.rootsMax, max(1, (roots.count + wanted - 1) / max(1, wanted)))
    let starts = stride(from: 0, to: roots.count, by: size)
    state = Lock(State(waiting: starts.map { roots[$0..<min($0 + size, roots.count)] }))
  }

  /// The next part that nobody fetches; one that broke off first.
  func take(
    _ store: BlockStore, _ session: ContentSession, _ progress: FetchProgress?
  ) -> Part? {
    state.withLock { state in
      if let part = state.broken.popLast() { return part }
      guard !state.waiting.isEmpty else { return nil }
      let request = ArchiveRequest(subtrees: Array(state.waiting.removeFirst()))
      guard let walk = try? request.walk() else { return nil }
      return Part(
        request: request,
        walk: FetchWalk(walk, in: store, session: session, progress: progress))
    }
  }

  /// A part that was not finished.
  func put(back part: Part) { state.withLock { $0.broken.append(part) } }
}
