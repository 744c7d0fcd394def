import ContentStore
import Cryptography
import Networking
import Persistence
import Primitives

extension ContentExchange {
  /// Fetches by archives: from several peers at once where the tree has parts to share, else from
  /// one after the other. Returns whether the walk is complete; throws the last peer's fault.
  func fetchArchives(
    _ fetch: ContentFetch, _ walk: FetchWalk, _ session: ContentSession, from peers: [PeerID]
  ) async throws -> Bool {
    if peers.count > 1, fetch.scope == .all, fetch.path.segments.isEmpty {
      let partners = Array(peers.prefix(ExchangeLimits.partnersMax))
      try await share(fetch, session, among: partners, walk.progress?.ofPart)
    }
    var fault: (any Error)?
    for peer in peers {
      if try await settle(walk) == nil { return true }
      do {
        try await archives.fetch(fetch.request, from: peer, into: walk)
      } catch {
        note(error, of: peer)
        fault = error
      }
    }
    if try await settle(walk) == nil { return true }
    if let fault { throw fault }
    return false
  }

  /// A peer that sends other bytes than those it was asked for is one to be told of.
  private func note(_ error: any Error, of peer: PeerID) {
    if error is ContentError || (error as? ArchiveFetchError) == .wrongArchive { blame(peer) }
  }

  // MARK: Several peers at once

  /// Lets peers fetch the parts of the tree below the root's links side by side; what they leave is
  /// fetched by the walk itself.
  private func share(
    _ fetch: ContentFetch, _ session: ContentSession, among peers: [PeerID],
    _ progress: FetchProgress?
  ) async throws {
    let root = fetch.path.root
    let top = FetchWalk(
      try DagExport(DagExport.Request(ContentPath(root: root), scope: .block)), in: store,
      session: session)
    for peer in peers where !top.isFinished {
      do {
        try await archives.fetch(
          ArchiveRequest(ContentPath(root: root), scope: .block), from: peer, into: top)
      } catch { note(error, of: peer) }
    }
    guard top.isFinished else { return }
    let parts = ArchiveParts(try await links(of: root, session), peers: peers.count)
    await withDiscardingTaskGroup { group in
      for peer in peers {
        group.addTask { await self.fetch(parts, from: peer, session, progress) }
      }
    }
    // What is on its way to the disk is not found yet.
    try await pool.run { try session.finish() }
  }

  /// What the root links, of which nothing is known to be here.
  private func links(of root: CID, _ session: ContentSession) async throws -> [CID] {
    let store = store
    return try await pool.run {
      // What was just fetched is on its way to the disk.
      try session.finish()
      var seen: Set<CID> = []
      let links = try DagLinks.links(of: store.block(root), root)
      return links.filter { cid in
        guard cid.inlineBlock == nil, seen.insert(cid).inserted else { return false }
        guard let digest = try? store.digest(of: cid) else { return true }
        return (try? store.contains(digest)) != true || cid.codec != .raw
      }
    }
  }

  /// Fetches parts from one peer until none is left or the peer fails; what it did not finish is
  /// another one's.
  private func fetch(
    _ parts: ArchiveParts, from peer: PeerID, _ session: ContentSession,
    _ progress: FetchProgress?
  ) async {
    while let part = parts.take(store, session, progress) {
      do {
        try await archives.fetch(part.request, from: peer, into: part.walk)
      } catch {
        note(error, of: peer)
        parts.put(back: part)
        return
      }
    }
  }
}
