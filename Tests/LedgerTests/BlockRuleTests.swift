import Cryptography
import Ledger
import Primitives
import Testing

@Suite("Blocks of others")
struct BlockRuleTests {
  /// The same header with some fields changed.
  private func header(
    _ old: BlockHeader, _ change: (inout [String: CanonicalValue]) -> Void
  ) throws -> BlockHeader {
    guard case .map(var fields) = old.canonicalValue else {
      preconditionFailure("a header is a map")
    }
    change(&fields)
    return try BlockHeader(canonicalValue: .map(fields))
  }

  private func proposal(_ chain: TestChain) throws -> Block {
    let transfer = try chain.sign(
      .transfer(to: chain.coordinator.publicKey, amount: .tokens(1)), by: chain.client)
    return try chain.state.propose(
      [transfer], proposer: chain.validator.publicKey, timeMilliseconds: 7, beaconLink: nil
    ).block
  }

  static let tampering: [(field: String, value: CanonicalValue, error: LedgerError)] = [
    ("height", .unsigned(3), .wrongHeight(expected: 2, found: 3)),
    ("height", .unsigned(1), .wrongHeight(expected: 2, found: 1)),
    ("previous", Digest.zero.canonicalValue, .wrongPreviousHash),
    ("time", .unsigned(0), .timeBackwards),
    ("transactions", Digest.zero.canonicalValue, .wrongTransactionsRoot),
    ("state", Digest.zero.canonicalValue, .wrongStateRoot),
    ("beacon", Digest.zero.canonicalValue, .beaconLinkUnexpected),
  ]

  @Test("a header that lies about one field is refused and leaves no trace", arguments: tampering)
  func tampered(field: String, value: CanonicalValue, error: LedgerError) throws {
    var chain = try TestChain()
    let first = try chain.state.propose(
      [], proposer: chain.validator.publicKey, timeMilliseconds: 5, beaconLink: nil)
    var state = chain.state
    state.commit(first)
    let transfer = try chain.sign(
      .transfer(to: chain.coordinator.publicKey, amount: .tokens(1)), by: chain.client)
    let block = try state.propose(
      [transfer], proposer: chain.validator.publicKey, timeMilliseconds: 7, beaconLink: nil
    ).block
    let lie = Block(
      header: try header(block.header) { $0[field] = value }, transactions: block.transactions)
    let root = state.stateRoot
    #expect(throws: error) { try state.apply(lie) }
    #expect(state.stateRoot == root)
    #expect(state.chain.height == 1)
    try state.apply(block)
    #expect(state.chain.height == 2)
    try chain.seal()
  }

  @Test("a block whose transaction is not signed by its sender is refused")
  func unsigned() throws {
    var chain = try TestChain()
    let block = try proposal(chain)
    guard case .map(var fields) = block.transactions[0].canonicalValue else { return }
    fields["signature"] = .bytes(Bytes(repeating: 7, count: 64))
    let transactions = [try Transaction(canonicalValue: .map(fields))]
    let root = Block.transactionsRoot(transactions).canonicalValue
    let lie = Block(
      header: try header(block.header) { $0["transactions"] = root }, transactions: transactions)
    var state = chain.state
    #expect(throws: LedgerError.badSignature) { try state.apply(lie) }
    try chain.seal()
  }

  @Test("one invalid transaction makes the whole block invalid, the valid ones before it included")
  func atomic() throws {
    let chain = try TestChain()
    let good = try chain.sign(
      .transfer(to: chain.coordinator.publicKey, amount: .tokens(1)), by: chain.client)
    let bad = try chain.sign(
      .transfer(to: chain.client.publicKey, amount: .tokens(1_000)), by: chain.workers[0])
    let proposed = try chain.state.propose(
      [good, bad], proposer: chain.validator.publicKey, timeMilliseconds: 0, beaconLink: nil)
    #expect(proposed.block.transactions == [good])
    #expect(proposed.refused.map(\.id) == [bad.id])
    let both = Block(
      header: try header(proposed.block.header) {
        $0["transactions"] = Block.transactionsRoot([good, bad]).canonicalValue
      }, transactions: [good, bad])
    var state = chain.state
    #expect(throws: LedgerError.self) { try state.apply(both) }
    #expect(state.stateRoot == chain.state.stateRoot)
    #expect(state.account(chain.client.publicKey) == chain.state.account(chain.client.publicKey))
  }

