package import ContentStore
import Cryptography
import Networking
package import Peering
import Persistence
package import Primitives
package import Telemetry

extension ContentExchange {
  /// Fetches content from peers at `addresses`, or where none is given from whoever provides it.
  /// What is here already is not fetched again, so a fetch that broke goes on where it stood.
  /// `pins` keeps it for good under a name; without, a collection may forget it. `meter` counts the
  /// bytes of blocks that are here.
  package func fetch(
    _ fetch: ContentFetch, from addresses: [Multiaddr] = [], pinning name: String? = nil,
    meter: WorkMeter? = nil
  ) async throws -> FetchedContent {
    // Until it ends no collection takes away what came.
    let session = ContentSession(store: store, isPinning: false)
    let walk = FetchWalk(
      try fetch.request.walk(), in: store, session: session,
      progress: fetch.scope == .all ? meter.map { FetchProgress(meter: $0) } : nil)
    let store = store
    try await complete(fetch, walk, session, from: addresses)
    try await pool.run { try session.finish() }
    if let name {
      let root = walk.resolved?.cid ?? fetch.path.root
      try await store.pin(root, name: name)
    }
    return FetchedContent(counts: walk.counts, resolved: walk.resolved)
  }

  /// Goes on until the walk wants nothing: from the store, then by archives, then by bitswap.
  private func complete(
    _ fetch: ContentFetch, _ walk: FetchWalk, _ session: ContentSession,
    from addresses: [Multiaddr]
  ) async throws {
    guard let missing = try await settle(walk) else { return }
    var (peers, reasons) = await reach(addresses)
    if peers.isEmpty, addresses.isEmpty { peers = await reachProviders(of: missing) }
    let ours = await peersSpeaking([ArchiveExchange.protocolID], among: peers)
    do {
      if try await fetchArchives(fetch, walk, session, from: ours) { return }
    } catch { reasons.append(error) }
    guard let left = try await settle(walk) else { return }
    let names = BitswapVersion.allCases.map(\.protocolID)
    let others = await peersSpeaking(names, among: peers)
    guard !others.isEmpty || addresses.isEmpty else {
      throw ContentFetchError.noPeers(left, reasons: reasons)
    }
    try await fetchByBitswap(walk, from: others)
  }

  /// Takes what the store has; returns what is missing then, or nil when nothing is.
  func settle(_ walk: FetchWalk) async throws -> CID? {
    while true {
      let step = try await pool.run { try walk.advance(looksAgain: true) }
      if step.isFinished { return nil }
      if let cid = step.missing.first { return cid }
    }
  }

  private func peersSpeaking(_ names: [String], among peers: [PeerID]) async -> [PeerID] {
    let speaking = Set(await host.connectedPeers(speaking: names))
    return peers.filter { speaking.contains($0) }
  }

  // MARK: Bitswap

  /// One block from whoever has it, checked and not stored: the connected peers are asked first,
  /// then those who provide it.
  package func block(_ cid: CID) async throws -> Bytes {
    if let block = cid.inlineBlock { return block }
    return try await host.loop.perform {
      let (id, inbox) = await self.bitswap.begin(peers: [])
      do {
        await self.bitswap.want([cid], id)
        let news = try await inbox.next()
        await self.bitswap.end(id)
        guard case .blocks(let blocks) = news, let block = blocks.first else {
          throw ContentError.missingBlock(cid)
        }
        return block.bytes
      } catch {
        await self.bitswap.end(id)
        throw error
      }
    }
  }

  private func fetchByBitswap(_ walk: FetchWalk, from peers: [PeerID]) async throws {
    try await host.loop.perform {
      let (id, inbox) = await self.bitswap.begin(peers: peers)
      do {
        try await self.follow(walk, id, inbox)
      } catch {
        await self.bitswap.end(id)
        throw error
      }
      await self.bitswap.end(id)
    }
  }

  private func follow(
    _ walk: FetchWalk, _ id: BitswapSessionID, _ inbox: BlockInbox
  ) async throws {
    var fresh: [ContentBlock] = []
    while true {
      let blocks = fresh
      let step = try await pool.run { try walk.advance(adding: blocks) }
      if !blocks.isEmpty { await bitswap.stored(blocks.map(\.cid)) }
      fresh = []
      if step.isFinished { return }
      await bitswap.want(step.missing, id)
      switch try await inbox.next() {
      case .blocks(let blocks): fresh = blocks
      case .unavailable(let cid): throw ContentFetchError.unavailable(cid)
      }
    }
  }
}
