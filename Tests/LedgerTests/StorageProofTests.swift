import Cryptography
import Ledger
import Primitives
import Testing

@Suite("Pay for stored content")
struct StorageProofTests {
  private func accepted(_ chain: inout TestChain, samples: UInt32 = 4) throws -> OfferID {
    let offer = chain.storageOffer(samples: samples)
    try chain.run(.storage(.offer(offer)), by: chain.client)
    let id = offer.id(payer: chain.client.publicKey)
    try chain.run(.storage(.accept(id)), by: chain.workers[0])
    return id
  }

  private func challenged(_ chain: inout TestChain, samples: UInt32 = 4) throws -> OfferID {
    let id = try accepted(&chain, samples: samples)
    try chain.run(.storage(.challenge(id)), by: chain.workers[0])
    try chain.seal()
    return id
  }

  @Test("pieces are those of the bytes, however they arrive, and the last one is short")
  func pieces() throws {
    var whole = StoragePieces()
    whole.append(TestChain.stored)
    #expect(whole.root == TestChain.storedPieces.root)
    let leaves = stride(from: 0, to: TestChain.stored.count, by: 4_096).map {
      MerkleTree.leafHash(
        Bytes(TestChain.stored[$0..<min($0 + 4_096, TestChain.stored.count)]))
    }
    #expect(leaves.count == 11)
    #expect(MerkleTree.root(of: leaves) == whole.root)
    #expect(try TestChain().storageOffer().pieceCount == 11)
  }