  @Test("the block after commitments must reveal the next link, and no other block may")
  func beacon() throws {
    var chain = try TestChain()
    let job = try chain.openJob()
    try chain.run(.commitWork(chain.commitment(job)), by: chain.workers[0])
    #expect(chain.state.chain.isBeaconDue)
    let state = chain.state
    func propose(_ link: Digest?) throws {
      _ = try state.propose(
        [], proposer: chain.validator.publicKey, timeMilliseconds: 0, beaconLink: link)
    }
    #expect(throws: LedgerError.beaconLinkMissing) { try propose(nil) }
    #expect(throws: LedgerError.wrongBeaconLink) { try propose(chain.beacon.link(2)) }
    let block = try chain.seal()
    #expect(block.header.beaconLink == chain.beacon.link(1))
    #expect(block.header.beaconValue != nil)
    #expect(!chain.state.chain.isBeaconDue)
  }

  @Test("no commitment is taken that no link could follow")
  func exhaustedBeacon() throws {
    var chain = try TestChain(links: 1)
    let job = try chain.openJob()
    try chain.run(.commitWork(chain.commitment(job)), by: chain.workers[0])
    let second = try chain.sign(
      .commitWork(chain.commitment(job, client: 1)), by: chain.workers[1])
    let link = chain.beacon.link(1)
    let proposed = try chain.state.propose(
      [second], proposer: chain.validator.publicKey, timeMilliseconds: 0, beaconLink: link)
    #expect(proposed.refused.map(\.error) == [.beaconExhausted])
    try chain.seal()
    #expect(throws: LedgerError.beaconExhausted) { try chain.seal([second]) }
  }

  @Test("an account's proof holds under the header's state root, and for nothing else")
  func stateProof() throws {
    var chain = try TestChain()
    _ = try chain.openJob()
    let id = chain.client.publicKey
    let account = chain.state.account(id)
    let proof = try #require(chain.state.proof(of: id))
    let root = try #require(chain.blocks.last).header.stateRoot
    #expect(proof.proves(account, of: id, under: root))
    var richer = account
    richer.nonce += 1
    #expect(!proof.proves(richer, of: id, under: root))
    #expect(!proof.proves(account, of: chain.coordinator.publicKey, under: root))
    #expect(try StateProof(decoding: proof.encoded()) == proof)
    #expect(chain.state.proof(of: chain.evaluator.publicKey) == nil)
  }
}

@Suite("The beacon's hash chain")
struct BeaconTests {
  @Test(
    "each link hashes to the one before it, from any place", arguments: [1, 255, 256, 257, 600])
  func links(count: UInt32) throws {
    let chain = BeaconChain(seed: TestChain.digest("seed"), count: count)
    #expect(chain.link(0) == chain.anchor.link)
    #expect(chain.link(count) == TestChain.digest("seed"))
    #expect(chain.link(count + 1) == nil)
    var previous = chain.anchor.link
    for index in 1...count {
      let link = try #require(chain.link(index))
      #expect(BeaconChain.previous(of: link) == previous)
      previous = link
    }
  }
}

@Suite("The size of a block")
struct BlockSizeTests {
  /// A settlement of `count` payments, too many bytes for a block when there are enough of them.
  private func large(_ chain: TestChain, nonce: UInt64, count: UInt32 = 1_024) -> Transaction {
    let payments = (0..<count).map {
      Payment(client: $0, worker: chain.client.publicKey, amount: .tokens(1))
    }
    let settlement = Settlement(
      job: JobID(digest: .zero), round: 0, aggregate: .zero, payments: payments)
    return Transaction(
      signing: .settle(settlement), chainID: chain.state.chainID, nonce: nonce,
      key: chain.coordinator)
  }

  @Test("a settlement of the most clients fits one transaction, and a larger block is refused")
  func sizes() throws {
    let chain = try TestChain()
    let one = large(chain, nonce: 0).encoded().count
    #expect(one <= LedgerLimits.transactionBytesMax)
    let count = LedgerLimits.blockBytesMax / one + 1
    let transactions = (0..<count).map { large(chain, nonce: UInt64($0)) }
    let header = try chain.state.propose(
      [], proposer: chain.validator.publicKey, timeMilliseconds: 0, beaconLink: nil
    ).block.header
    var state = chain.state
    #expect(
      throws: LedgerError.blockTooLarge(
        bytes: transactions.reduce(0) { $0 + $1.encoded().count },
        limit: LedgerLimits.blockBytesMax)
    ) { try state.apply(Block(header: header, transactions: transactions)) }
    #expect(throws: LedgerError.unknownJob(JobID(digest: .zero))) {
      try chain.state.validate(transactions[0])
    }
    #expect(throws: DecodingFailure.self) {
      try Transaction(decoding: large(chain, nonce: 0, count: 1_025).encoded())
    }
  }
}
