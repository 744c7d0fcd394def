import Primitives

/// What a router remembers of one message: that it was seen, who sent it, and for a few
/// heartbeats the message itself.
struct GossipRecord<Payload: Sendable>: Sendable {
  enum Status: UInt8, Sendable {
    case validating, valid, invalid, ignored
    /// A forged copy had the id; the entry stands for nothing.
    case forgotten
  }

  let id: GossipMessageID
  let topic: GossipTopic
  var status: Status
  /// Who sent it first; nil is ourselves.
  let source: PeerHandle?
  /// When the id no longer counts as seen.
  let expires: Tick
  var validated = Tick.zero
  /// Who else sent it: while it is validated, and after that as long as part P3 wants to know.
  var deliverers: [PeerHandle] = []
  /// Who got it by IWANT, once for each time.
  var requests: [PeerHandle] = []
  /// The message, while it is validated and while it can be asked for.
  var message: GossipMessage<Payload>?
}

/// A message that can be asked for.
struct GossipCacheEntry: Sendable {
  let id: GossipMessageID
  let topic: GossipTopic
  let byteCount: UInt32
  /// The heartbeat at which it came.
  let heartbeat: UInt32
}

/// The seen cache and the message cache (gossipsub-v1.0.md, "Message Cache") in one table.
struct GossipStore<Payload: Sendable>: Sendable {
  /// In order of arrival, and so of expiry.
  private var records = GossipQueue<GossipRecord<Payload>>()
  /// The number of the record in front.
  private var base = 0
  private var numbers: [GossipMessageID: Int] = [:]
  private var cached = GossipQueue<GossipCacheEntry>()
  private(set) var cachedBytes = 0

  var count: Int { records.count }
  var cachedCount: Int { cached.count }

  /// Whether the id counts as seen.
  func contains(_ id: GossipMessageID) -> Bool { numbers[id] != nil }

  /// Where the record of an id is, valid until the next `insert` or `popFirst`.
  func offset(of id: GossipMessageID) -> Int? {
    guard let number = numbers[id] else { return nil }
    return number - base
  }

  subscript(offset: Int) -> GossipRecord<Payload> {
    get { records[offset] }
    _modify { yield &records[offset] }
  }

  /// Adds the record of an id that is not there.
  mutating func insert(_ record: GossipRecord<Payload>) {
    numbers[record.id] = base + records.count
    records.append(record)
  }

  /// Removes the oldest record.
  mutating func popFirst() -> GossipRecord<Payload>? {
    guard let record = records.popFirst() else { return nil }
    if record.status != .forgotten { numbers[record.id] = nil }
    base += 1
    return record
  }

  /// The moment at which the oldest record expires.
  var firstExpiry: Tick? { records.first?.expires }

  /// Makes an id unseen again.
  mutating func forget(at offset: Int) {
    numbers[records[offset].id] = nil
    records[offset].status = .forgotten
    records[offset].message = nil
    records[offset].deliverers = []
  }

  /// Keeps a valid message for those who ask, and drops the oldest beyond the limits.
  mutating func cache(_ message: GossipMessage<Payload>, heartbeat: UInt32) {
    cached.append(
      GossipCacheEntry(
        id: message.id, topic: message.topic, byteCount: message.byteCount,
        heartbeat: heartbeat))
    cachedBytes += Int(message.byteCount)
    while cached.count > GossipsubLimits.cachedMessagesMax
      || cachedBytes > GossipsubLimits.cachedBytesMax
    {
      dropOldestCached()
    }
  }

  /// Drops what came before `heartbeat`.
  mutating func dropCached(before heartbeat: UInt32) {
    while let entry = cached.first, entry.heartbeat < heartbeat { dropOldestCached() }
  }

  private mutating func dropOldestCached() {
    guard let entry = cached.popFirst() else { return }
    cachedBytes -= Int(entry.byteCount)
    guard let offset = offset(of: entry.id) else { return }
    records[offset].message = nil
    records[offset].requests = []
    records[offset].deliverers = []
  }

  /// The messages of a topic that came at `heartbeat` or later, the oldest first.
  func cachedIDs(of topic: GossipTopic, since heartbeat: UInt32) -> [GossipMessageID] {
    var ids: [GossipMessageID] = []
    var offset = cached.count - 1
    while offset >= 0, cached[offset].heartbeat >= heartbeat {
      if cached[offset].topic == topic { ids.append(cached[offset].id) }
      offset -= 1
    }
    ids.reverse()
    return ids
  }
}
