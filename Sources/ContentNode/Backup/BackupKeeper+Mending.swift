import ContentStore
import Cryptography
import Networking
import Peering
import Persistence
import Primitives

/// Members that no node keeps: brought here, computed, and given to nodes.
extension BackupKeeper {
  /// Gives the members of a window that no node keeps to nodes, as far as they are to be had.
  func mend(
    _ window: BackupWindow, of backup: CID, _ keepers: inout Keepers,
    _ standing: inout BackupStanding, _ session: ContentSession
  ) async throws {
    for _ in 0..<HoldLimits.attemptsMax {
      let wanting = Self.unkept(window.blocks, keepers)
      guard !wanting.isEmpty else { return }
      try await bring(wanting, of: window, &keepers, &standing, session)
      let lost = try await missing(wanting)
      let given = Set(wanting.map(\.digest)).subtracting(lost)
      let placedBefore = standing.placedCount
      try await give(given, of: window, in: backup, &keepers, &standing)
      // Again, for whoever was found to lie on the way.
      guard standing.placedCount > placedBefore else { return }
    }
  }

  private static func lacks(_ group: BackupGroup, _ absent: Set<Digest>) -> Bool {
    group.members.contains { member in
      guard let digest = member.cid.digest else { return false }
      return absent.contains(digest)
    }
  }

  private static func unkept(_ blocks: [HoldBlock], _ keepers: Keepers) -> [HoldBlock] {
    blocks.filter { keepers[$0.digest] == nil }
  }

  /// Brings blocks here that no node keeps: fetches the rest of their groups and computes them.
  private func bring(
    _ wanting: [HoldBlock], of window: BackupWindow, _ keepers: inout Keepers,
    _ standing: inout BackupStanding, _ session: ContentSession
  ) async throws {
    let absent = try await missing(wanting)
    let broken = window.groups.filter { Self.lacks($0, absent) }
    guard !broken.isEmpty else { return }
    try await gather(broken, &keepers, &standing, session)
    let computedCount = try await compute(absent, of: broken, standing.code, session)
    standing.computedCount += computedCount
  }

  /// Which blocks are not here, or damaged.
  private func missing(_ blocks: [HoldBlock]) async throws -> Set<Digest> {
    let store = exchange.store
    return try await exchange.pool.run {
      Set(try blocks.filter { try store.whole($0) == nil }.map(\.digest))
    }
  }

  /// Computes members of groups that are complete enough; returns how many.
  private func compute(
    _ absent: Set<Digest>, of groups: [BackupGroup], _ code: ErasureCode,
    _ session: ContentSession
  ) async throws -> Int {
    let store = exchange.store
    return try await exchange.pool.run {
      var count = 0
      for group in groups {
        let blocks = try BackupWindow.blocks(of: group).map { try store.whole($0) }
        let restored = group.restored(blocks, with: code) ?? []
        let computed = restored.filter { block in
          guard let digest = block.cid.digest else { return false }
          return absent.contains(digest)
        }
        try session.store(computed)
        count += computed.count
      }
      try session.finish()
      return count
    }
  }

  // MARK: Bringing

  /// Fetches members of groups until as many are here as each has data blocks, or nobody has more.
  func gather(
    _ groups: [BackupGroup], _ keepers: inout Keepers, _ standing: inout BackupStanding,
    _ session: ContentSession
  ) async throws {
    while true {
      let wanted = try await nextMembers(of: groups, keepers)
      guard !wanted.isEmpty else { return }
      let orders = Self.shared(wanted, among: keepers)
      let outcomes = await each(orders) { [holding] blocks, peer in
        await holding.take(blocks, from: peer, session)
      }
      // Each round brings something, or somebody is asked for less.
      for (peer, blocks, taken) in outcomes {
        let here = Set(taken.here.map(\.digest))
        standing.fetchedCount += here.count
        let rest = blocks.filter { !here.contains($0.digest) }
        guard let first = rest.first else { continue }
        let isGone = Self.isGone(taken.fault)
        standing.note(isGone ? .gone : .lies, of: peer)
        // An archive ends at the first block that is not there.
        for block in isGone ? rest : [first] {
          let others = keepers[block.digest]?.filter { $0 != peer } ?? []
          keepers[block.digest] = others.isEmpty ? nil : others
        }
      }
    }
  }

