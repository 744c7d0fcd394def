import Consensus
import Primitives

extension FuzzedParser {
  static let consensus: [FuzzedParser] = [
    canonical("committed-block", as: CommittedBlock.self),
    canonical("precommit", as: Precommit.self),
    canonical("sign-guard", as: SignGuard.self),
    FuzzedParser("receipt-json") { bytes in
      guard let json = try? JSONValue(parsing: bytes) else { return }
      _ = try? Receipt(json: json)
    },
  ]
}