  @Test("each proven epoch pays once, missed ones never, and the rest goes back at the end")
  func wholeDeal() throws {
    var chain = try TestChain()
    let id = try challenged(&chain)
    let provider = chain.balance(chain.workers[0])
    try chain.run(.storage(.prove(id, chain.proof(id))), by: chain.workers[0])
    #expect(try chain.balance(chain.workers[0]).subtracting(provider) == .tokens(2))
    #expect(throws: LedgerError.noChallenge) {
      try chain.run(.storage(.prove(id, chain.proof(id))), by: chain.workers[0])
    }
    #expect(throws: LedgerError.challengeExists(epoch: 0)) {
      try chain.run(.storage(.challenge(id)), by: chain.client)
    }
    let start = try #require(chain.state.deals[id]?.start)
    // Epoch 1 passes without a proof; in epoch 2 the payer asks.
    while chain.state.chain.height < start + 24 { try chain.seal() }
    try chain.run(.storage(.challenge(id)), by: chain.client)
    try chain.seal()
    try chain.run(.storage(.prove(id, chain.proof(id))), by: chain.workers[0])
    #expect(chain.state.deals[id]?.provenEpochs == 2)
    #expect(chain.state.deals[id]?.escrow == .tokens(2))
    let end = try #require(chain.state.deals[id]?.end)
    #expect(throws: LedgerError.offerStillOpen(until: end)) {
      try chain.run(.storage(.close(id)), by: chain.client)
    }
    while chain.state.chain.height < end - 1 { try chain.seal() }
    #expect(throws: LedgerError.notInAnEpoch) {
      try chain.run(.storage(.challenge(id)), by: chain.workers[0])
    }
    let payer = chain.balance(chain.client)
    try chain.run(.storage(.close(id)), by: chain.workers[3])
    #expect(try chain.balance(chain.client).subtracting(payer) == .tokens(2))
    #expect(chain.state.deals.isEmpty)
    #expect(try chain.state.countedSupply() == chain.state.supply)
  }

  @Test("a proof of other pieces, changed bytes or another length is refused")
  func forged() throws {
    var chain = try TestChain()
    let id = try challenged(&chain)
    let good = chain.proof(id)
    let pieces = TestChain.storedPieces
    let others = pieces.proof(of: good.map { ($0.path.index + 1) % 11 }) {
      Bytes(TestChain.stored[Int($0.lowerBound)..<Int($0.upperBound)])
    }
    var flipped = good
    var bytes = good[0].piece
    bytes[7] ^= 1
    flipped[0] = StoragePieceProof(piece: bytes, path: good[0].path)
    var short = good
    short[0] = StoragePieceProof(piece: Bytes(good[0].piece.dropLast()), path: good[0].path)
    for bad in [others, flipped, short, Array(good.dropLast()), good + [good[0]], []] {
      #expect(throws: LedgerError.self) {
        try chain.run(.storage(.prove(id, bad)), by: chain.workers[0])
      }
    }
    #expect(throws: LedgerError.notProvider) {
      try chain.run(.storage(.prove(id, good)), by: chain.workers[1])
    }
    try chain.run(.storage(.prove(id, good)), by: chain.workers[0])
  }

  @Test("nothing is drawn before the link is revealed, and a late proof pays nothing")
  func times() throws {
    var chain = try TestChain()
    let id = try accepted(&chain)
    try chain.run(.storage(.challenge(id)), by: chain.workers[0])
    let height = try #require(chain.state.deals[id]?.challenge?.height)
    #expect(chain.state.chain.isBeaconDue)
    let early = try chain.sign(
      .storage(.prove(id, chain.proof(id))), by: chain.workers[0])
    #expect(throws: LedgerError.challengeNotDrawn(notBefore: height + 2)) {
      try chain.state.validate(early)
    }
    while chain.state.chain.height < height + 10 { try chain.seal() }
    #expect(throws: LedgerError.proofTooLate(deadline: height + 10)) {
      try chain.run(.storage(.prove(id, chain.proof(id))), by: chain.workers[0])
    }
  }

  @Test("a proof may come in its last block, after other links were revealed")
  func lastBlock() throws {
    var chain = try TestChain()
    let job = try chain.openJob()
    let id = try challenged(&chain)
    let height = try #require(chain.state.deals[id]?.challenge?.height)
    try chain.commit(job)
    while chain.state.chain.height < height + 9 { try chain.seal() }
    #expect(chain.state.chain.beaconIndex == 2)
    try chain.run(.storage(.prove(id, chain.proof(id))), by: chain.workers[0])
    #expect(chain.state.deals[id]?.provenEpochs == 1)
  }

  @Test("the payer takes back what nobody accepted; the provider may give up")
  func closing() throws {
    var chain = try TestChain()
    let offer = chain.storageOffer()
    let id = offer.id(payer: chain.client.publicKey)
    try chain.run(.storage(.offer(offer)), by: chain.client)
    #expect(throws: LedgerError.offerExists(id)) {
      try chain.run(.storage(.offer(offer)), by: chain.client)
    }
    #expect(throws: LedgerError.notProvider) {
      try chain.run(.storage(.accept(id)), by: chain.client)
    }
    #expect(throws: LedgerError.notInAnEpoch) {
      try chain.run(.storage(.challenge(id)), by: chain.client)
    }
    let before = chain.balance(chain.client)
    try chain.run(.storage(.close(id)), by: chain.client)
    #expect(try chain.balance(chain.client).subtracting(before) == .tokens(6))
    let second = try accepted(&chain)
    #expect(throws: LedgerError.self) {
      try chain.run(.storage(.close(second)), by: chain.client)
    }
    try chain.run(.storage(.close(second)), by: chain.workers[0])
    #expect(chain.state.deals.isEmpty)
  }

  @Test("terms that nobody could keep are refused", arguments: 0..<9)
  func terms(index: Int) throws {
    var chain = try TestChain()
    var offer = chain.storageOffer()
    switch index {
    case 0: offer.size = 0
    case 1: offer.size = StorageLimits.bytesMax + 1
    case 2: offer.pay = .zero
    case 3: offer.epochs = 0
    case 4: offer.epochBlocks = 9
    case 5: offer.proofBlocks = 9
    case 6: offer.proofBlocks = 1_001
    case 7: offer.samples = 0
    default: offer.samples = 17
    }
    #expect(throws: LedgerError.self) {
      try chain.run(.storage(.offer(offer)), by: chain.client)
    }
  }

  @Test("terms that no ledger accepts can be asked about all the same")
  func strangeTerms() throws {
    var offer = try TestChain().storageOffer()
    (offer.size, offer.epochBlocks, offer.samples) = (0, 0, .max)
    let id = OfferID(storageOf: offer.provider, name: .zero)
    #expect(offer.drawn(by: .zero, deal: id, epoch: 0).isEmpty)
    offer.size = .max
    #expect(offer.pieceCount == 1 << 52)
    #expect(offer.drawn(by: .zero, deal: id, epoch: 0).count == 16)
    let deal = try StorageDeal(
      canonicalValue: .map([
        "payer": offer.provider.canonicalValue, "terms": offer.canonicalValue,
        "escrow": Amount.zero.canonicalValue, "proven": .unsigned(0), "start": .unsigned(1),
      ]))
    #expect(deal.epoch(at: 5) == nil)
    #expect(deal.end != nil)
  }

  @Test("a full proof of the most samples fits a transaction")
  func largest() throws {
    var chain = try TestChain()
    let id = try challenged(&chain, samples: StorageLimits.samplesMax)
    let transaction = try chain.sign(
      .storage(.prove(id, chain.proof(id))), by: chain.workers[0])
    #expect(transaction.encoded().count < LedgerLimits.transactionBytesMax / 3)
    try chain.seal([transaction])
  }

  @Test("a chain without links left takes no challenge")
  func exhausted() throws {
    var chain = try TestChain(links: 0)
    let id = try accepted(&chain)
    #expect(throws: LedgerError.beaconExhausted) {
      try chain.run(.storage(.challenge(id)), by: chain.workers[0])
    }
  }
}
