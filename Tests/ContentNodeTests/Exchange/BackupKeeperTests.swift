import ContentNode
import ContentStore
import Cryptography
import Networking
import Peering
import Persistence
import Primitives
import Telemetry
import Testing

/// A backup on storage nodes, all in one process on loopback.
private let patience: HoldTimeouts = {
  var timeouts = HoldTimeouts()
  timeouts.request = ExchangeWorld.patience
  timeouts.answer = ExchangeWorld.patience
  return timeouts
}()

@Suite("Backups on storage nodes", .timeLimit(.minutes(2)))
struct BackupKeeperTests {
  private static let code = ErasureCode(dataCount: 4, parityCount: 2) ?? .standard

  /// Begins to keep blocks for others.
  private static func keep(
    _ node: ExchangeNode, for owners: HoldPolicy.Owners, bytesMax: UInt64 = 1 << 30
  ) async throws -> HeldBlocks {
    let policy = HoldPolicy(owners, bytesMax: bytesMax)
    let held = try HeldBlocks(store: node.store, policy: policy)
    await BlockHolding(exchange: node.exchange, timeouts: patience)
      .start(keeping: held, for: policy)
    return held
  }

  /// Runs `body` beside so many nodes, all of which keep blocks for anybody.
  private static func withHolders(
    _ count: Int, _ loop: EventLoop, _ nodes: [ExchangeNode] = [],
    _ body: ([ExchangeNode]) async throws -> Void
  ) async throws {
    guard nodes.count < count else { return try await body(nodes) }
    try await ExchangeWorld.withNode(loop) { node in
      _ = try await keep(node, for: .anybody)
      try await withHolders(count, loop, nodes + [node], body)
    }
  }

  private static func keeper(_ node: ExchangeNode) -> BackupKeeper {
    BackupKeeper(BlockHolding(exchange: node.exchange, timeouts: patience))
  }