  /// Whether a fault says that a node is not there, rather than that a block is not.
  private static func isGone(_ fault: (any Error)?) -> Bool {
    guard let error = fault as? PeerError else { return false }
    return error != .streamReset
  }

  /// Members that groups need and some node keeps: no more than are needed.
  private func nextMembers(
    of groups: [BackupGroup], _ keepers: Keepers
  ) async throws -> [HoldBlock] {
    let store = exchange.store
    return try await exchange.pool.run {
      var wanted: [HoldBlock] = []
      var named: Set<Digest> = []
      for group in groups {
        let members = try BackupWindow.blocks(of: group)
        let absent = try members.filter { try store.whole($0) == nil }
        let needed = group.data.count - (members.count - absent.count)
        guard needed > 0 else { continue }
        let kept = absent.filter { keepers[$0.digest] != nil }
        wanted += kept.prefix(needed).filter { named.insert($0.digest).inserted }
      }
      return wanted
    }
  }

  /// Who is asked for what: whoever of a block's keepers is asked for the fewest so far.
  private static func shared(
    _ blocks: [HoldBlock], among keepers: Keepers
  ) -> [(PeerID, [HoldBlock])] {
    var orders: [(PeerID, [HoldBlock])] = []
    for block in blocks {
      let load = (keepers[block.digest] ?? []).map { peer in
        (place: orders.firstIndex { $0.0 == peer }, peer: peer)
      }
      let least = load.min {
        ($0.place.map { orders[$0].1.count } ?? 0) < ($1.place.map { orders[$0].1.count } ?? 0)
      }
      guard let least else { continue }
      if let place = least.place {
        orders[place].1.append(block)
      } else {
        orders.append((least.peer, [block]))
      }
    }
    return orders
  }

  // MARK: Giving

  /// Gives blocks that are here to nodes; what one does not take goes to another.
  private func give(
    _ digests: Set<Digest>, of window: BackupWindow, in backup: CID, _ keepers: inout Keepers,
    _ standing: inout BackupStanding
  ) async throws {
    for _ in 0..<HoldLimits.attemptsMax {
      let left = digests.filter { keepers[$0] == nil }
      let orders = try Self.placed(left, of: window, in: backup, keepers, standing.willing)
      guard !orders.isEmpty else { return }
      let outcomes = await each(orders) { blocks, peer in await keep(blocks, on: peer) }
      for (peer, blocks, outcome) in outcomes {
        let kept = outcome.kept(of: blocks)
        standing.note(outcome, of: peer)
        standing.placedCount += kept.count
        for block in kept { keepers[block.digest, default: []].append(peer) }
        if case .keeps = outcome, kept.count < blocks.count {
          standing.note(.refusing, of: peer)
        }
      }
    }
  }

  /// Which node is to keep which block.
  private static func placed(
    _ digests: Set<Digest>, of window: BackupWindow, in backup: CID, _ keepers: Keepers,
    _ nodes: [PeerID]
  ) throws -> [(PeerID, [HoldBlock])] {
    var orders: [PeerID: [HoldBlock]] = [:]
    var named: Set<Digest> = []
    for (place, group) in window.groups.enumerated() {
      let blocks = try BackupWindow.blocks(of: group)
      var kept: [PeerID: Int] = [:]
      for peer in blocks.flatMap({ keepers[$0.digest] ?? [] }) { kept[peer, default: 0] += 1 }
      let members = blocks.indices.filter {
        digests.contains(blocks[$0].digest) && named.insert(blocks[$0].digest).inserted
      }
      let chosen = BackupPlacement.nodes(
        for: members, of: window.first + place, in: backup, kept: kept, among: nodes)
      for (member, peer) in zip(members, chosen) {
        orders[peer, default: []].append(blocks[member])
      }
    }
    return nodes.compactMap { node in orders[node].map { (node, $0) } }
  }
}
