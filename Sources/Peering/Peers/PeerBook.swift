package import Cryptography
package import Primitives

/// Limits of a book of peers.
package enum PeerBookLimits {
  /// Peers of one book: with every address slot filled by usual addresses some 40 MB.
  package static let peersMax = 16_384
  /// Bytes of one book, however long what peers say is. A peer's share stays below 32 KiB, so the
  /// peers that can be connected at once never fill it.
  package static let bytesMax = 64 * 1_024 * 1_024
  /// Bytes of one address; those through relays, with two identities, stay below.
  package static let addressBytesMax = 512
  /// Bytes of one protocol's name, as multistream-select's lines allow.
  static let protocolBytesMax = 256
  /// Bytes of a signed record that are kept for handing on; a longer one is believed and not handed
  /// on.
  static let envelopeBytesMax = 4 * 1_024
  /// What a record takes beside its bytes: dictionaries, arrays and their heads.
  private static let recordBytes = 512
  private static let addressOverheadBytes = 128

  /// What a record counts for, somewhat more than it takes.
  static func bytes(of record: PeerRecord) -> Int {
    let addresses = record.addresses.reduce(0) {
      $0 + addressOverheadBytes + 2 * $1.address.bytes.count
    }
    let names = record.protocols.reduce(0) { $0 + addressOverheadBytes / 4 + $1.utf8.count }
    return recordBytes + addresses + names + record.publicKey.count
      + record.recordEnvelope.count
  }
  /// Addresses of one peer; a node has a few interfaces, a liar has thousands.
  package static let addressesPerPeerMax = 16
  /// Protocols kept of one peer.
  package static let protocolsPerPeerMax = 64
  /// Marks on one peer.
  static let tagsPerPeerMax = 16
  /// Bytes of a peer's free text that are kept.
  static let agentBytesMax = 128
  /// When the book is full this share of it is forgotten at once, so that a flood of new names
  /// costs one sort in a thousand of them.
  static let forgottenShare = 16
  /// Longer than any address is believed without being heard again (go-libp2p keeps those of
  /// connected peers for as long as the connection, those of strangers for 24 hours at most).
  package static let addressLifetimeMax: Duration = .seconds(24 * 3_600)
}

/// One peer as a book knows it.
package struct PeerRecord: Sendable {
  /// Who it is.
  package let peer: PeerID
  /// Its point in Kademlia's key space.
  package let key: DistanceKey
  /// Its public key in protobuf form, once proven.
  package internal(set) var publicKey: Bytes = []
  /// Where it may be found, best first.
  package internal(set) var addresses: [KnownAddress] = []
  /// What it said it speaks.
  package internal(set) var protocols: [String] = []
  /// Its software, in its own words.
  package internal(set) var agent = ""
  /// The sequence number of its newest signed record.
  package internal(set) var recordSequence: UInt64?
  /// The envelope of that record, for handing on.
  package internal(set) var recordEnvelope: Bytes = []
  /// Why it is kept, sorted: `connected`, `kad`, `anchor`, …
  package internal(set) var tags: [String] = []
  /// When it was last heard or heard of.
  package internal(set) var lastSeen: Tick
  /// The group of its best address.
  package internal(set) var group: UInt32 = 0
}

