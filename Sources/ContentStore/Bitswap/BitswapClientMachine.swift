public import Primitives

/// The asking side of bitswap: which peer is asked for which block, and when another one.
///
/// A session asks its members for blocks, each for as many at a time as it has shown to carry, so
/// the load spreads by speed. A block that no member has is asked about (want-have) among the other
/// connected peers; who has it becomes a member. When nobody has it, a search is asked for. A
/// member that is silent loses its turn, and after three times its place; one that sends what it
/// was not asked for loses it at once.
public struct BitswapClientMachine: Sendable {
  var sessions: [BitswapSessionID: BitswapSession] = [:]
  var contacts: [BitswapPeer: BitswapContact] = [:]
  /// What came of it all.
  public internal(set) var counts = BitswapClientCounts()
  /// What is to be sent at the end of the event under way.
  var outgoing: [BitswapPeer: [BitswapMessage.Want]] = [:]

  /// A client that wants nothing.
  public init() {}

  /// Takes an event and says what is to be done.
  public mutating func handle(
    _ event: BitswapClientEvent, now: Tick
  ) -> [BitswapClientEffect] {
    var effects: [BitswapClientEffect] = []
    switch event {
    case .connected(let peer): connected(peer, now)
    case .disconnected(let peer): disconnected(peer)
    case .begin(let id, let peers):
      sessions[id] = BitswapSession()
      suggest(peers, to: id)
    case .want(let id, let cids): want(cids, id)
    case .suggest(let id, let peers): suggest(peers, to: id)
    case .searchEnded(let id):
      sessions[id]?.isSearching = false
      sessions[id]?.hasSearched = true
    case .end(let id): end(id)
    case .received(let blocks, let presences, let peer):
      received(blocks, presences, from: peer, now, &effects)
    case .tick: noticeSilence(now, &effects)
    }
    for id in sessions.keys.sorted() { assign(id, now, &effects) }
    for (peer, wants) in outgoing.sorted(by: { $0.key < $1.key }) {
      effects.append(.send(wants, to: peer))
    }
    outgoing.removeAll(keepingCapacity: true)
    return effects
  }

  /// When `tick` is due; nil while nothing is asked for.
  public var nextWake: Tick? {
    var wake: Tick?
    func note(_ moment: Tick) { wake = min(wake ?? moment, moment) }
    for session in sessions.values {
      for member in session.members where member.askedCount > 0 {
        guard let contact = contacts[member.peer] else { continue }
        note(contact.lastHeard.advanced(by: BitswapLimits.silence))
      }
      guard !session.isSearching else { continue }
      for key in session.waiting {
        guard let probedAt = session.wants[key]?.probedAt else { continue }
        note(probedAt.advanced(by: BitswapLimits.probeTime))
      }
    }
    return wake
  }

  /// The blocks that a session wants and has not got.
  public func wantCount(of id: BitswapSessionID) -> Int { sessions[id]?.wants.count ?? 0 }

  // MARK: Sessions

  private mutating func suggest(_ peers: [BitswapPeer], to id: BitswapSessionID) {
    for peer in peers where contacts[peer]?.isExcluded == false { sessions[id]?.admit(peer) }
  }

  private mutating func want(_ cids: [CID], _ id: BitswapSessionID) {
    guard let session = sessions[id] else { return }
    var count = session.wants.count
    for cid in cids where session.wants[cid.multihash] == nil {
      guard count < BitswapLimits.wantsPerSessionMax else { return }
      guard sessions[id]?.wants[cid.multihash] == nil else { continue }
      sessions[id]?.wants[cid.multihash] = BitswapSession.Want(cid: cid)
      sessions[id]?.waiting.append(cid.multihash)
      count += 1
    }
  }

  private mutating func end(_ id: BitswapSessionID) {
    guard let session = sessions.removeValue(forKey: id) else { return }
    for (key, want) in session.wants.sorted(by: { $0.value.cid < $1.value.cid }) {
      if let peer = want.asked { cancel(want.cid, key, at: peer) }
    }
  }

  /// Tells a peer that a block is wanted no more, unless another session still waits for it there.
  func isAsked(_ key: Multihash, of peer: BitswapPeer) -> Bool {
    sessions.values.contains { $0.wants[key]?.asked == peer }
  }

