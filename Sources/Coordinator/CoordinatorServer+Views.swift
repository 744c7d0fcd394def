internal import Consensus
internal import ContentStore
package import Cryptography
internal import FederatedLearning
internal import Ledger
internal import Networking
internal import NeuralNetworks
internal import Orchestration
package import Primitives
internal import UsefulWork

/// What REST and the dashboard show. Money is a string of base units.
extension CoordinatorServer {
  /// All sessions, the newest first.
  package var sessionSummaries: JSONValue {
    .array(sessionOrder.reversed().compactMap { sessions[$0].map(summary) })
  }

  /// One session; nil if it is unknown.
  package func sessionView(_ id: Digest) -> JSONValue? { sessions[id].map(summary) }

  /// The rounds of one session.
  package func roundViews(_ id: Digest) -> JSONValue? {
    guard let session = sessions[id] else { return nil }
    let rounds = session.machine.history + [session.machine.round].compactMap { $0 }
    return .array(rounds.map { view(of: $0, in: session) })
  }

  func summary(of session: HostedSession) -> JSONValue {
    let specification = session.specification
    let machine = session.machine
    let score = machine.history.last { $0.score != nil }?.score
    let rate = Double(specification.auditPartsPerMillion) / Double(SamplePlan.fullAudit)
    return [
      "session_id": .string(session.id.hex), "name": .string(specification.name),
      "state": .string(session.stateName),
      "round": JSONValue(machine.round?.number ?? machine.history.count),
      "total_rounds": JSONValue(specification.totalRounds),
      "waiting_for": session.waitingFor.map { .string($0) } ?? .null,
      "accuracy": score.map { .number(Double($0.accuracy)) } ?? .null,
      "loss": score.map { .number(Double($0.loss)) } ?? .null,
      "model_cid": session.models[machine.model].map { .string("\($0)") } ?? .null,
      "model_hash": .string(machine.model.hex),
      "specification_cid": .string("\(session.creation.reference.cid)"),
      "job": .string(session.creation.job.hex),
      "audit_rate": .number(rate),
      "miss_probability": .number(missProbability(of: session)),
      "validator_wrong": .bool(session.isValidatorWrong),
      "beacon": .string(beaconName),
      "clients": JSONValue(specification.shards.count),
      "min_participants": JSONValue(specification.minParticipants),
      "workers": JSONValue(machine.workers.count),
      "learning_rate": .number(Double(specification.settings.learningRate)),
      "batch_size": JSONValue(specification.settings.batchSize),
      "local_epochs": JSONValue(specification.settings.epochs),
      "seed": JSONValue(specification.seed),
      "created_at_ms": JSONValue(session.creation.createdAtMilliseconds),
    ]
  }

  /// The chance that a false update of which one segment in ten is false passes, (1 − φ)^s.
  private func missProbability(of session: HostedSession) -> Double {
    let specification = session.specification
    if specification.auditPartsPerMillion == SamplePlan.fullAudit { return 0 }
    let plan = SamplePlan(
      beacon: .zero, workRoot: .zero, total: session.segments.first ?? 0,
      rate: specification.auditPartsPerMillion)
    return plan.missProbability(falseFraction: Self.shownFalseFraction)
  }

  /// The φ for which `miss_probability` is shown: one segment in ten is false.
  static let shownFalseFraction = 0.1

  var beaconName: String {
    chain.state.genesis.validators.count == 1 ? "trusted validator" : "several validators"
  }

  func view(of round: Round, in session: HostedSession) -> JSONValue {
    let seconds = round.settledAt.map { $0.duration(since: round.startedAt) / .seconds(1) }
    let rejected = round.rejected.map { refused in
      updateView(
        refused.assignment, status: "rejected", reason: refused.reason, in: session)
    }
    return [
      "session_id": .string(session.id.hex), "round": JSONValue(round.number),
      "state": .string(round.settledAt == nil ? "running" : "settled"),
      "accuracy": round.score.map { .number(Double($0.accuracy)) } ?? .null,
      "loss": round.score.map { .number(Double($0.loss)) } ?? .null,
      "diverged": .bool(
        round.score.map {
          DivergenceWatch.isDiverged(loss: $0.loss, session.specification.architecture)
        } ?? false),
      "seconds": seconds.map { .number($0) } ?? .null,
      "aggregate_hash": round.aggregate.map { .string($0.hex) } ?? .null,
      "aggregate_cid": round.aggregate.flatMap { session.models[$0] }
        .map { .string("\($0)") } ?? .null,
      "updates": .array(rejected + round.clients.indices.map { clientView($0, round, session) }),
    ]
  }

  private func clientView(_ client: Int, _ round: Round, _ session: HostedSession) -> JSONValue {
    switch round.clients[client] {
    case .unassigned:
      ["client": JSONValue(client), "worker": .null, "status": "pending", "reason": .null]
    case .training(let assignment, _):
      updateView(assignment, status: "pending", reason: nil, in: session)
    case .checking(let update):
      updateView(update.assignment, status: "pending", reason: "checking", in: session)
    case .accepted(let update):
      updateView(update.assignment, status: "accepted", reason: nil, in: session)
    }
  }

  private func updateView(
    _ assignment: Assignment, status: String, reason: String?, in session: HostedSession
  ) -> JSONValue {
    let stored = session.submissions[assignment]
    return [
      "client": JSONValue(assignment.client), "attempt": JSONValue(assignment.attempt),
      "worker": .string("\(assignment.worker)"),
      "worker_label": .string(formerNodes[assignment.worker]?.label ?? ""),
      "status": .string(status), "reason": reason.map { .string($0) } ?? .null,
      "replayed_segments": session.replayed[assignment].map { JSONValue($0) } ?? .null,
      "segments": JSONValue(session.segments[assignment.client]),
      "update_cid": stored.map { .string("\($0.parameters)") } ?? .null,
      "dispute": session.disputes[assignment].map(disputeView) ?? .null,
    ]
  }

