import Primitives

/// What one session wants, and of whom.
struct BitswapSession: Sendable {
  /// A block that the session wants.
  struct Want: Sendable {
    let cid: CID
    /// Who was asked for the block itself; nil while nobody is.
    var asked: BitswapPeer?
    /// Who said no.
    var refused: Set<BitswapPeer> = []
    /// Who was asked and silent: asked again only where nobody else is left.
    var avoided: Set<BitswapPeer> = []
    /// When peers outside of the session were asked whether they have it.
    var probedAt: Tick?
  }

  /// A peer that probably has what the session wants.
  struct Member: Sendable {
    let peer: BitswapPeer
    /// Blocks that may be asked of it at a time: more with each that comes, fewer after a silence.
    var window = BitswapLimits.windowMin
    var askedCount = 0
    /// Times in a row that it was asked and silent.
    var silences = 0

    var room: Int { window - askedCount }
  }

  var members: [Member] = []
  var wants: [Multihash: Want] = [:]
  /// Wants in the order in which they were put, of those that nobody is asked for.
  var waiting: [Multihash] = []
  /// Whether a search for peers is under way.
  var isSearching = false
  /// Whether one has ended without new peers since a block came.
  var hasSearched = false

  func index(of peer: BitswapPeer) -> Int? { members.firstIndex { $0.peer == peer } }

  /// The member to ask for a block: the one with the most room, which is the one that carried most.
  /// The second value says whether there is anybody to ask at all, now or later.
  func member(for want: Want) -> (index: Int?, exists: Bool) {
    var best: Int?
    var exists = false
    for index in members.indices where !want.refused.contains(members[index].peer) {
      exists = true
      guard members[index].room > 0 else { continue }
      if best.map({ isBetter(index, than: $0, for: want) }) ?? true { best = index }
    }
    return (best, exists)
  }

  private func isBetter(_ left: Int, than right: Int, for want: Want) -> Bool {
    let (isAvoided, isOtherAvoided) = (
      want.avoided.contains(members[left].peer), want.avoided.contains(members[right].peer)
    )
    if isAvoided != isOtherAvoided { return isOtherAvoided }
    return members[left].room > members[right].room
  }

  /// Adds a peer unless it is a member or there are enough.
  mutating func admit(_ peer: BitswapPeer) {
    guard index(of: peer) == nil, members.count < BitswapLimits.peersPerSessionMax else { return }
    members.append(Member(peer: peer))
    hasSearched = false
  }

  /// Nobody is asked for the block any more.
  mutating func release(_ key: Multihash) {
    guard let peer = wants[key]?.asked else { return }
    wants[key]?.asked = nil
    if let index = index(of: peer) { members[index].askedCount -= 1 }
    waiting.append(key)
  }

  /// The blocks that a peer is asked for.
  func asked(of peer: BitswapPeer) -> [Multihash] {
    wants.filter { $0.value.asked == peer }.map(\.key).sorted {
      $0.bytes.lexicographicallyPrecedes($1.bytes)
    }
  }
}

/// What is known of one peer, whatever session asks.
struct BitswapContact: Sendable {
  /// When something came of it last, or it was asked after it had nothing to do.
  var lastHeard: Tick
  /// Blocks that it was asked for, the oldest first: a late one is no misconduct.
  private var asked: Set<Multihash> = []
  private var order = ArraySlice<Multihash>()
  /// Whether it is asked no more.
  var isExcluded = false

  init(now: Tick) { lastHeard = now }

  func wasAsked(_ key: Multihash) -> Bool { asked.contains(key) }

  mutating func noteAsked(_ key: Multihash) {
    guard asked.insert(key).inserted else { return }
    order.append(key)
    if order.count > BitswapLimits.askedMax { asked.remove(order.removeFirst()) }
  }
}
