import Cryptography
import Ledger
import MartletClient
import Primitives

/// The demonstration's result: every figure comes from an answer of the coordinator.
struct DemoReport {
  let json: JSONValue
  private let session: JSONValue
  private let paid: [Change]
  private let slashed: [Change]
  private let workerBytesMax: Int
  private let seconds: Double
  /// How many nodes found their coordinator, by how.
  private let ways: [(way: String, nodes: Int)]

  private struct Change {
    let label: String
    let peer: String
    let amount: Amount
    var json: JSONValue {
      ["worker": .string(peer), "label": .string(label), "amount": .string(amount.baseUnitsText)]
    }
  }

  init(
    session: JSONValue, client: NetworkClient, network: DemoNetwork, seconds: Double,
    firstRoundSeconds: Double?
  ) async throws {
    self.session = session
    self.seconds = seconds
    ways = network.waysFound()
    let id = session["session_id"]?.text ?? ""
    let updates = try await client.rounds(id).flatMap { round in
      (round["updates"]?.elements ?? []).map { (round["round"] ?? .null, $0) }
    }
    let ledger = try await client.ledgerStatus()
    let accounts = try await client.accounts()
    paid = Self.changes(accounts, "balance", network, { try $1.subtracting($0) }, { $0.balance })
    slashed = Self.changes(accounts, "stake", network, { try $0.subtracting($1) }, { $0.stake })
    let workers = network.children.filter { $0.name.hasPrefix("worker") }
    workerBytesMax = workers.compactMap(\.residentBytes).max() ?? 0
    let rejected = Self.rejected(updates)
    let replayed = updates.compactMap { $0.1["replayed_segments"]?.integer }.reduce(0, +)
    json = [
      "accuracy": session["accuracy"] ?? .null, "loss": session["loss"] ?? .null,
      "rounds": session["round"] ?? .null, "state": session["state"] ?? .null,
      "model_cid": session["model_cid"] ?? .null, "model_hash": session["model_hash"] ?? .null,
      "chain_height": ledger["height"] ?? .null, "supply": ledger["supply"] ?? .null,
      "supply_counted": ledger["supply_counted"] ?? .null,
      "blocks_mined": ledger["blocks_mined"] ?? .null, "minted": ledger["minted"] ?? .null,
      "paid": .array(paid.map(\.json)), "slashed": .array(slashed.map(\.json)),
      "replayed_segments": JSONValue(replayed), "rejected_updates": .array(rejected),
      "validator_wrong": session["validator_wrong"] ?? .null,
      "bootstraps": JSONValue(DemoNetwork.bootstrapCount),
      "found_by": .object(ways.map { .init($0.way, JSONValue($0.nodes)) }),
      "audit_rate": session["audit_rate"] ?? .null,
      "miss_probability": session["miss_probability"] ?? .null,
      "worker_resident_bytes_max": JSONValue(workerBytesMax),
      "first_round_seconds": firstRoundSeconds.map { .number(($0 * 1_000).rounded() / 1_000) }
        ?? .null,
      "seconds": .number((seconds * 1_000).rounded() / 1_000),
    ]
  }

  /// What became of each rejected update; `updates` are those of all rounds, each with its round.
  private static func rejected(_ updates: [(JSONValue, JSONValue)]) -> [JSONValue] {
    updates.filter { $0.1["status"]?.text == "rejected" }.map { round, update in
      .object([
        .init("round", round), .init("client", update["client"] ?? .null),
        .init("worker", update["worker"] ?? .null), .init("reason", update["reason"] ?? .null),
        .init("dispute", update["dispute"] ?? .null),
      ])
    }
  }

  /// What workers have more or less than at the beginning.
  private static func changes(
    _ accounts: [JSONValue], _ field: String, _ network: DemoNetwork,
    _ difference: (Amount, Amount) throws -> Amount, _ before: (GenesisAccount) -> Amount
  ) -> [Change] {
    accounts.compactMap { view in
      guard let label = view["label"]?.text, label.hasPrefix("worker"),
        let held = view[field]?.text.flatMap({ try? Amount(baseUnitsText: $0) }),
        let mined = view["mined"]?.text.flatMap({ try? Amount(baseUnitsText: $0) }),
        // What was minted for a win is no payment.
        let now = field == "balance" ? try? held.subtracting(mined) : held,
        let start = network.genesis?.accounts.first(where: {
          Hex.encode($0.id.bytes) == view["account"]?.text
        }), let amount = try? difference(before(start), now), amount > .zero
      else { return nil }
      return Change(label: label, peer: view["peer_id"]?.text ?? "", amount: amount)
    }.sorted { $0.label < $1.label }
  }

  private var rejections: String {
    let count = json["rejected_updates"]?.elements?.count ?? 0
    return count == 1 ? "1 update rejected" : "\(count) updates rejected"
  }

  private var found: String {
    ways.isEmpty ? "nobody" : ways.map { "\($0.way) (\($0.nodes))" }.joined(separator: ", ")
  }

  /// The lines for a person.
  var text: String {
    func list(_ changes: [Change]) -> String {
      changes.isEmpty
        ? "nobody" : changes.map { "\($0.label) \($0.amount)" }.joined(separator: ", ")
    }
    let accuracy = session["accuracy"]?.double ?? 0
    let supplyIsKept = json["supply"] == json["supply_counted"]
    return """

      found       the coordinator, by \(found) through \(DemoNetwork.bootstrapCount) bootstraps
      accuracy    \(SessionText.decimal(accuracy)) after \(SessionText.text(json, "rounds")) rounds
      model       \(SessionText.text(json, "model_cid"))
      model hash  \(SessionText.text(json, "model_hash"))
      checked     \(SessionText.text(json, "replayed_segments")) segments replayed bit for bit, \
      \(rejections)
      paid        \(list(paid))
      slashed     \(list(slashed))
      mined       \(SessionText.text(json, "blocks_mined")) blocks by segments that won
      chain       height \(SessionText.text(json, "chain_height")), \
      supply \(supplyIsKept ? "conserved" : "NOT CONSERVED")
      time        \(SessionText.decimal(seconds)) s, at most \(workerBytesMax >> 20) MiB a worker
      """
  }
}
