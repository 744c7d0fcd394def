package import ContentStore
import Cryptography
import Networking
package import Peering
package import Persistence
import Primitives
package import Telemetry

/// Looks after backups on storage nodes: gives members to nodes, asks who keeps what, and when one
/// has left computes its members of the others for those that stay. What it knows is the manifest
/// and where the nodes are; all else it asks them, so whatever broke off is simply begun again.
package struct BackupKeeper: Sendable {
  let holding: BlockHolding
  /// Blocks that are read of each node in each window, to see that it keeps what it says.
  let samples: Int
  private var meter: WorkMeter?

  var exchange: ContentExchange { holding.exchange }

  /// Looks after backups through `holding`.
  package init(_ holding: BlockHolding, samples: Int = 1) {
    precondition(samples > 0)
    self.holding = holding
    self.samples = samples
  }

  /// The same, with the blocks that were looked after counted on `meter`.
  package func counting(on meter: WorkMeter?) -> BackupKeeper {
    var keeper = self
    keeper.meter = meter
    return keeper
  }

  /// Says where a backup is kept.
  package func check(_ backup: CID, on nodes: [Multiaddr]) async throws -> BackupStanding {
    let session = ContentSession(store: exchange.store, isPinning: false)
    var (standing, groups) = try await begin(backup, nodes, session)
    try await lookAfterIndex(backup, &standing, gives: false)
    for window in try windows(of: groups) {
      let keepers = await survey(window.blocks, &standing)
      count(window, keepers, &standing)
    }
    _ = consume session
    return standing
  }

  /// Gives each member that no node keeps to one, those of nodes that left computed of the others.
  /// The owner's store is used on the way, and need not have anything.
  package func place(_ backup: CID, on nodes: [Multiaddr]) async throws -> BackupStanding {
    let session = ContentSession(store: exchange.store, isPinning: false)
    var (standing, groups) = try await begin(backup, nodes, session)
    try await lookAfterIndex(backup, &standing, gives: true)
    for window in try windows(of: groups) {
      var keepers = await survey(window.blocks, &standing)
      try await mend(window, of: backup, &keepers, &standing, session)
      count(window, keepers, &standing)
    }
    _ = consume session
    return standing
  }

  /// Brings a backup back here and pins it; whoever has its CID may do so, under any identity.
  package func restore(
    _ backup: CID, from nodes: [Multiaddr], pinName: String = ""
  ) async throws -> (standing: BackupStanding, repair: BackupRepair) {
    let store = exchange.store
    let session = ContentSession(store: store, isPinning: false)
    var (standing, groups) = try await begin(backup, nodes, session)
    for window in try windows(of: groups) {
      var keepers = await survey(window.blocks, &standing, by: .find)
      try await gather(window.groups, &keepers, &standing, session)
      count(window, keepers, &standing)
    }
    let repair = try await exchange.pool.run {
      try ContentBackup(store: store).repairBlocking(backup, pinName: pinName)
    }
    _ = consume session
    return (standing, repair)
  }

  /// Lets nodes forget a backup; returns those that were told.
  package func release(_ backup: CID, on nodes: [Multiaddr]) async throws -> BackupStanding {
    let session = ContentSession(store: exchange.store, isPinning: false)
    var (standing, groups) = try await begin(backup, nodes, session)
    var parts = try BackupWindow.windows(of: groups).map(\.blocks)
    parts += try await index(backup)
    for part in parts {
      for peer in standing.willing {
        do {
          let answer = try await holding.request(.release, part, of: peer)
          if case .refused = answer { standing.note(.refusing, of: peer) }
        } catch { standing.note(.unreachable, of: peer) }
      }
    }
    return standing
  }

  private func windows(of groups: [BackupGroup]) throws(HoldError) -> [BackupWindow] {
    let windows = try BackupWindow.windows(of: groups)
    meter?.expect(UInt64(windows.reduce(0) { $0 + $1.blocks.count }))
    return windows
  }

  private func count(
    _ window: BackupWindow, _ keepers: Keepers, _ standing: inout BackupStanding
  ) {
    standing.count(window, keepers)
    meter?.advance(by: UInt64(window.blocks.count))
  }

  // MARK: The manifest

  /// Reaches the nodes, and reads the manifest and its pages, from them where they are not here.
  private func begin(
    _ backup: CID, _ addresses: [Multiaddr], _ session: ContentSession
  ) async throws -> (BackupStanding, [BackupGroup]) {
    let (reached, faults) = await exchange.reach(addresses)
    guard !reached.isEmpty else { throw HoldError.noNodes(reasons: faults) }
    let store = exchange.store
    try await bring([backup], from: reached, session)
    let pages = try await exchange.pool.run {
      try BackupManifest.read(backup, in: store).pages
    }
    try await bring(pages, from: reached, session)
    let (manifest, groups) = try await exchange.pool.run {
      try ContentBackup(store: store).groups(of: backup)
    }
    var seen: Set<PeerID> = []
    var nodes: [BackupStanding.Node] = []
    for address in addresses {
      guard let peer = address.peer, seen.insert(peer).inserted else { continue }
      nodes.append(BackupStanding.Node(peer: peer, address: address))
      if !reached.contains(peer) { nodes[nodes.count - 1].state = .unreachable }
    }
    return (BackupStanding(manifest, of: exchange.host.peerID, nodes: nodes), groups)
  }

  /// Fetches blocks of an index that are not here from whoever has them.
  private func bring(
    _ cids: [CID], from peers: [PeerID], _ session: ContentSession
  ) async throws {
    let store = exchange.store
    for peer in peers {
      let missing = try await exchange.pool.run {
        try session.finish()
        return cids.map { CID.v1(.raw, $0.multihash) }.filter { store.verified($0) == nil }
      }
      for start in stride(from: 0, to: missing.count, by: ArchiveRequestLimits.rootsMax) {
        let part = missing[start..<min(missing.count, start + ArchiveRequestLimits.rootsMax)]
        // Whoever has none is no reason not to ask the next.
        try? await holding.fetch(Array(part), from: peer, session)
      }
    }
    try await exchange.pool.run { try session.finish() }
  }

  /// The manifest and its pages in parts that fit a request.
  private func index(_ backup: CID) async throws -> [[HoldBlock]] {
    let store = exchange.store
    return try await exchange.pool.run {
      let cids = [backup] + (try BackupManifest.read(backup, in: store).pages)
      var parts: [[HoldBlock]] = []
      var seen: Set<CID> = []
      for cid in cids where seen.insert(cid).inserted {
        guard let digest = cid.digest,
          let block = HoldBlock(digest: digest, byteCount: try store.block(cid).count)
        else { throw HoldError.malformedBackup }
        let hasRoom = parts.last.map {
          HoldRequest(.ask, $0 + [block]) != nil
        }
        if hasRoom != true { parts.append([]) }
        parts[parts.count - 1].append(block)
      }
      return parts
    }
  }

  /// Sees that each node has the manifest and its pages: whoever has a node's address and the
  /// backup's CID needs nothing else.
  private func lookAfterIndex(
    _ backup: CID, _ standing: inout BackupStanding, gives: Bool
  ) async throws {
    for part in try await index(backup) {
      let keepers = await survey(part, &standing)
      for peer in standing.willing {
        let lacking = part.filter { keepers[$0.digest]?.contains(peer) != true }
        guard !lacking.isEmpty else { continue }
        let answer = gives ? await keep(lacking, on: peer) : .keeps([])
        standing.note(answer, of: peer)
        if answer.kept(of: lacking).count < lacking.count { standing.isIndexKept = false }
      }
    }
  }
}

extension BackupManifest {
  fileprivate static func read(_ cid: CID, in store: BlockStore) throws -> BackupManifest {
    let bytes = try store.block(cid)
    try cid.verify(bytes)
    do { return try BackupManifest(decoding: bytes) } catch {
      throw ContentError.malformedBlock(cid, error)
    }
  }
}
