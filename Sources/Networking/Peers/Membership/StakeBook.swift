package import Cryptography
package import Primitives
internal import Telemetry

/// Stakes as they are after the newest block of the chain that a process follows. Whoever follows
/// the chain writes it, after each block; it is read on the loop, and never waits for a disk.
package final class StakeBook: Sendable {
  private let stakes = Lock<[PublicKey: Amount]>([:])

  /// A book that knows nobody yet.
  package init() {}

  /// Takes the stakes of all accounts that have one.
  package func replace(with stakes: [PublicKey: Amount]) {
    self.stakes.withLock { $0 = stakes }
  }

  /// The stake of a peer: that of the account whose key it is.
  package func stake(of peer: PeerID) -> Amount {
    guard let key = peer.publicKey else { return .zero }
    return stakes.withLock { $0[key] } ?? .zero
  }
}