  /// Forgets everything that the owner has.
  private static func forget(_ cids: [CID], in store: BlockStore) throws {
    for cid in cids { try store.unpinBlocking(cid) }
    _ = try store.collectBlocking()
    for cid in cids { #expect(throws: (any Error).self) { try store.block(cid) } }
  }

  @Test("two of six nodes leave, their members are rebuilt elsewhere, and all comes back")
  func leaving() async throws {
    try await ExchangeWorld.withLoop { loop in
      try await ExchangeWorld.withNode(loop) { owner in
        let (file, _) = try await owner.add(byteCount: 9_000_000, seed: 7)
        try await owner.store.pin(file.cid)
        let backup = try ContentBackup(store: owner.store).addBlocking(file.cid, with: Self.code)
        let keeper = Self.keeper(owner)
        try await Self.withHolders(4, loop) { staying in
          try await Self.withHolders(2, loop) { leaving in
            let addresses = (staying + leaving).map(\.address)
            let placed = try await keeper.place(backup, on: addresses)
            #expect(placed.isWhole && placed.lossesSurvived == 2)
            #expect(placed.placedCount == placed.memberCount && placed.computedCount == 0)
            // Nothing is left to do.
            let meter = WorkMeter()
            let again = try await keeper.counting(on: meter).place(backup, on: addresses)
            #expect(meter.done == again.memberCount && meter.total == meter.done)
            #expect(again.isWhole && again.placedCount == 0 && again.fetchedCount == 0)
          }
          try Self.forget([backup, file.cid], in: owner.store)
          let addresses = staying.map(\.address)
          let seen = try await keeper.check(backup, on: addresses)
          #expect(!seen.isWhole && seen.lossesSurvived == 0 && seen.lostGroups.isEmpty)
          try await Self.withHolders(2, loop) { joining in
            let all = addresses + joining.map(\.address)
            let mended = try await keeper.place(backup, on: all)
            #expect(mended.isWhole && mended.lossesSurvived == 2 && mended.computedCount > 0)
            #expect(mended.placedCount == mended.memberCount - seen.keptCount)
          }
        }
        // Everybody has left now.
        await #expect(throws: HoldError.self) { try await keeper.check(backup, on: []) }
      }
    }
  }

  @Test("an owner who lost everything reads its content back from four nodes of six")
  func restoring() async throws {
    try await ExchangeWorld.withLoop { loop in
      try await Self.withHolders(4, loop) { staying in
        var found: (backup: CID, file: CID, content: Bytes)?
        try await Self.withHolders(2, loop) { leaving in
          try await ExchangeWorld.withNode(loop) { owner in
            let (file, content) = try await owner.add(byteCount: 5_000_000, seed: 8)
            let backup = try ContentBackup(store: owner.store)
              .addBlocking(file.cid, with: Self.code)
            let placed = try await Self.keeper(owner).place(
              backup, on: (staying + leaving).map(\.address))
            #expect(placed.isWhole)
            found = (backup, file.cid, content)
          }
        }
        let (backup, file, content) = try #require(found)
        try await ExchangeWorld.withNode(loop) { other in
          let (standing, repair) = try await Self.keeper(other).restore(
            backup, from: staying.map(\.address))
          #expect(repair.isWhole && repair.computedCount > 0, "\(repair)")
          #expect(standing.fetchedCount > 0, "\(standing)")
          #expect(try await other.content(of: file) == content)
          #expect(try other.store.pin(of: backup) != nil)
        }
      }
    }
  }

  @Test("a node that says that it keeps what it does not is found out, and passed over")
  func liar() async throws {
    try await ExchangeWorld.withLoop { loop in
      try await ExchangeWorld.withNode(loop) { owner in
        let (file, _) = try await owner.add(byteCount: 6_000_000, seed: 9)
        let backup = try ContentBackup(store: owner.store).addBlocking(file.cid, with: Self.code)
        try await Self.withHolders(6, loop) { honest in
          try await ExchangeWorld.withNode(loop) { liar in
            await liar.host.serve(
              StreamProtocol(BlockHolding.protocolID) { stream in
                let bytes = try await stream.readMessage(limit: 1 << 20) ?? []
                let request = try HoldRequest(decoding: bytes)
                let answer = HoldAnswer.held(request.blocks.map { _ in true }, room: .max)
                try await stream.writeMessage(answer.encoded())
              })
            let addresses = [liar.address] + honest.map(\.address)
            let standing = try await Self.keeper(owner).place(backup, on: addresses)
            #expect(standing.isWhole && standing.lossesSurvived == 2)
            let states = Dictionary(
              uniqueKeysWithValues: standing.nodes.map { ($0.peer, $0.state) })
            #expect(states[liar.host.peerID] == .lying)
            #expect(honest.allSatisfy { states[$0.host.peerID] == .keeping })
            #expect(standing.nodes[0].members == 0)
          }
        }
      }
    }
  }

  @Test("strangers are refused, and nobody gets more than the quota")
  func policy() async throws {
    try await ExchangeWorld.withLoop { loop in
      try await ExchangeWorld.withNode(loop) { owner in
        let (file, _) = try await owner.add(byteCount: 6_000_000, seed: 10)
        let backup = try ContentBackup(store: owner.store).addBlocking(file.cid, with: Self.code)
        let group = try ContentBackup(store: owner.store).groups(of: backup).groups[0]
        let blocks = group.members.compactMap { HoldBlock($0) }
        let holding = BlockHolding(exchange: owner.exchange, timeouts: patience)
        try await ExchangeWorld.withNode(loop) { node in
          let peer = node.host.peerID
          _ = try await owner.host.connect(to: peer, at: [node.address])
          _ = try await Self.keep(node, for: .named([]))
          #expect(try await holding.request(.keep, blocks, of: peer) == .refused(.stranger))
          #expect(try await holding.request(.ask, blocks, of: peer) == .refused(.stranger))
          let none = HoldAnswer.held(blocks.map { _ in false }, room: 0)
          #expect(try await holding.request(.find, blocks, of: peer) == none)
          let room = UInt64(blocks[0].byteCount + blocks[1].byteCount)
          let held = try await Self.keep(
            node, for: .named([owner.host.peerID]), bytesMax: room + 7)
          let some = HoldAnswer.held(blocks.indices.map { $0 < 2 }, room: 7)
          #expect(try await holding.request(.keep, blocks, of: peer) == some)
          #expect(held.bytes(for: owner.host.peerID) == room)
          // A node that begins anew knows it from its pins, and a collection spares it.
          _ = try node.store.collectBlocking()
          _ = try await Self.keep(node, for: .named([owner.host.peerID]), bytesMax: room + 7)
          #expect(try await holding.request(.ask, blocks, of: peer) == some)
          let one = try await holding.request(.release, [blocks[0]], of: peer)
          #expect(one == .held([false], room: 7 + UInt64(blocks[0].byteCount)))
          #expect(
            try await holding.request(.ask, Array(blocks[..<2]), of: peer)
              == .held([false, true], room: 7 + UInt64(blocks[0].byteCount)))
          _ = try node.store.collectBlocking()
          #expect(throws: (any Error).self) { try node.store.block(blocks[0].cid) }
          #expect(try node.store.block(blocks[1].cid).count == blocks[1].byteCount)
        }
      }
    }
  }