  // MARK: Nodes and ledger

  /// Every node that is or was connected, by label.
  package var nodeViews: JSONValue {
    .array(
      formerNodes.sorted { ($0.value.label, $0.key) < ($1.value.label, $1.key) }
        .map { view(ofNode: $0.key) })
  }

  func view(ofNode peer: PeerID) -> JSONValue {
    let hello = formerNodes[peer]
    let account = peer.publicKey.map { chain.state.account($0) }
    let isSlashed = (account?.rejected ?? 0) > 0
    let hosting = sessions.values.flatMap { session in
      (session.machine.round?.clients ?? []).compactMap { phase -> Int? in
        switch phase {
        case .training(let assignment, _) where assignment.worker == peer: assignment.client
        case .checking(let update), .accepted(let update):
          update.assignment.worker == peer ? update.assignment.client : nil
        case .unassigned, .training: nil
        }
      }
    }
    let state = isSlashed ? "slashed" : nodes[peer] == nil ? "disconnected" : "connected"
    return [
      "peer_id": .string("\(peer)"), "role": .string(hello?.role.rawValue ?? "unknown"),
      "label": .string(hello?.label ?? ""), "state": .string(state),
      "account": .string(peer.publicKey.map { Hex.encode($0.bytes) } ?? ""),
      "balance": .string((account?.balance ?? .zero).baseUnitsText),
      "stake": .string((account?.stake ?? .zero).baseUnitsText),
      "hosting": .array(hosting.sorted().map { JSONValue($0) }),
      "connected_ms": nodes[peer].map {
        JSONValue(Int64(loop.now.duration(since: $0.since) / .milliseconds(1)))
      } ?? .null,
      "last_seen_ms": JSONValue(
        nodes[peer] == nil ? lostAt[peer] ?? 0 : WallClock.milliseconds()),
    ]
  }

  /// Height, supply and who validates.
  package var ledgerStatus: JSONValue {
    let state = chain.state
    return [
      "chain_id": .string(state.chainID.hex), "height": JSONValue(state.chain.height),
      "head": .string(state.chain.headHash.hex), "state_root": .string(state.stateRoot.hex),
      "beacon": .string(beaconName),
      "beacon_links_left": JSONValue(state.beaconLinksLeft),
      "supply": .string(state.supply.baseUnitsText),
      "supply_counted": .string((try? state.countedSupply())?.baseUnitsText ?? "overflow"),
      "blocks_mined": JSONValue(state.chain.mining?.blocks ?? 0),
      "minted": .string((state.chain.mining?.minted ?? .zero).baseUnitsText),
      "mining_target": state.chain.mining.map {
        .string(Hex.encode($0.difficulty.target.bytes))
      } ?? .null,
      "symbol": .string(state.genesis.symbol), "decimals": JSONValue(Amount.decimals),
      "validators": .array(
        state.genesis.validators.map {
          [
            "key": .string(Hex.encode($0.key.bytes)), "peer_id": .string("\($0.key.peerID)"),
            "power": JSONValue($0.power),
          ]
        }),
      "pending_transactions": JSONValue(pending.waiting.count),
    ]
  }

  /// Every account that holds something.
  package var accountViews: JSONValue {
    // Accounts with a name before those that are only a key.
    .array(
      chain.state.accounts.keys.map { (label(of: $0), $0) }
        .sorted { ($0.0.isEmpty ? 1 : 0, $0.0, $0.1) < ($1.0.isEmpty ? 1 : 0, $1.0, $1.1) }
        .map { view(ofAccount: $0.1) })
  }

  /// One account; unknown keys hold nothing.
  package func view(ofAccount key: PublicKey) -> JSONValue {
    let account = chain.state.account(key)
    let verdicts = account.accepted + account.rejected
    return [
      "account": .string(Hex.encode(key.bytes)), "peer_id": .string("\(key.peerID)"),
      "label": .string(label(of: key)), "balance": .string(account.balance.baseUnitsText),
      "stake": .string(account.stake.baseUnitsText), "nonce": JSONValue(account.nonce),
      "next_nonce": JSONValue(pending.nextNonce(of: key, in: chain.state)),
      "mined": .string(account.mined.baseUnitsText),
      "accepted": JSONValue(account.accepted), "rejected": JSONValue(account.rejected),
      // The mean of a Beta(1 + accepted, 1 + rejected) posterior.
      "reputation": .number(Double(account.accepted + 1) / Double(verdicts + 2)),
    ]
  }

  private func label(of key: PublicKey) -> String {
    if key == client.publicKey { return "client" }
    if key == identity.publicKey { return "coordinator" }
    if key == Genesis.treasury { return "treasury" }
    return formerNodes[key.peerID]?.label ?? ""
  }

  func view(of block: Block) -> JSONValue {
    let header = block.header
    return [
      "height": JSONValue(header.height), "hash": .string(header.hash.hex),
      "previous": .string(header.previousHash.hex), "time_ms": JSONValue(header.timeMilliseconds),
      "proposer": .string("\(header.proposer.peerID)"),
      "beacon_link": header.beaconLink.map { .string($0.hex) } ?? .null,
      "miner": header.coinbase.map { .string("\($0.work.worker.peerID)") } ?? .null,
      "transactions": JSONValue(block.transactions.count),
      "kinds": .array(block.transactions.map { .string($0.body.kind) }),
    ]
  }
}
