import Consensus
import Cryptography
import Ledger
import Primitives
import Testing

@Suite("Votes and certificates")
struct CertificateTests {
  @Test(
    "a quorum is strictly more than two thirds of the power",
    arguments: [
      (1, 1, true), (1, 0, false), (3, 2, false), (3, 3, true), (4, 3, true), (4, 2, false),
      (6, 4, false), (6, 5, true), (100, 66, false), (100, 67, true),
      ((1 << 62) - 1, (1 << 62) - 1, true), ((1 << 62) - 1, 1 << 61, false),
    ] as [(UInt64, UInt64, Bool)])
  func quorum(total: UInt64, power: UInt64, isQuorum: Bool) throws {
    let chain = try SealedChain(powers: [total])
    #expect(chain.chain.validators.isQuorum(power) == isQuorum)
  }

  @Test("three of four validators make a block final, two do not")
  func threeOfFour() throws {
    let chain = try SealedChain(powers: [1, 1, 1, 1])
    let block = try chain.propose([]).block
    var votes = VoteSet(
      chainID: chain.state.chainID, height: 1, validators: chain.chain.validators)
    for key in chain.validators.prefix(2) { try votes.add(chain.precommit(block, by: key)) }
    #expect(votes.certificate(for: block.header.hash) == nil)
    try votes.add(chain.precommit(block, by: chain.validators[2]))
    let certificate = try #require(votes.certificate(for: block.header.hash))
    var follower = chain.chain
    try follower.follow(CommittedBlock(block: block, certificate: certificate))
    #expect(follower.state.chain.height == 1)
    var other = chain.chain
    let few = chain.certificate(block, by: Array(chain.validators.prefix(2)))
    #expect(throws: ConsensusError.tooFewVotes(power: 2, total: 4)) {
      try other.follow(CommittedBlock(block: block, certificate: few))
    }
    #expect(other.state.chain.height == 0)
  }

  @Test("a vote counts once, by a validator, with its own signature")
  func refusedVotes() throws {
    let chain = try SealedChain(powers: [1, 1, 1, 1])
    let block = try chain.propose([]).block
    let vote = chain.precommit(block, by: chain.validators[0])
    var votes = VoteSet(
      chainID: chain.state.chainID, height: 1, validators: chain.chain.validators)
    try votes.add(vote)
    #expect(throws: ConsensusError.duplicateVote(vote.validator)) { try votes.add(vote) }
    #expect(throws: ConsensusError.unknownValidator(chain.client.publicKey)) {
      try votes.add(chain.precommit(block, by: chain.client))
    }
    let foreign = Precommit(
      chainID: .zero, height: 1, blockHash: block.header.hash, key: chain.validators[1])
    #expect(throws: ConsensusError.badVoteSignature(foreign.validator)) {
      try votes.add(foreign)
    }
    #expect(votes.power(for: block.header.hash) == 1)
    let twice = CommitCertificate(precommits: [vote, vote, vote])
    #expect(throws: ConsensusError.duplicateVote(vote.validator)) {
      try twice.verify(block.header, validators: chain.chain.validators)
    }
  }

  @Test("two votes of one validator for different blocks are evidence")
  func equivocation() throws {
    let chain = try SealedChain(powers: [1, 1, 1, 1])
    let key = chain.validators[0]
    let first = Precommit(
      chainID: chain.state.chainID, height: 1, blockHash: SHA256.hash([1]), key: key)
    let second = Precommit(
      chainID: chain.state.chainID, height: 1, blockHash: SHA256.hash([2]), key: key)
    var votes = VoteSet(
      chainID: chain.state.chainID, height: 1, validators: chain.chain.validators)
    try votes.add(first)
    #expect(throws: ConsensusError.equivocation(DoubleVote(first: first, second: second))) {
      try votes.add(second)
    }
  }

  @Test("a block of the wrong proposer is refused although it is certified")
  func wrongProposer() throws {
    let chain = try SealedChain(powers: [1, 1])
    let expected = chain.chain.validators.proposer(at: 1)
    let other = chain.chain.validators.proposer(at: 2)
    let block = try chain.state.propose(
      [], proposer: other, timeMilliseconds: 0, beaconLink: nil
    ).block
    var follower = chain.chain
    #expect(throws: ConsensusError.wrongProposer(expected: expected, found: other)) {
      try follower.follow(
        CommittedBlock(
          block: block, certificate: chain.certificate(block, by: chain.validators)))
    }
  }

  @Test("a certificate of another block does not make this one final")
  func otherBlock() throws {
    let chain = try SealedChain()
    let transfer = try chain.sign(
      .transfer(to: chain.worker.publicKey, amount: .tokens(1)), by: chain.client)
    let one = try chain.propose([]).block
    let two = try chain.propose([transfer]).block
    var follower = chain.chain
    let lie = CommittedBlock(
      block: two, certificate: chain.certificate(one, by: chain.validators))
    #expect(throws: ConsensusError.voteForOtherBlock) { try follower.follow(lie) }
  }

  @Test("every truncation of a committed block is refused and a bit flip is never taken for it")
  func hostileBytes() throws {
    var chain = try SealedChain()
    let follower = chain.chain
    let transfer = try chain.sign(
      .transfer(to: chain.worker.publicKey, amount: .tokens(1)), by: chain.client)
    let bytes = try chain.seal([transfer]).encoded()
    for length in 0..<bytes.count {
      #expect(throws: DecodingFailure.self) {
        try CommittedBlock(decoding: Bytes(bytes.prefix(length)))
      }
    }
    for bit in 0..<bytes.count * 8 {
      var flipped = bytes
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      guard let block = try? CommittedBlock(decoding: flipped) else { continue }
      var victim = follower
      #expect(throws: ConsensusError.self, "bit \(bit)") { try victim.follow(block) }
    }
  }
}

@Suite("The last-sign guard")
struct SignGuardTests {
  @Test("one block a height: the same again is allowed, another and a lower one are not")
  func oneBlockAHeight() throws {
    var guardian = SignGuard()
    let one = SHA256.hash([1])
    let two = SHA256.hash([2])
    try guardian.authorise(height: 5, blockHash: one)
    try guardian.authorise(height: 5, blockHash: one)
    #expect(throws: ConsensusError.alreadySigned(height: 5, signed: one, asked: two)) {
      try guardian.authorise(height: 5, blockHash: two)
    }
    #expect(throws: ConsensusError.heightBehindLastSigned(asked: 4, lastSigned: 5)) {
      try guardian.authorise(height: 4, blockHash: two)
    }
    var restored = try SignGuard(decoding: guardian.encoded())
    #expect(restored == guardian)
    #expect(throws: ConsensusError.self) {
      try restored.authorise(height: 5, blockHash: two)
    }
    try restored.authorise(height: 6, blockHash: two)
  }
}
