import Primitives

/// What a router knows of a peer in all topics: 40 bytes.
struct GossipPeer: Sendable {
  struct Flags: OptionSet, Sendable {
    let rawValue: UInt8
    static let connected = Flags(rawValue: 1)
    static let weDialled = Flags(rawValue: 2)
    static let direct = Flags(rawValue: 4)
    /// Whether more than its share of messages came since the last heartbeat.
    static let flooded = Flags(rawValue: 8)
  }

  let handle: PeerHandle
  /// The address group at the time of connecting (part P6).
  var group: UInt32
  /// Peers of that group, retained ones included.
  var groupCount: UInt16 = 0
  var flags: Flags
  var version: GossipsubVersion
  var subscriptions: UInt16 = 0
  /// Since the last heartbeat: ids asked for, IDONTWANTs, messages, answers to IWANT, GRAFTs.
  var asked: UInt16 = 0
  var idontwants: UInt16 = 0
  var messages: UInt16 = 0
  var answered: UInt16 = 0
  var meshChanges: UInt16 = 0
  var answeredBytes: UInt32 = 0
  /// Places among the validations that messages from here take.
  var validating: UInt16 = 0
  /// Entries of `unwanted`.
  var unwanted: UInt16 = 0
  /// Part P5.
  var reputation: Float = 0
  /// The counter of P7.
  var behaviour: Float = 0
  /// When a peer that left is forgotten.
  var expires = Tick.zero

  var isConnected: Bool { flags.contains(.connected) }
  var isDirect: Bool { flags.contains(.direct) }
  var weDialled: Bool { flags.contains(.weDialled) }
}

/// What a router knows of a peer in one topic: 40 bytes.
struct GossipStanding: Sendable {
  struct Flags: OptionSet, Sendable {
    let rawValue: UInt8
    static let subscribed = Flags(rawValue: 1)
    static let mesh = Flags(rawValue: 2)
    static let fanout = Flags(rawValue: 4)
    /// P3 punishes: the peer has been in the mesh for long enough.
    static let deliveriesCount = Flags(rawValue: 8)
  }

  let peer: PeerHandle
  var flags: Flags = []
  /// IHAVEs since the last heartbeat.
  var ihaves: UInt8 = 0
  /// Counters of P2, P3, P3b and P4.
  var firstDeliveries: Float = 0
  var meshDeliveries: Float = 0
  var meshFailure: Float = 0
  var invalidMessages: Float = 0
  /// When the peer came into the mesh.
  var grafted = Tick.zero
  /// No GRAFT either way before.
  var backoff = Tick.zero

  var isSubscribed: Bool { flags.contains(.subscribed) }
  var isInMesh: Bool { flags.contains(.mesh) }

  /// Whether nothing is left to remember once the peer is neither subscribed nor in the mesh.
  func isBlank(at now: Tick) -> Bool {
    flags.isEmpty && firstDeliveries == 0 && meshDeliveries == 0 && meshFailure == 0
      && invalidMessages == 0 && backoff <= now
  }
}

/// What a router knows of one topic.
struct GossipTopicState: Sendable {
  let topic: GossipTopic
  /// The kind it was joined as, or `foreignKind`.
  var kind: UInt8
  var isJoined = false
  /// Heartbeats in a row that found fewer than D_lo peers in the mesh.
  var thinHeartbeats: UInt8 = 0
  /// When we last published without having joined.
  var lastPublished: Tick?
  /// Sorted by peer.
  var standings: [GossipStanding] = []

  /// A topic that only peers spoke of.
  static let foreignKind = UInt8.max

  init(topic: GossipTopic, kind: UInt8) {
    self.topic = topic
    self.kind = kind
  }

  /// Where `peer` stands, or would stand.
  func position(of peer: PeerHandle) -> (index: Int, found: Bool) {
    var low = 0
    var high = standings.count
    while low < high {
      let middle = (low + high) / 2
      if standings[middle].peer < peer { low = middle + 1 } else { high = middle }
    }
    return (low, low < standings.count && standings[low].peer == peer)
  }

  /// The place of `peer`, made if needed.
  mutating func place(of peer: PeerHandle) -> Int {
    let (index, found) = position(of: peer)
    if !found { standings.insertTightly(GossipStanding(peer: peer), at: index) }
    return index
  }

  var meshCount: Int {
    var count = 0
    for standing in standings where standing.isInMesh { count += 1 }
    return count
  }
}

/// Steps by which small arrays of a router grow: doubling would cost a million idle routers a half
/// more memory.
private let tightGrowth = 4
/// Arrays above double as usual.
private let tightCountMax = 32

extension Array {
  /// Inserts, and keeps the capacity of a small array close to its count.
  mutating func insertTightly(_ element: Element, at index: Int) {
    if count == capacity, count < tightCountMax {
      reserveCapacity(count + (count == 0 ? 1 : tightGrowth))
    }
    insert(element, at: index)
  }
}
