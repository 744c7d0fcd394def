public import ContentStore
public import Cryptography
public import Primitives

extension BlockStore {
  /// Stores blocks and returns once they are durable; `retaining` counts one reference more for
  /// each in the same transaction, else nobody holds a reference to new ones.
  ///
  /// Throws `busy` when too much waits already: a caller that may block uses `ContentAdder`.
  public func put(
    _ blocks: [ContentBlock], retaining: Bool = false
  ) async throws(BlockStoreError) {
    let records = try Self.records(of: blocks)
    try await submit(.store(records, retaining: retaining), ticket: BlockStoreTicket())
  }

  /// Counts one reference more for each digest; durable on return. All or none.
  public func retain(_ digests: [Digest]) async throws(BlockStoreError) {
    try await submit(.retain(digests), ticket: BlockStoreTicket())
  }

  /// Counts one reference less for each digest; durable on return. All or none.
  public func release(_ digests: [Digest]) async throws(BlockStoreError) {
    try await submit(.release(digests), ticket: BlockStoreTicket())
  }

  /// The records of blocks; a block inside its own CID needs none.
  static func records(of blocks: [ContentBlock]) throws(BlockStoreError) -> [SegmentRecord] {
    var records: [SegmentRecord] = []
    for block in blocks {
      guard block.bytes.count <= BlockLimits.byteCountMax else {
        throw .blockTooLarge(size: block.bytes.count, limit: BlockLimits.byteCountMax)
      }
      guard let digest = block.cid.digest else { continue }
      records.append(SegmentRecord(digest: digest, payload: block.bytes))
    }
    return records
  }

  /// Hands work to the writer and waits until everything of the ticket is durable.
  func submit(
    _ work: BlockStoreRequest.Work, ticket: BlockStoreTicket
  ) async throws(BlockStoreError) {
    let result = await withCheckedContinuation {
      (continuation: CheckedContinuation<Result<Void, BlockStoreError>, Never>) in
      let request = BlockStoreRequest(work: work, ticket: ticket) {
        continuation.resume(returning: $0)
      }
      switch requests.offer(request, cost: work.byteCount) {
      case .accepted: break
      case .full(let waiting): continuation.resume(returning: .failure(.busy(waiting: waiting)))
      case .closed: continuation.resume(returning: .failure(.closed))
      }
    }
    try result.get()
  }

  /// Hands work to the writer, waiting for room in its queue but not for the disk.
  func submitBlocking(
    _ work: BlockStoreRequest.Work, ticket: BlockStoreTicket
  ) throws(BlockStoreError) {
    let request = BlockStoreRequest(work: work, ticket: ticket, acknowledge: nil)
    guard requests.put(request, cost: work.byteCount) else { throw .closed }
    if let error = ticket.error { throw error }
  }

  /// Blocks the calling thread until everything of the ticket is durable.
  func commitBlocking(
    _ work: BlockStoreRequest.Work, ticket: BlockStoreTicket
  ) throws(BlockStoreError) {
    let answer = BlockStoreQueue<Result<Void, BlockStoreError>>(elementsMax: 1)
    let request = BlockStoreRequest(work: work, ticket: ticket) { _ = answer.offer($0) }
    guard requests.put(request, cost: work.byteCount) else { throw .closed }
    guard let result = answer.takeOne() else { throw .closed }
    try result.get()
  }
}

extension BlockStore: BlockSource {
  /// Returns a block for a reader that checks it against its CID.
  public func block(_ cid: CID) throws -> Bytes {
    if let block = cid.inlineBlock { return block }
    guard let digest = cid.digest else { throw ContentError.missingBlock(cid) }
    do throws(BlockStoreError) {
      return try get(digest, verifying: false)
    } catch .notFound { throw ContentError.missingBlock(cid) }
  }
}
