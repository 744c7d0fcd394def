public import Cryptography
public import Ledger
public import Primitives

/// Why a receipt does not prove what it says.
public enum ReceiptError: Error, Equatable, Sendable {
  case malformed(LedgerError)
  case notASettlement
  case noSuchPayment(client: UInt32)
  case claimDiffers(field: String)
  case badSignature
  case wrongChain(expected: Digest, found: Digest)
  case notInBlock
  case notFinal(ConsensusError)
}

/// How far a receipt was checked.
public enum ReceiptTrust: Hashable, Sendable {
  /// Against a genesis document that the reader trusts.
  case genesis(chainID: Digest)
  /// Signatures and hashes fit each other, but nobody vouches for the validators that signed.
  case selfConsistentOnly
}

/// A proof, checkable offline, that a worker was paid for one client-round.
public struct Receipt: Hashable, Sendable {
  /// The job.
  public let job: JobID
  /// The round.
  public let round: UInt32
  /// The logical client.
  public let client: UInt32
  /// Who was paid.
  public let worker: AccountID
  /// How much.
  public let amount: Amount
  /// The settlement that pays.
  public let transaction: Transaction
  /// That the settlement is in the block.
  public let inclusion: MerkleProof
  /// The block's header.
  public let header: BlockHeader
  /// That the block is final.
  public let certificate: CommitCertificate

  /// Takes a receipt from a committed block; nil if it holds no such payment.
  public init?(of slot: WorkSlot, in committed: CommittedBlock) {
    let transactions = committed.block.transactions
    for (index, transaction) in transactions.enumerated() {
      guard case .settle(let settlement) = transaction.body, settlement.job == slot.job,
        settlement.round == slot.round,
        let payment = settlement.payments.first(where: { $0.client == slot.client })
      else { continue }
      job = slot.job
      round = slot.round
      client = slot.client
      worker = payment.worker
      amount = payment.amount
      self.transaction = transaction
      inclusion = committed.block.proof(ofTransaction: index)
      header = committed.block.header
      certificate = committed.certificate
      return
    }
    return nil
  }

  /// Checks claim, signatures, inclusion and finality; says on what the result rests.
  public func verify(trusting genesis: Genesis? = nil) throws(ReceiptError) -> ReceiptTrust {
    try checkClaim()
    guard transaction.isSignatureValid else { throw .badSignature }
    guard transaction.chainID == header.chainID else {
      throw .wrongChain(expected: header.chainID, found: transaction.chainID)
    }
    guard inclusion.proves(transaction.merkleLeaf, under: header.transactionsRoot) else {
      throw .notInBlock
    }
    guard let genesis else {
      try checkSignatures()
      return .selfConsistentOnly
    }
    guard genesis.chainID == header.chainID else {
      throw .wrongChain(expected: genesis.chainID, found: header.chainID)
    }
    do {
      try certificate.verify(header, validators: ValidatorSet(genesis: genesis))
    } catch {
      throw .notFinal(error)
    }
    return .genesis(chainID: genesis.chainID)
  }

  private func checkClaim() throws(ReceiptError) {
    guard case .settle(let settlement) = transaction.body else { throw .notASettlement }
    guard settlement.job == job else { throw .claimDiffers(field: "job") }
    guard settlement.round == round else { throw .claimDiffers(field: "round") }
    guard let payment = settlement.payments.first(where: { $0.client == client }) else {
      throw .noSuchPayment(client: client)
    }
    guard payment.worker == worker else { throw .claimDiffers(field: "worker") }
    guard payment.amount == amount else { throw .claimDiffers(field: "amount") }
  }

  /// Without a trust root only this can be said: somebody signed this very block.
  private func checkSignatures() throws(ReceiptError) {
    guard !certificate.precommits.isEmpty else {
      throw .notFinal(.tooFewVotes(power: 0, total: 0))
    }
    let hash = header.hash
    for vote in certificate.precommits {
      guard vote.height == header.height, vote.blockHash == hash else {
        throw .notFinal(.voteForOtherBlock)
      }
      guard vote.isSigned(chainID: header.chainID) else {
        throw .notFinal(.badVoteSignature(vote.validator))
      }
    }
  }
}
