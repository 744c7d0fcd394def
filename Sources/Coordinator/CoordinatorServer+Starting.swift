internal import Consensus
internal import Cryptography
internal import FederatedLearning
internal import Ledger
internal import Networking
internal import Orchestration
internal import Peering
internal import Primitives

/// When sessions begin, and with whom.
extension CoordinatorServer {
  /// Starts a session once its escrow is on the ledger and lets the workers in.
  func startIfEscrowed(_ id: Digest) {
    guard let session = sessions[id], session.isStartRequested,
      chain.state.jobs[session.ledger.job] != nil
    else { return }
    if case .created = session.machine.phase { apply(.started(now: loop.now), to: id) }
    refreshWorkers()
  }

  /// Workers that are connected and have stake are in every session, others in none.
  func refreshWorkers() {
    let minimum = chain.state.genesis.parameters.minimumStake
    let ready = nodes.filter { peer, node in
      guard node.hello.role == .worker, let key = peer.publicKey else { return false }
      return chain.state.account(key).stake >= minimum
    }.keys.sorted()
    for id in sessionOrder {
      guard let session = sessions[id], session.isStartRequested, !session.machine.isOver else {
        continue
      }
      let present = session.machine.workers
      for worker in present where !ready.contains(worker) {
        apply(.workerLeft(worker, now: loop.now), to: id)
      }
      for worker in ready where !present.contains(worker) {
        apply(.workerJoined(worker, now: loop.now), to: id)
      }
    }
  }
}