/// The peers one process knows: turns ids into handles of four bytes and back, and remembers keys,
/// addresses and protocols. Bounded: the peers that nobody marked and nobody heard of the longest
/// are forgotten first. A forgotten peer's handle is not given to another one.
package struct PeerBook: Sendable {
  private var records: [UInt32: PeerRecord] = [:]
  private var handles: [PeerID: PeerHandle] = [:]
  private var nextIndex: UInt32 = 0
  private let peersMax: Int
  private let bytesMax: Int
  /// What all records count for.
  package private(set) var heldBytes = 0

  /// An empty book.
  package init(
    peersMax: Int = PeerBookLimits.peersMax, bytesMax: Int = PeerBookLimits.bytesMax
  ) {
    precondition(peersMax > 0 && bytesMax > 0)
    self.peersMax = peersMax
    self.bytesMax = bytesMax
  }

  /// The number of known peers.
  package var count: Int { records.count }

  /// The handle of a peer, made when the peer is new.
  package mutating func intern(_ peer: PeerID, now: Tick) -> PeerHandle {
    if let known = handles[peer] {
      records[known.index]?.lastSeen = now
      return known
    }
    if records.count >= peersMax { forgetSome() }
    while records[nextIndex] != nil { nextIndex &+= 1 }
    let handle = PeerHandle(nextIndex)
    nextIndex &+= 1
    let record = PeerRecord(peer: peer, key: DistanceKey(hashing: peer.bytes), lastSeen: now)
    heldBytes += PeerBookLimits.bytes(of: record)
    records[handle.index] = record
    handles[peer] = handle
    return handle
  }

  /// The handle of a known peer.
  package func handle(of peer: PeerID) -> PeerHandle? { handles[peer] }

  /// The peer behind a handle, unless it was forgotten.
  package func peer(of handle: PeerHandle) -> PeerID? { records[handle.index]?.peer }

  /// All that is known of a peer, unless it was forgotten.
  package func record(of handle: PeerHandle) -> PeerRecord? { records[handle.index] }

  /// The known peers in the order in which they were first heard of.
  package var allHandles: [PeerHandle] { records.keys.sorted().map { PeerHandle($0) } }

  /// The peers that carry a mark, in the order in which they were first heard of.
  package func handles(tagged tag: String) -> [PeerHandle] {
    allHandles.filter { records[$0.index]?.tags.contains(tag) == true }
  }

  private mutating func forgetSome() {
    let count = max(1, min(peersMax, records.count) / PeerBookLimits.forgottenShare)
    let order = records.sorted { left, right in
      if left.value.tags.isEmpty != right.value.tags.isEmpty { return left.value.tags.isEmpty }
      if left.value.lastSeen != right.value.lastSeen {
        return left.value.lastSeen < right.value.lastSeen
      }
      return left.key < right.key
    }
    for (index, record) in order.prefix(count) {
      heldBytes -= PeerBookLimits.bytes(of: record)
      records[index] = nil
      handles[record.peer] = nil
    }
  }

  mutating func change(_ handle: PeerHandle, _ body: (inout PeerRecord) -> Void) {
    guard let index = records.index(forKey: handle.index) else { return }
    heldBytes -= PeerBookLimits.bytes(of: records.values[index])
    body(&records.values[index])
    heldBytes += PeerBookLimits.bytes(of: records.values[index])
    while heldBytes > bytesMax, records.count > 1 { forgetSome() }
  }
}

extension PeerBook: PeerDirectory {
  /// The peer's point; a forgotten peer has the point of no peer.
  package func key(of peer: PeerHandle) -> DistanceKey {
    records[peer.index]?.key ?? DistanceKey(words: (0, 0, 0, 0))
  }

  /// The group of the peer's best address.
  package func addressGroup(of peer: PeerHandle) -> UInt32 { records[peer.index]?.group ?? 0 }
}

// MARK: - What a peer says of itself

extension PeerBook {
  /// Keeps a proven public key.
  package mutating func learn(publicKey: Bytes, of handle: PeerHandle) {
    change(handle) { $0.publicKey = publicKey }
  }

  /// Keeps what a peer speaks; names beyond the limit are dropped.
  package mutating func learn(protocols: [String], of handle: PeerHandle) {
    let kept = Array(
      protocols.lazy.filter { $0.utf8.count <= PeerBookLimits.protocolBytesMax }
        .prefix(PeerBookLimits.protocolsPerPeerMax))
    change(handle) { $0.protocols = kept }
  }

  /// Keeps what a peer calls its software.
  package mutating func learn(agent: String, of handle: PeerHandle) {
    var kept = agent
    while kept.utf8.count > PeerBookLimits.agentBytesMax { kept.removeLast() }
    change(handle) { $0.agent = kept }
  }

  /// Keeps a checked signed record and its addresses; returns false for one that is not newer.
  package mutating func learn(
    envelope: Bytes, sequence: UInt64, addresses: [Multiaddr], of handle: PeerHandle, now: Tick
  ) -> Bool {
    guard let known = record(of: handle),
      known.recordSequence.map({ sequence > $0 }) ?? true
    else { return false }
    change(handle) {
      $0.recordEnvelope = envelope.count <= PeerBookLimits.envelopeBytesMax ? envelope : []
      $0.recordSequence = sequence
      // The newer record says what is true now.
      $0.addresses.removeAll { $0.source == .signed || $0.source == .identified }
    }
    learn(addresses, of: handle, source: .signed, now: now)
    return true
  }

  /// Marks a peer, so that it is forgotten after those without marks.
  package mutating func tag(_ handle: PeerHandle, _ tag: String) {
    change(handle) { record in
      guard !record.tags.contains(tag), record.tags.count < PeerBookLimits.tagsPerPeerMax else {
        return
      }
      record.tags.append(tag)
      record.tags.sort()
    }
  }

  /// Takes a mark back.
  package mutating func untag(_ handle: PeerHandle, _ tag: String) {
    change(handle) { $0.tags.removeAll { $0 == tag } }
  }
}
