package import ContentStore
package import Cryptography
import Networking
import Peering
import Persistence
import Primitives

/// Keeps blocks for other nodes, and asks others to keep some: `/martlet/hold/1.0.0`.
package struct BlockHolding: Sendable {
  /// The protocol's name on the wire.
  package static let protocolID = "/martlet/hold/1.0.0"

  let exchange: ContentExchange
  let timeouts: HoldTimeouts

  /// Holding over an exchange, which carries the blocks.
  package init(exchange: ContentExchange, timeouts: HoldTimeouts = HoldTimeouts()) {
    self.exchange = exchange
    self.timeouts = timeouts
  }

  // MARK: Keeping

  /// Serves the protocol.
  package func start(keeping held: HeldBlocks, for policy: HoldPolicy) async {
    let limits = StreamLimits(
      inboundPerPeerMax: HoldLimits.requestsPerPeerMax, inboundMax: HoldLimits.requestsMax)
    await exchange.host.serve(
      StreamProtocol(Self.protocolID, limits: limits) { stream in
        let bytes = try await stream.readMessage(
          limit: HoldRequestLimits.byteCountMax, within: timeouts.request)
        guard let bytes else { return }
        let answer = try await answer(to: bytes, of: stream.peer, held, policy)
        try await stream.writeMessage(answer.encoded())
      })
  }

  private func answer(
    to bytes: Bytes, of peer: PeerID, _ held: HeldBlocks, _ policy: HoldPolicy
  ) async throws -> HoldAnswer {
    guard let request = try? HoldRequest(decoding: bytes) else { return .refused(.malformed) }
    guard policy.allows(peer) || request.action == .find else { return .refused(.stranger) }
    do {
      switch request.action {
      case .keep: try await keep(request.blocks, for: peer, held)
      case .release:
        try await exchange.pool.run { try held.release(request.blocks, for: peer) }
      case .ask: break
      case .find: return try await exchange.pool.run { try held.found(request.blocks) }
      }
      return try await exchange.pool.run { try held.held(request.blocks, for: peer) }
    } catch is ComputePoolError {
      return .refused(.busy)
    }
  }

  /// Fetches what is not here from the owner and keeps what came.
  private func keep(_ blocks: [HoldBlock], for peer: PeerID, _ held: HeldBlocks) async throws {
    let pool = exchange.pool
    let reserved = try await pool.run { try held.reserve(blocks, for: peer) }
    guard !reserved.isEmpty else { return }
    // Until the pin stands no collection takes away what came.
    let session = ContentSession(store: exchange.store, isPinning: false)
    var fetched: [HoldBlock] = []
    for start in stride(from: 0, to: reserved.count, by: HoldLimits.blocksPerFetch) {
      let part = Array(reserved[start..<min(reserved.count, start + HoldLimits.blocksPerFetch)])
      let came = await take(part, from: peer, session).here
      fetched += came
      // Who breaks off, or says other sizes than the blocks have, is asked for no more.
      guard came.count == part.count else { break }
    }
    let kept = fetched
    do {
      try await pool.run { try held.end(reserved, keeping: kept, for: peer) }
    } catch let error as ComputePoolError {
      held.cancel(reserved, for: peer)
      throw error
    }
    _ = consume session
  }

  // MARK: Blocks

  /// What came of blocks that one peer was asked for.
  struct Taken: Sendable {
    /// Those that are in the store, with the sizes that they should have.
    let here: [HoldBlock]
    /// What went wrong, if anything did.
    let fault: (any Error)?
  }

  /// Fetches what the store lacks from one peer in one archive, in the session's protection.
  func take(_ blocks: [HoldBlock], from peer: PeerID, _ session: ContentSession) async -> Taken {
    let store = exchange.store
    let pool = exchange.pool
    var fault: (any Error)?
    do {
      let missing = try await pool.run { try blocks.filter { try store.whole($0) == nil } }
      if !missing.isEmpty { try await fetch(missing.map(\.cid), from: peer, session) }
    } catch { fault = error }
    do {
      let here = try await pool.run {
        try session.finish()
        return try blocks.filter { try store.whole($0)?.count == $0.byteCount }
      }
      return Taken(here: here, fault: fault)
    } catch { return Taken(here: [], fault: error) }
  }

  /// Throws unless a peer sends a block that is what its name says; it is not stored.
  func prove(_ block: HoldBlock, by peer: PeerID) async throws {
    try await fetch([block.cid], from: peer, ContentSession(store: nil, isPinning: false))
  }

  /// Fetches blocks in one archive; what came before a fault is stored.
  func fetch(_ cids: [CID], from peer: PeerID, _ session: ContentSession) async throws {
    let request = ArchiveRequest(subtrees: cids)
    let walk = FetchWalk(try request.walk(), in: exchange.store, session: session)
    try await exchange.archives.fetch(request, from: peer, into: walk)
  }

  // MARK: Asking

  /// Sends a request to a storage node; returns what it keeps then.
  package func request(
    _ action: HoldRequest.Action, _ blocks: [HoldBlock], of peer: PeerID
  ) async throws -> HoldAnswer {
    guard let request = HoldRequest(action, blocks) else { throw HoldError.malformedBackup }
    let stream = try await exchange.host.open([Self.protocolID], to: peer)
    do {
      try await stream.writeMessage(request.encoded())
      await stream.finish()
      let bytes = try await stream.readMessage(
        limit: HoldRequestLimits.answerByteCountMax,
        within: action == .keep ? timeouts.keep : timeouts.answer)
      guard let bytes else { throw PeerError.streamEnded }
      let answer = try HoldAnswer(decoding: bytes, count: blocks.count)
      await stream.close()
      return answer
    } catch {
      await stream.reset()
      throw error
    }
  }
}

/// Why a backup was not placed or repaired.
package enum HoldError: Error, Sendable {
  /// The manifest or a page of the backup has blocks that nobody can be asked to keep.
  case malformedBackup
  /// None of the nodes that keep the backup can be reached.
  case noNodes(reasons: [any Error])
}

extension BlockStore {
  /// A block that is stored and undamaged; nil otherwise.
  func whole(_ block: HoldBlock) throws -> Bytes? {
    do throws(BlockStoreError) {
      return try get(block.digest)
    } catch .notFound, .corrupt { return nil }
  }
}