  mutating func cancel(_ cid: CID, _ key: Multihash, at peer: BitswapPeer) {
    guard !isAsked(key, of: peer) else { return }
    outgoing[peer, default: []].append(
      BitswapMessage.Want(cid, .cancel, priority: 0, sendsDontHave: false))
  }

  /// A newcomer is asked about what nobody else is known to have.
  private mutating func connected(_ peer: BitswapPeer, _ now: Tick) {
    guard contacts[peer] == nil else { return }
    contacts[peer] = BitswapContact(now: now)
    for id in sessions.keys.sorted() {
      guard let session = sessions[id] else { continue }
      for want in session.waiting.compactMap({ session.wants[$0] }) where want.probedAt != nil {
        probe(peer, about: want.cid)
      }
    }
  }

  private mutating func probe(_ peer: BitswapPeer, about cid: CID) {
    contacts[peer]?.noteAsked(cid.multihash)
    outgoing[peer, default: []].append(BitswapMessage.Want(cid, .have))
  }

  private mutating func disconnected(_ peer: BitswapPeer) {
    contacts[peer] = nil
    for id in sessions.keys.sorted() { dismiss(peer, from: id) }
  }

  /// Takes a peer's place and its wants away.
  mutating func dismiss(_ peer: BitswapPeer, from id: BitswapSessionID) {
    guard let session = sessions[id], let index = session.index(of: peer) else { return }
    for key in session.asked(of: peer) { sessions[id]?.release(key) }
    sessions[id]?.members.remove(at: index)
  }

  // MARK: Asking

  /// Asks for what waits, in order, as far as members have room.
  private mutating func assign(
    _ id: BitswapSessionID, _ now: Tick, _ effects: inout [BitswapClientEffect]
  ) {
    guard var session = sessions[id], !session.waiting.isEmpty else { return }
    var left: [Multihash] = []
    for key in session.waiting {
      guard let want = session.wants[key] else { continue }
      let (index, exists) = session.member(for: want)
      if let index {
        ask(want, key, of: index, &session, now)
        continue
      }
      left.append(key)
      if !exists { look(for: want, key, id, &session, now, &effects) }
    }
    session.waiting = left.filter { session.wants[$0] != nil }
    sessions[id] = session
  }

  private mutating func ask(
    _ want: BitswapSession.Want, _ key: Multihash, of index: Int, _ session: inout BitswapSession,
    _ now: Tick
  ) {
    let peer = session.members[index].peer
    // A peer that had nothing to do was not silent.
    if session.members[index].askedCount == 0 { contacts[peer]?.lastHeard = now }
    session.members[index].askedCount += 1
    session.wants[key]?.asked = peer
    contacts[peer]?.noteAsked(key)
    outgoing[peer, default: []].append(BitswapMessage.Want(want.cid))
  }

  /// No member has the block: other peers are asked whether they do, then a search is begun.
  private mutating func look(
    for want: BitswapSession.Want, _ key: Multihash, _ id: BitswapSessionID,
    _ session: inout BitswapSession, _ now: Tick, _ effects: inout [BitswapClientEffect]
  ) {
    if want.probedAt == nil {
      session.wants[key]?.probedAt = now
      let others = contacts.filter { !$0.value.isExcluded && !want.refused.contains($0.key) }
      for peer in others.keys.sorted().prefix(BitswapLimits.probesMax) {
        probe(peer, about: want.cid)
      }
      if !others.isEmpty { return }
    } else if let probedAt = want.probedAt,
      now < probedAt.advanced(by: BitswapLimits.probeTime), hasUnanswered(want)
    {
      return
    }
    guard !session.isSearching else { return }
    if session.hasSearched {
      session.wants[key] = nil
      effects.append(.unavailable(want.cid, for: id))
    } else {
      session.isSearching = true
      effects.append(.search(want.cid, for: id))
    }
  }

  /// Whether a peer that was asked about the block may still answer.
  private func hasUnanswered(_ want: BitswapSession.Want) -> Bool {
    contacts.contains { !$0.value.isExcluded && !want.refused.contains($0.key) }
  }
}
