internal import Consensus
package import Cryptography
internal import Ledger
internal import Networking
internal import Orchestration
internal import Persistence
package import Primitives

extension CoordinatorServer {
  /// Blocks read on the disk thread at a time, so that other readers get their turn.
  private static let blocksReadAtOnce: BlockHeight = 64

  /// The proof that a logical client's round (from 1) was paid.
  package func receiptJSON(session: Digest, round: Int, client: Int) async throws -> JSONValue {
    guard let job = sessions[session]?.ledger.job else { throw CoordinatorError.unknownSession }
    guard round >= 1, let ledgerRound = UInt32(exactly: round - 1),
      let client = UInt32(exactly: client)
    else { throw CoordinatorError.unpaid }
    let slot = WorkSlot(job: job, round: ledgerRound, client: client)
    let blocks = blocks
    var next: BlockHeight = 1
    while next <= chain.state.chain.height {
      let range = next...min(chain.state.chain.height, next + Self.blocksReadAtOnce - 1)
      let receipt = try await disk.run { try Self.receipt(of: slot, in: blocks, range) }
      if let receipt { return receipt.json }
      next = range.upperBound + 1
    }
    throw CoordinatorError.unpaid
  }

  private static func receipt(
    of slot: WorkSlot, in blocks: BlockLog, _ range: ClosedRange<BlockHeight>
  ) throws -> Receipt? {
    for height in range {
      guard let committed = try blocks.block(at: height) else { return nil }
      if let receipt = Receipt(of: slot, in: committed) { return receipt }
    }
    return nil
  }
}
