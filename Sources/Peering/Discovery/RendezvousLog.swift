import Cryptography

/// Registrations in the order in which they came. A registration that was renewed or ended leaves
/// its old line behind; lines are cleared away when most of them are such.
struct RendezvousLog: Sendable {
  /// Below this many lines clearing away saves nothing.
  private static let clearingMin = 64

  struct Line: Sendable {
    let number: UInt64
    let key: RendezvousKey
  }

  private(set) var lines: [Line] = []

  mutating func append(_ number: UInt64, _ key: RendezvousKey) {
    lines.append(Line(number: number, key: key))
  }

  /// The lines behind a number, the oldest first.
  func lines(after number: UInt64) -> ArraySlice<Line> {
    var (low, high) = (0, lines.count)
    while low < high {
      let middle = (low + high) / 2
      if lines[middle].number <= number { low = middle + 1 } else { high = middle }
    }
    return lines[low...]
  }

  /// Drops lines that do not stand, when they are more than `standing` of those that do.
  mutating func clear(standing: Int, _ stands: (Line) -> Bool) {
    guard lines.count >= Self.clearingMin, lines.count > 2 * standing else { return }
    lines.removeAll { !stands($0) }
  }
}

/// What a registration is found by.
struct RendezvousKey: Hashable, Sendable {
  let namespace: String
  let peer: PeerID
}
