internal import Consensus
internal import Cryptography
internal import FederatedLearning
internal import Ledger
internal import Networking
internal import Orchestration
internal import Primitives

/// What a coordinator does again when a session has not moved for a while: answers get lost,
/// validators and evaluators come back, and orders can be pushed aside by others with the same
/// nonce.
extension CoordinatorServer {
  /// Asks for blocks that were missed, sends what waits, and takes up what these sessions stand at.
  func retake(_ ids: [Digest]) async {
    for validator in validators { await synchronise(with: validator.connection) }
    guard !validators.isEmpty else { return }
    for id in ids { retake(id) }
  }

  private func retake(_ id: Digest) {
    guard let session = sessions[id], session.refusal == nil else { return }
    if case .created = session.machine.phase { return retakeOrder(of: session) }
    for effect in session.machine.pendingEffects() {
      switch effect {
      case .check(let update): retakeCheck(of: update, in: session)
      case .settle, .evaluate: perform(effect, of: id)
      case .finish: retakeClosing(of: session)
      case .assign, .cancel, .aggregate: continue
      }
    }
    if case .cancelled = session.machine.phase { retakeClosing(of: session) }
  }

  /// An escrow that neither waits nor is on the ledger lost its nonce to another order of the
  /// client; the job's name does not depend on the nonce.
  private func retakeOrder(of session: HostedSession) {
    guard chain.state.jobs[session.ledger.job] == nil,
      let order = try? Transaction(decoding: session.creation.order),
      order.nonce < chain.state.account(order.sender).nonce
    else { return }
    submit(order.body, signedBy: client)
  }

  private func retakeCheck(of update: Update, in session: HostedSession) {
    let assignment = update.assignment
    guard let stored = session.submissions[assignment],
      let commitment = try? Transaction(decoding: stored.commitment),
      !pending.contains(commitment.id)
    else { return }
    let slot = chain.state.slots[session.ledger.slot(of: assignment)]
    if slot?.index(attempt: UInt32(assignment.attempt), worker: commitment.sender) != nil {
      return  // The validator is at it.
    }
    if commitment.nonce >= chain.state.account(commitment.sender).nonce {
      forward(commitment)
    } else {
      apply(
        .workFailed(
          assignment, reason: "another transaction took the commitment's place", now: loop.now),
        to: session.id)
    }
  }

  private func retakeClosing(of session: HostedSession) {
    if chain.state.jobs[session.ledger.job] != nil { closeJob(of: session.id) }
  }
}
