import Cryptography
import Telemetry

/// What the writer thread is asked to do.
struct BlockStoreRequest: Sendable {
  enum Work: Sendable {
    /// Write records; `retaining` counts one reference more for each, else new ones have none.
    case store([SegmentRecord], retaining: Bool = false)
    /// Count one reference more for each digest.
    case retain([Digest])
    /// Count one reference less for each digest.
    case release([Digest])
  }

  let work: Work
  let ticket: BlockStoreTicket
  /// Called on the writer thread once everything of the ticket is durable, or with its error.
  let acknowledge: (@Sendable (Result<Void, BlockStoreError>) -> Void)?
}

/// Ties the requests of one caller together: if one of them fails, all later answers say so.
final class BlockStoreTicket: Sendable {
  private let failure = Lock<BlockStoreError?>(nil)

  /// The first failure, if any.
  var error: BlockStoreError? { failure.withLock { $0 } }

  /// Keeps the first failure.
  func fail(_ error: BlockStoreError) { failure.withLock { $0 = $0 ?? error } }
}

extension BlockStoreRequest.Work {
  /// What the work weighs in the queue.
  var byteCount: Int {
    switch self {
    case .store(let records, _): records.reduce(0) { $0 + $1.byteCount }
    case .retain(let digests), .release(let digests): digests.count * Digest.byteCount
    }
  }
}
