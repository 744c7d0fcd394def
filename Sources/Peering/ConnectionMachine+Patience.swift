import Primitives

extension ConnectionMachine {
  /// Resets streams of the other side that have not agreed on a protocol within `time`.
  package mutating func refuseUndecided(after time: Duration) {
    guard negotiatingCount > 0 else { return }
    let late = streams.compactMap { stream, use -> UInt32? in
      guard case .accepting(_, let since) = use, now.duration(since: since) >= time else {
        return nil
      }
      return stream
    }
    for stream in late.sorted() { reset(stream) }
  }
}
