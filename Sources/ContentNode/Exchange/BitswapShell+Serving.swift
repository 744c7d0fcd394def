import ContentStore
import Networking
import Persistence
import Primitives

/// Giving others what they want.
extension BitswapShell {
  /// Does what the server wants, except for the look-ups, which are left to who waits for them.
  func perform(_ effects: [BitswapServerEffect]) -> [@Sendable () async -> Void] {
    var lookUps: [@Sendable () async -> Void] = []
    for effect in effects {
      switch effect {
      case .lookUp(let cids, let peer):
        lookUps.append { await self.lookUp(cids, for: peer) }
      case .read(let cids, let peer, let reserved):
        let began = host.assumeIsolated { host in
          host.begin { await self.read(cids, for: peer, reserved: reserved) }
        }
        guard !began else { continue }
        loop.execute { self.assumeIsolated { $0.took([:], of: cids, for: peer, reserved) } }
      case .send(let message, let peer): enqueue(message, to: peer)
      }
    }
    return lookUps
  }

  private func lookUp(_ cids: [CID], for peer: BitswapPeer) async {
    let store = store
    let asked = allowed(cids, for: peer)
    let had = try? await pool.run {
      Set(
        asked.filter { cid in
          guard cid.inlineBlock == nil, let digest = try? store.digest(of: cid) else {
            return false
          }
          return (try? store.contains(digest)) == true
        })
    }
    _ = perform(server.handle(.looked(cids, has: had ?? [], for: peer)))
  }

  private func allowed(_ cids: [CID], for peer: BitswapPeer) -> [CID] {
    guard let serves else { return cids }
    guard let name = links[peer]?.peer else { return [] }
    return cids.filter { serves($0, name) }
  }

  private func read(_ cids: [CID], for peer: BitswapPeer, reserved: Int) async {
    let store = store
    // Somebody may have said otherwise since the look-up.
    let asked = allowed(cids, for: peer)
    let blocks = try? await pool.run {
      var blocks: [CID: Bytes] = [:]
      for cid in asked { blocks[cid] = store.verified(cid) }
      return blocks
    }
    took(blocks ?? [:], of: cids, for: peer, reserved)
  }

  private func took(
    _ blocks: [CID: Bytes], of cids: [CID], for peer: BitswapPeer, _ reserved: Int
  ) {
    _ = perform(server.handle(.read(cids, blocks, for: peer, reserved: reserved)))
  }

  /// The store has new blocks, which somebody may wait for.
  func stored(_ cids: [CID]) { _ = perform(server.handle(.stored(cids))) }
}

extension BlockStore {
  /// A block that is what its CID names; nil where it is not stored or damaged.
  func verified(_ cid: CID) -> Bytes? {
    guard let block = try? block(cid) else { return nil }
    guard (try? cid.verify(block)) != nil else {
      if let digest = try? digest(of: cid) { noteDamage(digest) }
      return nil
    }
    return block
  }
}
