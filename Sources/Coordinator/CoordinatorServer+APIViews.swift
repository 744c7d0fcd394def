internal import Consensus
internal import Cryptography
internal import Ledger
internal import Networking
internal import Orchestration
package import Primitives

/// What only the REST interface shows.
extension CoordinatorServer {
  /// The jobs of all sessions, the newest first; a closed job has no escrow.
  package var jobViews: JSONValue {
    .array(sessionOrder.reversed().compactMap { sessions[$0].map(jobView) })
  }

  private func jobView(of session: HostedSession) -> JSONValue {
    let job = chain.state.jobs[session.ledger.job]
    return [
      "job": .string(session.creation.job.hex), "session_id": .string(session.id.hex),
      "name": .string(session.specification.name), "state": .string(session.stateName),
      "on_ledger": .bool(job != nil),
      "submitter": job.map { .string(Hex.encode($0.submitter.bytes)) } ?? .null,
      "escrow": job.map { .string($0.escrow.baseUnitsText) } ?? .null,
      "work_price": job.map { .string($0.terms.workPrice.baseUnitsText) } ?? .null,
      "check_price": job.map { .string($0.terms.checkPrice.baseUnitsText) } ?? .null,
      "rounds": JSONValue(session.specification.totalRounds),
      "settled_rounds": job.map { JSONValue($0.settledRounds) } ?? .null,
      "clients": JSONValue(session.specification.shards.count),
      "deadline_height": job.map { JSONValue($0.terms.deadline) } ?? .null,
    ]
  }

  /// The chain's beginning.
  package var genesisJSON: JSONValue { chain.state.genesis.json }

  /// Blocks from a height (the newest if nil) downwards.
  package func blockViews(downFrom height: UInt64?, limit: Int) async throws -> [JSONValue] {
    let newest = chain.state.chain.height
    var next = min(height ?? newest, newest)
    var views: [JSONValue] = []
    while next > 0, views.count < limit, let committed = try await storedBlock(next) {
      views.append(view(of: committed.block))
      next -= 1
    }
    return views
  }

  /// One block with its transactions; nil above the newest.
  package func blockView(at height: UInt64) async throws -> JSONValue? {
    guard let committed = try await storedBlock(height),
      case .object(let members) = view(of: committed.block)
    else { return nil }
    let transactions = committed.block.transactions.map { transaction -> JSONValue in
      [
        "id": .string(transaction.id.hex), "kind": .string(transaction.body.kind),
        "sender": .string(Hex.encode(transaction.sender.bytes)),
        "sender_label": view(ofAccount: transaction.sender)["label"] ?? .null,
        "nonce": JSONValue(transaction.nonce), "fee": .string(transaction.fee.baseUnitsText),
      ]
    }
    let header = committed.block.header
    return .object(
      members + [
        .init("state_root", .string(header.stateRoot.hex)),
        .init("transactions_root", .string(header.transactionsRoot.hex)),
        .init(
          "signers",
          .array(committed.certificate.precommits.map { .string("\($0.validator.peerID)") })),
        .init("transaction_list", .array(transactions)),
      ])
  }

  /// Whether the server works, and for whom. For callers on the loop: a probe costs no change of
  /// executors, and its answer is made again only when something in it has changed.
  nonisolated func healthAnswer(peerID: String) -> HTTPResponse {
    assumeIsolated { server in
      let health = Health(
        height: server.chain.state.chain.height, nodes: server.nodes.count,
        sessions: server.sessionOrder.count,
        uptimeSeconds: Int64(server.loop.now.duration(since: server.startedAt) / .seconds(1)))
      if let known = server.recentHealth, known.health == health { return known.answer }
      let answer = HTTPResponse.json(server.view(of: health, peerID: peerID))
      server.recentHealth = (health, answer)
      return answer
    }
  }

  private func view(of health: Health, peerID: String) -> JSONValue {
    [
      "status": "ok", "version": .string(APIVersion.text),
      "network": .string(chain.state.genesis.name), "height": JSONValue(health.height),
      "nodes": JSONValue(health.nodes), "sessions": JSONValue(health.sessions),
      "peer_id": .string(peerID), "uptime_seconds": JSONValue(health.uptimeSeconds),
    ]
  }
}

/// What the answer to a probe is made of.
struct Health: Equatable, Sendable {
  let height: BlockHeight
  let nodes: Int
  let sessions: Int
  let uptimeSeconds: Int64
}

/// The version that the server tells.
package enum APIVersion {
  /// Semantic: major.minor.patch.
  package static let text = "0.1.0"
}
