import Consensus
import Cryptography
import Ledger
import Primitives
import Testing

@testable import Persistence

@Suite("The stored chain")
struct BlockLogTests {
  private struct Producer {
    let key: SigningKey
    let genesis: Genesis
    var chain: ChainFollower

    init(seed: UInt8 = 1) throws {
      key = try SigningKey(seed: Bytes(repeating: seed, count: 32))
      genesis = try Genesis(
        name: "stored",
        accounts: [GenesisAccount(id: key.publicKey, balance: .tokens(1_000))],
        validators: [GenesisValidator(key: key.publicKey, power: 1)],
        beacon: BeaconAnchor(link: .zero, count: 0))
      chain = try ChainFollower(genesis: genesis)
    }

    mutating func next() throws -> CommittedBlock {
      let body = TransactionBody.stake(amount: .tokens(1))
      let state = chain.state
      let transaction = Transaction(
        signing: body, chainID: state.chainID, nonce: state.account(key.publicKey).nonce,
        fee: try state.fee(for: body), key: key)
      let proposed = try state.propose(
        [transaction], proposer: key.publicKey, timeMilliseconds: 5, beaconLink: nil)
      let header = proposed.block.header
      let vote = Precommit(
        chainID: state.chainID, height: header.height, blockHash: header.hash, key: key)
      let certificate = CommitCertificate(precommits: [vote])
      try chain.commit(proposed, certificate: certificate)
      return CommittedBlock(block: proposed.block, certificate: certificate)
    }
  }

  @Test("blocks are replayed to the same state, and read by height")
  func replay() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/blocks"
    var producer = try Producer()
    var blocks: [CommittedBlock] = []
    let (log, start) = try BlockLog.open(path: path, genesis: producer.genesis)
    #expect(start.state.chain.height == 0)
    #expect(try log.block(at: 1) == nil)
    for _ in 0..<5 {
      blocks.append(try producer.next())
      try await log.append(try #require(blocks.last))
    }
    log.close()
    let (again, chain) = try BlockLog.open(path: path, genesis: producer.genesis)
    #expect(chain.state.stateRoot == producer.chain.state.stateRoot)
    #expect(chain.state.chain == producer.chain.state.chain)
    #expect(again.height == 5)
    for block in blocks { #expect(try again.block(at: block.height) == block) }
    #expect(try again.block(at: 0) == nil)
    #expect(try again.block(at: 6) == nil)
    again.close()
  }

  @Test("a chain cut at every byte of its last block restarts at the block before")
  func truncations() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/blocks"
    var producer = try Producer()
    let (log, _) = try BlockLog.open(path: path, genesis: producer.genesis)
    try log.appendBlocking(producer.next())
    let afterFirst = try #require(try AtomicFile.read(path)).count
    let second = try producer.next()
    try log.appendBlocking(second)
    log.close()
    let whole = try #require(try AtomicFile.read(path))
    for length in afterFirst..<whole.count {
      try AtomicFile.write(Bytes(whole.prefix(length)), to: path)
      let (cut, chain) = try BlockLog.open(path: path, genesis: producer.genesis)
      #expect(chain.state.chain.height == 1)
      #expect(cut.recovery.tornBytes == length - afterFirst)
      cut.close()
    }
    let (repaired, _) = try BlockLog.open(path: path, genesis: producer.genesis)
    try repaired.appendBlocking(second)
    repaired.close()
    #expect(try AtomicFile.read(path) == whole)
  }

  @Test("another chain's file and a block that does not follow are refused")
  func refusals() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/blocks"
    var producer = try Producer()
    let (log, _) = try BlockLog.open(path: path, genesis: producer.genesis)
    _ = try producer.next()
    let second = try producer.next()
    try log.appendBlocking(second)
    log.close()
    let other = try Producer(seed: 2).genesis
    #expect(throws: BlockLogError.wrongGenesis) { try BlockLog.open(path: path, genesis: other) }
    let error = #expect(throws: BlockLogError.self) {
      try BlockLog.open(path: path, genesis: producer.genesis)
    }
    guard case .invalidBlock(height: 1, _) = error else {
      Issue.record("expected an invalid block 1, not \(String(describing: error))")
      return
    }
  }
}