  @Test("what several owners have in common is kept for each until it lets go")
  func sharing() async throws {
    try await ExchangeWorld.withLoop { loop in
      try await ExchangeWorld.withNode(loop) { node in
        _ = try await Self.keep(node, for: .anybody)
        let block = ContentBlock(hashing: Bytes(repeating: 3, count: 5_000), codec: .raw)
        let named = try #require(
          HoldBlock(digest: SHA256.hash(block.bytes), byteCount: block.bytes.count))
        for round in 0..<2 {
          try await ExchangeWorld.withNode(loop) { owner in
            let upload = ContentUpload(store: owner.store, layout: UnixFSProfile.v1In2025.layout)
            try await upload.append(block.bytes)
            _ = try await upload.finish()
            _ = try await owner.host.connect(to: node.host.peerID, at: [node.address])
            let holding = BlockHolding(exchange: owner.exchange, timeouts: patience)
            guard
              case .held([true], _) = try await holding.request(
                .keep, [named], of: node.host.peerID)
            else {
              Issue.record("it was not kept")
              return
            }
            guard round == 1 else { return }
            _ = try await holding.request(.release, [named], of: node.host.peerID)
          }
        }
        _ = try node.store.collectBlocking()
        #expect(try node.store.block(named.cid) == block.bytes)
      }
    }
  }

  @Test("blocks of other sizes than the owner says, and broken requests, keep nothing")
  func hostileOwner() async throws {
    try await ExchangeWorld.withLoop { loop in
      try await ExchangeWorld.withNode(loop) { owner in
        let (file, _) = try await owner.add(byteCount: 900_000, seed: 11)
        let digest = try #require(file.cid.digest)
        try await ExchangeWorld.withNode(loop) { node in
          let held = try await Self.keep(node, for: .anybody)
          let peer = node.host.peerID
          _ = try await owner.host.connect(to: peer, at: [node.address])
          let holding = BlockHolding(exchange: owner.exchange, timeouts: patience)
          let small = try #require(HoldBlock(digest: digest, byteCount: 1))
          #expect(
            try await holding.request(.keep, [small], of: peer) == .held([false], room: 1 << 30))
          // What the owner has not itself.
          let absent = try #require(HoldBlock(digest: SHA256.hash([1]), byteCount: 1))
          #expect(
            try await holding.request(.keep, [absent], of: peer) == .held([false], room: 1 << 30))
          #expect(held.bytes(for: owner.host.peerID) == 0)
          let stream = try await owner.host.open([BlockHolding.protocolID], to: peer)
          try await stream.writeMessage([0xff, 0x00])
          let bytes = try #require(try await stream.readMessage(limit: 1_024))
          #expect(try HoldAnswer(decoding: bytes, count: 1) == .refused(.malformed))
        }
      }
    }
  }
}
