import Ledger
import Primitives

extension FuzzedParser {
  static let ledger: [FuzzedParser] = [
    canonical("transaction", as: Transaction.self),
    canonical("block", as: Block.self),
    canonical("genesis", as: Genesis.self),
    canonical("account", as: Account.self),
    canonical("coinbase", as: Coinbase.self),
    canonical("mining-parameters", as: MiningParameters.self),
    canonical("mining-target", as: MiningTarget.self),
    canonical("mining-terms", as: MiningTerms.self),
    canonical("slash-evidence", as: SlashEvidence.self),
    canonical("state-proof", as: StateProof.self),
    FuzzedParser("genesis-json") { bytes in
      guard let json = try? JSONValue(parsing: bytes) else { return }
      _ = try? Genesis(json: json)
    },
  ]
}
