public import Cryptography
public import Ledger
public import Primitives

/// A block and the proof that it is final: what is stored, sent and replayed.
public struct CommittedBlock: Hashable, Sendable {
  /// The block.
  public let block: Block
  /// The votes for it.
  public let certificate: CommitCertificate

  /// Joins the parts.
  public init(block: Block, certificate: CommitCertificate) {
    self.block = block
    self.certificate = certificate
  }

  /// The block's height.
  public var height: BlockHeight { block.header.height }
}

extension CommittedBlock: CanonicalCodable {
  /// A map of block and certificate.
  public var canonicalValue: CanonicalValue {
    .map(["block": block.canonicalValue, "certificate": certificate.canonicalValue])
  }

  /// Reads the fields.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    block = try fields.nested("block")
    certificate = try fields.nested("certificate")
    try fields.finish()
  }
}

/// A ledger that only takes blocks with a valid certificate: what every node follows.
public struct ChainFollower: Sendable {
  /// The ledger after the newest block.
  public private(set) var state: LedgerState
  /// Who votes.
  public let validators: ValidatorSet

  /// Starts before block 1.
  public init(genesis: Genesis) throws(LedgerError) {
    state = try LedgerState(genesis: genesis)
    validators = ValidatorSet(genesis: genesis)
  }

  /// Checks proposer, certificate and execution; on a throw nothing has changed.
  public mutating func follow(
    _ committed: CommittedBlock, checkedSignatures: Set<Digest> = []
  ) throws(ConsensusError) {
    let header = committed.block.header
    guard header.chainID == state.chainID else { throw .wrongChain }
    let expected = validators.proposer(at: header.height)
    guard header.proposer == expected else {
      throw .wrongProposer(expected: expected, found: header.proposer)
    }
    try committed.certificate.verify(header, validators: validators)
    do {
      try state.apply(committed.block, checkedSignatures: checkedSignatures)
    } catch {
      throw .ledger(error)
    }
  }

  /// Takes over a block that this node proposed itself and that is now certified.
  public mutating func commit(
    _ proposed: ProposedBlock, certificate: CommitCertificate
  ) throws(ConsensusError) {
    try certificate.verify(proposed.block.header, validators: validators)
    state.commit(proposed)
  }
}
