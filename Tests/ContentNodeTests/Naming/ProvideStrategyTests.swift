import ContentNode
import ContentStore
import Cryptography
import Persistence
import Primitives
import Testing

/// What a node would announce of a store with a pinned tree, a block pinned by itself, and one that
/// nothing pins.
@Suite("What is announced", .timeLimit(.minutes(1)))
struct ProvideStrategyTests {
  @Test("each strategy names what it says, every block once", arguments: ProvideStrategy.allCases)
  func strategy(_ strategy: ProvideStrategy) async throws {
    try await ExchangeWorld.withLoop { loop in
      try await ExchangeWorld.withNode(loop, serving: .none) { node in
        let file = try await node.add(byteCount: 3_000_000, seed: 7).file
        let leaves = try DagLinks.links(of: node.store.block(file.cid), file.cid)
        let single = ContentBlock(hashing: Bytes("by itself".utf8), codec: .raw)
        let loose = ContentBlock(hashing: Bytes("nobody keeps it".utf8), codec: .raw)
        try await node.store.put([single, loose])
        _ = try await node.store.pin(file.cid)
        // A part of the tree that is pinned once more.
        _ = try await node.store.pin(leaves[0], .direct)
        _ = try await node.store.pin(single.cid, .direct)

        let due = try await ContentAnnouncer(
          store: node.store, tables: [], strategy: strategy, loop: loop
        ).due().map(\.multihash)
        let tree = ([file.cid] + leaves).map(\.multihash)
        let wanted: Set<Multihash> =
          switch strategy {
          case .roots: [file.cid.multihash]
          case .pinned: Set(tree + [single.cid.multihash])
          case .all: Set(tree + [single.cid.multihash, loose.cid.multihash])
          }
        #expect(Set(due) == wanted && due.count == wanted.count)
      }
    }
  }
}
