internal import Consensus
package import Cryptography
internal import FederatedLearning
internal import Ledger
internal import Networking
internal import Primitives

extension CoordinatorServer {
  /// Tells watchers what an event changed.
  func publishChange(of id: Digest, from before: SessionMachine) {
    guard broadcast.isHeard, let session = sessions[id] else { return }
    let after = session.machine
    broadcast.publish(ServerEvent(name: "session", session: id, data: summary(of: session)))
    let numbers = Set([before.round?.number, after.round?.number].compactMap { $0 })
    for number in numbers.sorted() {
      guard let round = session.round(number) else { continue }
      broadcast.publish(
        ServerEvent(name: "round", session: id, data: view(of: round, in: session)))
    }
    // A score comes after its round is settled.
    for (old, new) in zip(before.history, after.history) where old.score != new.score {
      broadcast.publish(
        ServerEvent(name: "round", session: id, data: view(of: new, in: session)))
    }
  }

  func publish(_ committed: CommittedBlock) {
    guard broadcast.isHeard else { return }
    broadcast.publish(
      ServerEvent(name: "block", session: nil, data: view(of: committed.block)))
  }

  func publishNode(_ peer: PeerID) {
    guard broadcast.isHeard else { return }
    broadcast.publish(ServerEvent(name: "node", session: nil, data: view(ofNode: peer)))
  }

  /// Opens a stream of events, of one session or of all.
  package func subscribe(to session: Digest?) -> UInt64? { broadcast.subscribe(to: session) }

  /// Ends a stream.
  package func unsubscribe(_ id: UInt64) { broadcast.unsubscribe(id) }

  /// The next events of a stream; nil at its end.
  package func nextEvents(_ id: UInt64) async -> [ServerEvent]? {
    await withTaskCancellationHandler {
      await withCheckedContinuation { broadcast.read(id, $0) }
    } onCancel: {
      loop.execute { self.assumeIsolated { $0.broadcast.unsubscribe(id) } }
    }
  }
}
