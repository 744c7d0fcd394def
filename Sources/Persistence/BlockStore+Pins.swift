public import ContentStore
import Cryptography
import Primitives
import Telemetry

extension BlockStore {
  /// Pins content that the store holds; durable on return. Blocks the calling thread.
  ///
  /// A recursive pin walks the tree once and counts one reference for each block. A pin that stands
  /// already keeps its references and gets the new name, if there is one; a recursive pin takes the
  /// place of a direct one. Throws `ContentError.missingBlock` where a block is not stored.
  @discardableResult
  public func pinBlocking(
    _ cid: CID, _ kind: ContentPin.Kind = .recursive, name: String = ""
  ) throws -> ContentPin {
    let limit = ContentPinLimits.nameByteCountMax
    guard name.utf8.count <= limit else {
      throw BlockStoreError.pinNameTooLong(size: name.utf8.count, limit: limit)
    }
    let ticket = BlockStoreTicket(sequences)
    let isStanding = try pin(of: cid)?.kind == kind
    let digests = isStanding ? [] : try digests(below: cid, kind)
    let pinned = PinnedBlocks(cid, kind, name: name, holding: digests)
    if let missing = try commit(pinned, ticket) { throw ContentError.missingBlock(missing) }
    return try pin(of: cid) ?? pinned.pin
  }

  /// Sets a pin; returns the leaf that is not stored, if there is one.
  private func commit(
    _ pinned: PinnedBlocks, _ ticket: BlockStoreTicket
  ) throws(BlockStoreError) -> CID? {
    do throws(BlockStoreError) {
      try commitBlocking(.store([], pinning: [pinned]), ticket: ticket)
      return nil
    } catch {
      // The walk does not read leaves; as which kind of block it was linked is forgotten.
      guard case .notFound(let digest) = error else { throw error }
      return .v1(.raw, .sha256(digest))
    }
  }

  /// Removes the pin of a CID and gives its references back; durable on return. Blocks the calling
  /// thread.
  public func unpinBlocking(_ cid: CID) throws {
    guard let pin = try pin(of: cid) else { throw BlockStoreError.notPinned(cid) }
    let digests = try digests(below: cid, pin.kind)
    try commitBlocking(
      .unpin(cid, pin.kind, digests), ticket: BlockStoreTicket(sequences))
  }

  /// The pin of exactly this CID.
  public func pin(of cid: CID) throws(BlockStoreError) -> ContentPin? {
    try open().index.read { transaction throws(BlockStoreError) in try transaction.pin(cid) }
  }

  /// The pins behind `start` in the order of their CIDs' binary forms, at most a page of them: ask
  /// again behind the last one until none is left. No writer waits for it.
  public func pins(
    after start: CID? = nil, limit: Int = ContentPinLimits.pageCount
  ) throws(BlockStoreError) -> [ContentPin] {
    try open().index.read { transaction throws(BlockStoreError) in
      try transaction.pins(after: start, limit: min(limit, ContentPinLimits.pageCount))
    }
  }

  /// The digests that a pin holds, each once.
  private func digests(below cid: CID, _ kind: ContentPin.Kind) throws -> [Digest] {
    switch kind {
    case .direct:
      guard cid.inlineBlock == nil else { return [] }
      guard let digest = try digest(of: cid) else { throw ContentError.missingBlock(cid) }
      return [digest]
    case .recursive:
      var walk = try ContentTreeWalk(root: cid, in: self)
      while let node = walk.next() { try walk.expand(node, with: verifiedBlock(node)) }
      if let missing = walk.unknown.first { throw ContentError.missingBlock(missing) }
      return walk.digests
    }
  }

  /// A block that was compared with its CID.
  func verifiedBlock(_ cid: CID) throws -> Bytes {
    let block = try block(cid)
    do throws(ContentError) { try cid.verify(block) } catch {
      guard let digest = try digest(of: cid) else { throw error }
      noteDamage(digest)
      throw BlockStoreError.corrupt(digest)
    }
    return block
  }
}

extension BlockStore {
  /// Pins content on a thread of its own; see `pinBlocking`.
  @discardableResult
  public func pin(
    _ cid: CID, _ kind: ContentPin.Kind = .recursive, name: String = ""
  ) async throws -> ContentPin {
    try await Self.onOwnThread { try self.pinBlocking(cid, kind, name: name) }
  }

  /// Removes a pin on a thread of its own; see `unpinBlocking`.
  public func unpin(_ cid: CID) async throws {
    try await Self.onOwnThread { try self.unpinBlocking(cid) }
  }

  /// Runs work that walks a tree and waits for the disk.
  private static func onOwnThread<Value: Sendable>(
    _ work: @escaping @Sendable () throws -> Value
  ) async throws -> Value {
    let result: Result<Value, any Error> = await withCheckedContinuation { continuation in
      NamedThread("content-pin") { continuation.resume(returning: Result { try work() }) }.detach()
    }
    return try result.get()
  }
}
