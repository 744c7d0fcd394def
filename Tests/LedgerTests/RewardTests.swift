import Cryptography
import Ledger
import Primitives
import Testing

@Suite("Rewards of contributions")
struct RewardTests {
  private func offered(_ chain: inout TestChain) throws -> OfferID {
    try chain.register("model", by: chain.workers[0])
    let offer = chain.rewardOffer()
    try chain.run(.reward(.offer(offer)), by: chain.client)
    return offer.id(payer: chain.client.publicKey)
  }

  @Test("an upload alone pays nothing; a review pays reward and the quality's part of the bonus")
  func reviewed() throws {
    var chain = try TestChain()
    let id = try offered(&chain)
    let owner = chain.balance(chain.workers[0])
    let payer = chain.balance(chain.client)
    #expect(chain.state.rewards[id]?.escrow == .tokens(29))
    #expect(try chain.state.countedSupply() == chain.state.supply)
    let review = ContributionReview(offer: id, qualityPartsPerMillion: 750_000)
    try chain.run(.reward(.review(review)), by: chain.evaluator)
    #expect(try chain.balance(chain.workers[0]).subtracting(owner) == .tokens(26))
    #expect(chain.balance(chain.evaluator) == .tokens(1))
    #expect(try chain.balance(chain.client).subtracting(payer) == .tokens(2))
    #expect(chain.state.rewards.isEmpty)
    #expect(chain.state.contents[TestChain.content("model")]?.rewarded == .tokens(26))
    #expect(throws: LedgerError.unknownOffer(id)) {
      try chain.run(.reward(.review(review)), by: chain.evaluator)
    }
  }

  @Test("a refused contribution gets nothing, the reviewer is paid all the same")
  func refused() throws {
    var chain = try TestChain()
    let id = try offered(&chain)
    let owner = chain.balance(chain.workers[0])
    let review = ContributionReview(offer: id, qualityPartsPerMillion: nil)
    try chain.run(.reward(.review(review)), by: chain.evaluator)
    #expect(chain.balance(chain.workers[0]) == owner)
    #expect(chain.balance(chain.evaluator) == .tokens(1))
  }

  @Test("nobody but the named reviewer judges, and no owner rewards or reviews the own content")
  func roles() throws {
    var chain = try TestChain()
    let id = try offered(&chain)
    let review = ContributionReview(offer: id, qualityPartsPerMillion: 1_000_000)
    for key in [chain.workers[0], chain.client, chain.validator] {
      #expect(throws: LedgerError.notReviewer) {
        try chain.run(.reward(.review(review)), by: key)
      }
    }
    #expect(throws: LedgerError.invalidOffer(reason: "the owner rewards the own content")) {
      try chain.run(.reward(.offer(chain.rewardOffer("own"))), by: chain.workers[0])
    }
    var own = chain.rewardOffer("other")
    own.reviewer = chain.workers[0].publicKey
    #expect(throws: LedgerError.invalidOffer(reason: "the owner reviews the own content")) {
      try chain.run(.reward(.offer(own)), by: chain.client)
    }
    #expect(throws: LedgerError.offerExists(id)) {
      try chain.run(.reward(.offer(chain.rewardOffer())), by: chain.client)
    }
    #expect(throws: LedgerError.unknownContent(TestChain.content("nothing"))) {
      try chain.run(.reward(.offer(chain.rewardOffer("x", of: "nothing"))), by: chain.client)
    }
  }

  @Test("what nobody reviewed goes back to the payer at the deadline, whoever asks")
  func deadline() throws {
    var chain = try TestChain()
    try chain.register("model", by: chain.workers[0])
    let offer = chain.rewardOffer(deadline: 5)
    try chain.run(.reward(.offer(offer)), by: chain.client)
    let id = offer.id(payer: chain.client.publicKey)
    #expect(throws: LedgerError.offerStillOpen(until: 5)) {
      try chain.run(.reward(.close(id)), by: chain.client)
    }
    while chain.state.chain.height < 4 { try chain.seal() }
    let payer = chain.balance(chain.client)
    try chain.run(.reward(.close(id)), by: chain.workers[3])
    #expect(try chain.balance(chain.client).subtracting(payer) == .tokens(29))
    #expect(chain.state.rewards.isEmpty)
    #expect(try chain.state.countedSupply() == chain.state.supply)
  }
}
