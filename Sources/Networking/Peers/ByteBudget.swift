/// Memory for large things that are in hand at the same time; who needs more than is left waits
/// in line. What is larger than the whole budget gets it alone.
///
/// Confined to the loop. A waiter whose task is cancelled still takes its turn, and gives it back.
package final class ByteBudget: Sendable {
  private let loop: EventLoop
  private let bytesMax: Int
  // Confined to the loop's thread, checked at each entry.
  private nonisolated(unsafe) var used = 0
  private nonisolated(unsafe) var line: [(bytes: Int, turn: UnsafeContinuation<Void, Never>)] = []

  /// A budget of `bytesMax` bytes, none of them taken.
  package init(loop: EventLoop, bytesMax: Int) {
    self.loop = loop
    self.bytesMax = bytesMax
  }

  /// Who waits.
  package var waiting: Int {
    loop.preconditionCurrent()
    return line.count
  }

  /// Takes `bytes`, after those who came before. The caller gives them back.
  package nonisolated(nonsending) func take(_ bytes: Int) async {
    loop.preconditionCurrent()
    if line.isEmpty, fits(bytes) {
      used += bytes
      return
    }
    await withUnsafeContinuation { line.append((bytes, $0)) }
  }

  /// Gives back what was taken.
  package func give(_ bytes: Int) {
    loop.preconditionCurrent()
    precondition(bytes <= used)
    used -= bytes
    while let next = line.first, fits(next.bytes) {
      line.removeFirst()
      used += next.bytes
      next.turn.resume()
    }
  }

  private func fits(_ bytes: Int) -> Bool { used == 0 || bytes <= bytesMax - min(used, bytesMax) }
}
