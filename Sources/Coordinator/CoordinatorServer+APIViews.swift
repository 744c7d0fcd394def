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

  /// The same as `healthView`, for callers on the loop already: a probe costs no change of
  /// executors.
  nonisolated func healthOnLoop(peerID: String) -> JSONValue {
    assumeIsolated { $0.healthView(peerID: peerID) }
  }

  /// Whether the server works, and for whom.
  func healthView(peerID: String) -> JSONValue {
    [
      "status": "ok", "version": .string(APIVersion.text),
      "network": .string(chain.state.genesis.name), "height": JSONValue(chain.state.chain.height),
      "nodes": JSONValue(nodes.count), "sessions": JSONValue(sessionOrder.count),
      "peer_id": .string(peerID),
      "uptime_seconds": JSONValue(Int64(loop.now.duration(since: startedAt) / .seconds(1))),
    ]
  }
}

/// The version that the server tells.
package enum APIVersion {
  /// Semantic: major.minor.patch.
  package static let text = "0.1.0"
}
