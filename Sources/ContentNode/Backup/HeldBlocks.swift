import ContentStore
package import Cryptography
import Networking
package import Persistence
import Primitives
import Telemetry

/// What a storage node keeps, and for whom: lists in its store, each under a recursive pin that
/// names the owner. Everything here blocks the calling thread.
package final class HeldBlocks: Sendable {
  fileprivate struct Owner {
    /// The lists that are pinned.
    var lists: [CID: [HoldBlock]] = [:]
    /// What they hold.
    var sizes: [Digest: Int] = [:]
    /// Bytes of that.
    var bytes: UInt64 = 0
    /// Bytes that are on their way.
    var reserved: UInt64 = 0
  }

  /// What the name of a pin begins with; the owner follows.
  private static let pinNamePrefix = "held for "

  private let store: BlockStore
  private let policy: HoldPolicy
  private let owners: Lock<[PeerID: Owner]>

  /// Reads what is kept already.
  package init(store: BlockStore, policy: HoldPolicy) throws {
    self.store = store
    self.policy = policy
    var owners: [PeerID: Owner] = [:]
    var last: CID?
    while true {
      let pins = try store.pins(after: last)
      for pin in pins where pin.name.hasPrefix(Self.pinNamePrefix) {
        // Somebody else may have given a pin such a name.
        guard let list = try? HeldList(decoding: store.block(pin.cid)) else { continue }
        owners[list.owner, default: Owner()].add(list.blocks, as: pin.cid)
      }
      guard let end = pins.last else { break }
      last = end.cid
    }
    self.owners = Lock(owners)
  }

  /// Bytes that are kept for a peer.
  package func bytes(for peer: PeerID) -> UInt64 {
    owners.withLock { $0[peer]?.bytes ?? 0 }
  }

  /// Which blocks are kept for a peer, and how many bytes more would be.
  func held(_ blocks: [HoldBlock], for peer: PeerID) throws -> HoldAnswer {
    try owners.withLock { owners in
      let sizes = owners[peer]?.sizes ?? [:]
      let flags = try blocks.map { block in
        try sizes[block.digest] != nil && store.contains(block.digest)
      }
      return .held(flags, room: room(for: peer, owners))
    }
  }

  /// Which blocks are here, for whomever.
  func found(_ blocks: [HoldBlock]) throws -> HoldAnswer {
    .held(try blocks.map { try store.contains($0.digest) }, room: 0)
  }

  /// Which blocks are to be fetched for a peer, as far as there is room for them: that room is
  /// reserved until `end`.
  func reserve(_ blocks: [HoldBlock], for peer: PeerID) throws -> [HoldBlock] {
    try owners.withLock { owners in
      guard owners[peer] != nil || owners.count < HoldLimits.ownersMax else { return [] }
      var room = room(for: peer, owners)
      var places = HoldLimits.blocksMax - owners.values.reduce(0) { $0 + $1.sizes.count }
      var chosen: [HoldBlock] = []
      for block in blocks {
        let isHeld = owners[peer]?.sizes[block.digest] != nil
        // What was damaged meanwhile is fetched again, and so mended.
        if isHeld, try store.whole(block) != nil { continue }
        // It has its room already.
        let bytes = isHeld ? 0 : UInt64(block.byteCount)
        guard bytes <= room, places > 0 else { continue }
        room -= bytes
        places -= 1
        chosen.append(block)
      }
      if !chosen.isEmpty { owners[peer, default: Owner()].reserved += Self.bytes(of: chosen) }
      return chosen
    }
  }

  /// Gives reserved room back, and keeps what was fetched of it; durable on return.
  func end(_ reserved: [HoldBlock], keeping fetched: [HoldBlock], for peer: PeerID) throws {
    try owners.withLock { owners in
      var owner = owners[peer] ?? Owner()
      let bytes = Self.bytes(of: reserved)
      owner.reserved -= min(owner.reserved, bytes)
      defer { owners[peer] = owner.isEmpty ? nil : owner }
      let fresh = fetched.filter { owner.sizes[$0.digest] == nil }
      guard !fresh.isEmpty else { return }
      owner.add(fresh, as: try pin(fresh, for: peer))
    }
  }

  /// Gives reserved room back.
  func cancel(_ reserved: [HoldBlock], for peer: PeerID) {
    owners.withLock { owners in
      guard var owner = owners[peer] else { return }
      owner.reserved -= min(owner.reserved, Self.bytes(of: reserved))
      owners[peer] = owner.isEmpty ? nil : owner
    }
  }

  /// Keeps blocks for a peer no longer; durable on return.
  func release(_ blocks: [HoldBlock], for peer: PeerID) throws {
    try owners.withLock { owners in
      guard var owner = owners[peer] else { return }
      defer { owners[peer] = owner.isEmpty ? nil : owner }
      let released = Set(blocks.map(\.digest))
      for (cid, list) in owner.lists where list.contains(where: { released.contains($0.digest) }) {
        let rest = list.filter { !released.contains($0.digest) }
        // The rest first: a crash between the two leaves too much, never too little.
        let other = rest.isEmpty ? nil : try pin(rest, for: peer)
        try store.unpinBlocking(cid)
        owner.lists[cid] = nil
        if let other { owner.lists[other] = rest }
      }
      for digest in released {
        guard let size = owner.sizes.removeValue(forKey: digest) else { continue }
        owner.bytes -= UInt64(size)
      }
    }
  }

  private func pin(_ blocks: [HoldBlock], for peer: PeerID) throws -> CID {
    let session = ContentSession(store: store, isPinning: false)
    let list = try HeldList(owner: peer, blocks: blocks).block()
    try session.store([list])
    try session.finish()
    return try store.pinBlocking(list.cid, name: "\(Self.pinNamePrefix)\(peer)").cid
  }

  private func room(for peer: PeerID, _ owners: [PeerID: Owner]) -> UInt64 {
    let used: UInt64
    switch policy.owners {
    case .named: used = owners[peer].map { $0.bytes + $0.reserved } ?? 0
    case .anybody: used = owners.values.reduce(0) { $0 + $1.bytes + $1.reserved }
    }
    return policy.bytesMax - min(policy.bytesMax, used)
  }

  private static func bytes(of blocks: [HoldBlock]) -> UInt64 {
    blocks.reduce(0) { $0 + UInt64($1.byteCount) }
  }
}

extension HeldBlocks.Owner {
  fileprivate var isEmpty: Bool { lists.isEmpty && reserved == 0 }

  fileprivate mutating func add(_ blocks: [HoldBlock], as list: CID) {
    lists[list] = blocks
    for block in blocks where sizes.updateValue(block.byteCount, forKey: block.digest) == nil {
      bytes += UInt64(block.byteCount)
    }
  }
}
