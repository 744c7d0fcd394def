public import ContentStore
import Cryptography
import Primitives

extension BlockStore {
  /// Stores blocks and returns once they are durable. Nothing refers to new ones, so a collection
  /// may forget them from then on.
  ///
  /// Throws `busy` when too much waits already: a caller that may block uses `ContentAdder`.
  public func put(_ blocks: [ContentBlock]) async throws(BlockStoreError) {
    try await submit(.store(Self.records(of: blocks)), ticket: BlockStoreTicket(sequences))
  }

  /// Stores files, pins each root recursively, and returns once all is durable.
  ///
  /// - Parameter files: each file's blocks, children before parents and the root last, as
  ///   `UnixFSBuilder` gives them.
  public func putPinned(_ files: [[ContentBlock]]) async throws(BlockStoreError) {
    var pinned: [PinnedBlocks] = []
    for file in files {
      guard let root = file.last?.cid else { continue }
      pinned.append(PinnedBlocks(root, .recursive, holding: file.compactMap(\.cid.digest)))
    }
    let records = try Self.records(of: files.flatMap { $0 })
    try await submit(.store(records, pinning: pinned), ticket: BlockStoreTicket(sequences))
  }

  /// The records of blocks; a block inside its own CID needs none. Compression takes milliseconds,
  /// so it is only for threads of their own, never for an event loop.
  static func records(
    of blocks: [ContentBlock], compressing: Bool = false
  ) throws(BlockStoreError) -> [SegmentRecord] {
    var records: [SegmentRecord] = []
    for block in blocks {
      guard block.bytes.count <= BlockLimits.byteCountMax else {
        throw .blockTooLarge(size: block.bytes.count, limit: BlockLimits.byteCountMax)
      }
      guard block.cid.inlineBlock == nil else { continue }
      let digest = block.cid.digest ?? block.bytes.withUnsafeBytes { SHA256.hash($0) }
      var record =
        compressing
        ? SegmentRecord(compressing: block.bytes, digest: digest)
        : SegmentRecord(digest: digest, payload: block.bytes)
      if block.cid.digest == nil { record.otherName = block.cid.multihash.bytes }
      records.append(record)
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
