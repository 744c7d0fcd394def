import Cryptography
import Ledger
import Primitives
import Testing

@Suite("Money under random orders about content")
struct ContentConservationTests {
  private static let names = ["a", "b", "c", "d", "e"]

  private func order(
    _ chain: TestChain, using random: inout SplitMix64
  ) -> TransactionBody {
    let name = Self.names.randomElement(using: &random) ?? "a"
    let rewards = chain.state.rewards.keys.sorted()
    let deals = chain.state.deals.keys.sorted()
    let reward = rewards.randomElement(using: &random) ?? OfferID(rewardOf: owner, name: .zero)
    let deal = deals.randomElement(using: &random) ?? OfferID(storageOf: owner, name: .zero)
    let label = "\(UInt8.random(in: 0..<6, using: &random))"
    switch Int.random(in: 0..<20, using: &random) {
    case 0, 1:
      let parents = Self.names.filter { $0 < name }.map {
        ($0, UInt32.random(in: 0...300_000, using: &random))
      }
      let price = Amount(baseUnits: UInt128(UInt64.random(in: 0...9_999, using: &random)))
      return .content(
        .register(chain.registration(name, parents: parents, price: price, royalty: 1_000)))
    case 2, 3, 4:
      let price = chain.state.contents[TestChain.content(name)]?.registration.terms.price
      let times = UInt32.random(in: 0..<5, using: &random)
      return chain.access(name, times: times, price: price ?? .zero)
    case 5:
      let deadline = chain.state.chain.height + 9
      return .reward(.offer(chain.rewardOffer(label, of: name, deadline: deadline)))
    case 6:
      let quality = UInt32.random(in: 0...1_000_000, using: &random)
      return .reward(
        .review(
          ContributionReview(
            offer: reward, qualityPartsPerMillion: quality.isMultiple(of: 3) ? nil : quality)))
    case 7: return .reward(.close(reward))
    case 8: return .storage(.offer(chain.storageOffer(label, samples: 2)))
    case 9: return .storage(.accept(deal))
    case 10, 11, 12: return .storage(.challenge(deal))
    case 13, 14, 15, 16: return .storage(.prove(deal, chain.proof(deal)))
    case 17: return .storage(.close(deal))
    default:
      return .content(
        .changeTerms(
          ContentTermsChange(
            content: TestChain.content(name),
            terms: ContentTerms(price: Amount(baseUnits: 77), royaltyPartsPerMillion: 500))))
    }
  }

  private let owner = TestChain.key(1).publicKey

  private func sender(
    _ body: TransactionBody, _ chain: TestChain, using random: inout SplitMix64
  ) -> SigningKey {
    switch body {
    case .reward(.offer), .storage(.offer), .content(.recordAccess): chain.client
    case .reward(.review): chain.evaluator
    case .storage(.accept), .storage(.prove), .storage(.challenge): chain.workers[0]
    default: chain.workers.randomElement(using: &random) ?? chain.client
    }
  }

  @Test("supply is conserved, and proposer and follower agree", arguments: 0..<6)
  func conserved(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var chain = try TestChain()
    try chain.run(
      .transfer(to: chain.evaluator.publicKey, amount: .tokens(1)), by: chain.client)
    var kinds: [String: Int] = [:]
    for _ in 0..<300 {
      let body = order(chain, using: &random)
      let key = sender(body, chain, using: &random)
      do {
        try chain.run(body, by: key)
        kinds[body.kind, default: 0] += 1
      } catch let error as LedgerError {
        #expect(error != .amountOverflow, "seed \(seed)")
        try chain.seal()
      }
      #expect(try chain.state.countedSupply() == chain.state.supply, "seed \(seed)")
    }
    var again = try LedgerState(genesis: chain.genesis)
    for block in chain.blocks { try again.apply(block) }
    #expect(again.contents == chain.state.contents)
    #expect(again.rewards == chain.state.rewards)
    #expect(again.deals == chain.state.deals)
    // A run that never got past the refusals would prove nothing.
    #expect(kinds.count >= 10, "seed \(seed) only executed \(kinds.sorted { $0.key < $1.key })")
  }
}
