import Primitives

extension BitswapClientMachine {
  mutating func received(
    _ blocks: [ContentBlock], _ presences: [BitswapMessage.Presence], from peer: BitswapPeer,
    _ now: Tick, _ effects: inout [BitswapClientEffect]
  ) {
    guard contacts[peer]?.isExcluded == false else { return }
    contacts[peer]?.lastHeard = now
    for block in blocks {
      guard contacts[peer]?.wasAsked(block.cid.multihash) == true else {
        counts.unasked += 1
        return exclude(peer, for: .unaskedBlock, &effects)
      }
      take(block, from: peer, &effects)
    }
    for presence in presences { take(presence, from: peer) }
  }

  private mutating func take(
    _ block: ContentBlock, from peer: BitswapPeer, _ effects: inout [BitswapClientEffect]
  ) {
    let key = block.cid.multihash
    var isWanted = false
    for id in sessions.keys.sorted() {
      guard let want = sessions[id]?.wants.removeValue(forKey: key) else { continue }
      isWanted = true
      sessions[id]?.hasSearched = false
      sessions[id]?.waiting.removeAll { $0 == key }
      if let asked = want.asked {
        if let index = sessions[id]?.index(of: asked) {
          sessions[id]?.members[index].askedCount -= 1
        }
        if asked != peer { cancel(want.cid, key, at: asked) }
      }
      credit(peer, in: id)
      effects.append(.deliver(ContentBlock(trusting: want.cid, block.bytes), to: id))
    }
    guard isWanted else {
      counts.duplicates += 1
      return
    }
    counts.blocks += 1
    counts.bytes += UInt64(block.bytes.count)
  }

  /// A member that carries gets more to carry.
  private mutating func credit(_ peer: BitswapPeer, in id: BitswapSessionID) {
    sessions[id]?.admit(peer)
    guard let index = sessions[id]?.index(of: peer),
      let window = sessions[id]?.members[index].window
    else { return }
    sessions[id]?.members[index].silences = 0
    sessions[id]?.members[index].window = min(window + 1, BitswapLimits.windowMax)
  }

  private mutating func take(_ presence: BitswapMessage.Presence, from peer: BitswapPeer) {
    let key = presence.cid.multihash
    // Whoever was not asked says nothing of use.
    guard contacts[peer]?.wasAsked(key) == true else { return }
    for id in sessions.keys.sorted() {
      guard let want = sessions[id]?.wants[key] else { continue }
      if presence.isHad {
        sessions[id]?.wants[key]?.refused.remove(peer)
        sessions[id]?.admit(peer)
      } else {
        sessions[id]?.wants[key]?.refused.insert(peer)
        if want.asked == peer { sessions[id]?.release(key) }
      }
    }
  }

  private mutating func exclude(
    _ peer: BitswapPeer, for misconduct: BitswapMisconduct, _ effects: inout [BitswapClientEffect]
  ) {
    contacts[peer]?.isExcluded = true
    for id in sessions.keys.sorted() { dismiss(peer, from: id) }
    effects.append(.misconduct(misconduct, of: peer))
  }

  /// Takes their wants from members of which nothing came for too long.
  mutating func noticeSilence(_ now: Tick, _ effects: inout [BitswapClientEffect]) {
    var silent: Set<BitswapPeer> = []
    for id in sessions.keys.sorted() {
      for member in sessions[id]?.members ?? [] where member.askedCount > 0 {
        guard let contact = contacts[member.peer],
          contact.lastHeard.advanced(by: BitswapLimits.silence) <= now
        else { continue }
        silent.insert(member.peer)
        counts.silences += 1
        turnTaken(from: member, in: id)
      }
    }
    for peer in silent { contacts[peer]?.lastHeard = now }
  }

  private mutating func turnTaken(from member: BitswapSession.Member, in id: BitswapSessionID) {
    guard let session = sessions[id], let index = session.index(of: member.peer) else { return }
    for key in session.asked(of: member.peer) {
      sessions[id]?.release(key)
      sessions[id]?.wants[key]?.avoided.insert(member.peer)
    }
    sessions[id]?.members[index].silences += 1
    sessions[id]?.members[index].window = BitswapLimits.windowMin
    guard member.silences + 1 >= BitswapLimits.silencesMax else { return }
    for key in session.wants.keys { sessions[id]?.wants[key]?.refused.insert(member.peer) }
    dismiss(member.peer, from: id)
  }
}
