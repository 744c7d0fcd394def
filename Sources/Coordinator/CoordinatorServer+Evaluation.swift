internal import Consensus
internal import Cryptography
internal import FederatedLearning
internal import Ledger
internal import Networking
internal import Orchestration
internal import Peering
internal import Primitives

/// Scores of models, by the evaluator that the job pays.
extension CoordinatorServer {
  func evaluate(_ model: Digest, round: Int, of id: Digest) async {
    guard let session = sessions[id], let evaluator = evaluator(of: session) else { return }
    guard underEvaluation.insert(model).inserted else { return }
    defer { underEvaluation.remove(model) }
    let request = EvaluationRequest(
      specification: session.creation.reference, model: model)
    guard
      let reply = try? await evaluator.connection.request(
        method: RPCMethod.evaluate, body: request.encoded()),
      let score = try? RoundScore(decoding: reply)
    else { return }
    apply(.evaluated(round: round, score), to: id)
  }

  /// Asks for the scores that are still missing, when an evaluator comes.
  func evaluateOutstanding() {
    for id in sessionOrder {
      for case .evaluate(let round, let model) in sessions[id]?.machine.pendingEffects() ?? [] {
        begin { await self.evaluate(model, round: round, of: id) }
      }
    }
  }

  /// Evaluators that are connected: those that the genesis document knows first, then the one that
  /// came first, so that a stranger cannot take the place of one that is there.
  var evaluators: [ConnectedNode] {
    let known = { (node: ConnectedNode) in
      node.peer.publicKey.map { self.chain.state.accounts[$0] != nil } ?? false
    }
    return nodes.values.filter { $0.hello.role == .evaluator }.sorted { left, right in
      if known(left) != known(right) { return known(left) }
      return (left.since, left.peer) < (right.since, right.peer)
    }
  }

  /// The evaluator that the job pays, if one is named; only a job without one takes any.
  private func evaluator(of session: HostedSession) -> ConnectedNode? {
    guard let order = try? Transaction(decoding: session.creation.order),
      case .submitJob(let terms) = order.body, let named = terms.evaluator
    else { return evaluators.first }
    let node = nodes[named.peerID]
    return node?.hello.role == .evaluator ? node : nil
  }
}
