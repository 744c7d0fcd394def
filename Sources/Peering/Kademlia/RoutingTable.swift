package import Primitives

/// Peers by the length of the prefix they share with this node (libp2p/specs kad-dht, "Kademlia
/// routing table"): one array in bucket order, so that a node costs one heap object.
package struct RoutingTable: Sendable {
  /// What came of offering a peer.
  package enum Insertion: Equatable, Sendable {
    /// It has a place.
    case inserted
    /// It took the place of one that no longer answers.
    case replaced(PeerHandle)
    /// It had a place already.
    case known
    /// It has none.
    case refused(Refusal)
  }

  /// Why a peer has no place.
  package enum Refusal: Equatable, Sendable {
    /// It is this node.
    case isLocal
    /// The bucket holds k peers that answer.
    case bucketFull
    /// Its address group has enough peers in the table.
    case groupInTable(limit: Int)
    /// Its address group has enough peers in the bucket.
    case groupInBucket(limit: Int)
  }

  /// This node.
  package let local: PeerHandle
  /// This node's point.
  package let key: DistanceKey
  /// Every entry, shallow buckets first; within a bucket in order of arrival.
  package private(set) var entries: [RoutingEntry] = []
  private var counts = InlineArray<64, UInt8>(repeating: 0)

  /// An empty table.
  package init(local: PeerHandle, key: DistanceKey) {
    precondition(KademliaLimits.bucketsMax == counts.count)
    self.local = local
    self.key = key
  }

  /// Peers in the table.
  package var count: Int { entries.count }

  /// Peers in one bucket.
  package func count(inBucket bucket: Int) -> Int { Int(counts[bucket]) }

  /// The deepest bucket with a peer in it, or nil of an empty table.
  package var deepestBucket: Int? {
    (0..<KademliaLimits.bucketsMax).last { counts[$0] > 0 }
  }

  /// The bucket of a point.
  package func bucket(of point: DistanceKey) -> Int {
    min(key.commonPrefixLength(with: point), KademliaLimits.bucketsMax - 1)
  }

  /// The entries of one bucket.
  package func entries(inBucket bucket: Int) -> ArraySlice<RoutingEntry> { entries[range(bucket)] }

  private func range(_ bucket: Int) -> Range<Int> {
    var start = 0
    for index in 0..<bucket { start += Int(counts[index]) }
    return start..<start + Int(counts[bucket])
  }

  private func index(of peer: PeerHandle, directory: some PeerDirectory) -> Int? {
    let place = range(bucket(of: directory.key(of: peer)))
    return entries[place].firstIndex { $0.peer == peer }
  }

  /// What is known of a peer.
  package func entry(of peer: PeerHandle, directory: some PeerDirectory) -> RoutingEntry? {
    index(of: peer, directory: directory).map { entries[$0] }
  }
}

// MARK: - Changes

extension RoutingTable {
  /// Offers a peer whose identify has shown the protocol.
  package mutating func insert(
    _ peer: PeerHandle, admission: KademliaAdmission, directory: some PeerDirectory
  ) -> Insertion {
    let insertion = prospect(of: peer, directory: directory)
    let newcomer = RoutingEntry(peer, admission: admission)
    switch insertion {
    case .inserted:
      let bucket = bucket(of: directory.key(of: peer))
      entries.insert(newcomer, at: range(bucket).upperBound)
      counts[bucket] += 1
    case .replaced(let old):
      if let index = index(of: old, directory: directory) { entries[index] = newcomer }
    case .known, .refused: break
    }
    return insertion
  }

  /// What would come of offering a peer now, and so why one has no place.
  package func prospect(of peer: PeerHandle, directory: some PeerDirectory) -> Insertion {
    guard peer != local else { return .refused(.isLocal) }
    let place = range(bucket(of: directory.key(of: peer)))
    if entries[place].contains(where: { $0.peer == peer }) { return .known }
    if let refusal = diversityRefusal(peer, in: place, directory: directory) {
      return .refused(refusal)
    }
    if place.count < KademliaLimits.bucketPeersMax { return .inserted }
    guard let worst = place.max(by: { entries[$0].failures < entries[$1].failures }),
      entries[worst].isReplaceable
    else { return .refused(.bucketFull) }
    return .replaced(entries[worst].peer)
  }

  private func diversityRefusal(
    _ peer: PeerHandle, in bucket: Range<Int>, directory: some PeerDirectory
  ) -> Refusal? {
    let group = directory.addressGroup(of: peer)
    guard group != 0 else { return nil }
    var inTable = 0
    var inBucket = 0
    for (index, entry) in entries.enumerated()
    where directory.addressGroup(of: entry.peer) == group {
      inTable += 1
      if bucket.contains(index) { inBucket += 1 }
    }
    if inBucket >= KademliaLimits.peersOfGroupInBucketMax {
      return .groupInBucket(limit: KademliaLimits.peersOfGroupInBucketMax)
    }
    if inTable >= KademliaLimits.peersOfGroupInTableMax {
      return .groupInTable(limit: KademliaLimits.peersOfGroupInTableMax)
    }
    return nil
  }

  /// Takes a peer out. Returns whether it was there.
  @discardableResult
  package mutating func remove(_ peer: PeerHandle, directory: some PeerDirectory) -> Bool {
    guard let index = index(of: peer, directory: directory) else { return false }
    entries.remove(at: index)
    counts[bucket(of: directory.key(of: peer))] -= 1
    return true
  }

  /// A peer gave a useful answer. Does nothing for a peer outside the table.
  package mutating func answered(
    _ peer: PeerHandle, at now: Tick, after roundTrip: Duration, directory: some PeerDirectory
  ) {
    guard let index = index(of: peer, directory: directory) else { return }
    entries[index].answered(at: now, after: roundTrip)
  }

  /// A peer did not answer. Returns whether that cost it its place.
  package mutating func failed(_ peer: PeerHandle, directory: some PeerDirectory) -> Bool {
    guard let index = index(of: peer, directory: directory) else { return false }
    entries[index].failed()
    guard entries[index].failures >= KademliaLimits.failuresMax,
      entries.count > KademliaLimits.lastPeersKept
    else { return false }
    return remove(peer, directory: directory)
  }

  /// Appends peers to one bucket unchecked: a simulation of a million nodes fills its tables from
  /// global knowledge. Buckets must come in ascending order and hold at most k peers.
  package mutating func fill(
    bucket: Int, with peers: some Collection<PeerHandle>, admission: KademliaAdmission
  ) {
    precondition(counts[bucket] == 0, "bucket \(bucket) is filled once")
    precondition(range(bucket).upperBound == entries.count, "buckets are filled in order")
    precondition(peers.count <= KademliaLimits.bucketPeersMax)
    for peer in peers { entries.append(RoutingEntry(peer, admission: admission)) }
    counts[bucket] = UInt8(peers.count)
  }

  /// Makes room for this many entries before they are filled in.
  package mutating func reserve(_ count: Int) { entries.reserveCapacity(count) }
}

// MARK: - Questions

extension RoutingTable {
  /// The peers closest to a point that answer as far as is known, closest first.
  ///
  /// A peer in the point's own bucket shares a longer prefix with it than one of a deeper bucket,
  /// and that one a longer prefix than one of a shallower bucket; so few buckets are looked at.
  package func closest(
    to point: DistanceKey, count: Int = KademliaLimits.bucketPeersMax,
    excluding asker: PeerHandle? = nil, directory: some PeerDirectory
  ) -> [PeerHandle] {
    let home = bucket(of: point)
    var found: [(distance: DistanceKey, peer: PeerHandle)] = []
    found.reserveCapacity(2 * KademliaLimits.bucketPeersMax)
    func collect(_ place: Range<Int>) {
      for entry in entries[place] where !entry.isReplaceable && entry.peer != asker {
        found.append((directory.key(of: entry.peer).distance(to: point), entry.peer))
      }
    }
    var place = range(home)
    collect(place)
    if found.count < count { collect(place.upperBound..<entries.count) }
    var bucket = home
    while found.count < count, bucket > 0 {
      bucket -= 1
      place = place.lowerBound - Int(counts[bucket])..<place.lowerBound
      collect(place)
    }
    found.sort { $0.distance < $1.distance }
    return found.prefix(count).map(\.peer)
  }

  /// Whom a search begins with: the closest, or anybody known where all of them failed lately.
  package func seeds(for point: DistanceKey, directory: some PeerDirectory) -> [PeerHandle] {
    let closest = closest(to: point, directory: directory)
    guard closest.isEmpty else { return closest }
    return entries.prefix(KademliaLimits.bucketPeersMax).map(\.peer)
  }

  /// The peers most worth dialling after a restart: staked before puzzled, then the quickest;
  /// one of each address group, so that no one network owns our first view.
  package func anchors(at now: Tick, directory: some PeerDirectory) -> [PeerHandle] {
    let fresh = entries.filter { $0.failures == 0 && $0.isFresh(at: now) }.sorted {
      if $0.admission != $1.admission { return $0.admission.rawValue > $1.admission.rawValue }
      if $0.roundTripMilliseconds != $1.roundTripMilliseconds {
        return $0.roundTripMilliseconds < $1.roundTripMilliseconds
      }
      return $0.peer < $1.peer
    }
    var groups: Set<UInt32> = []
    var chosen: [PeerHandle] = []
    for entry in fresh where chosen.count < KademliaLimits.anchorsMax {
      let group = directory.addressGroup(of: entry.peer)
      if group == 0 || groups.insert(group).inserted { chosen.append(entry.peer) }
    }
    return chosen
  }

  /// A point inside a bucket: its prefix, then chance.
  package func randomPoint(inBucket bucket: Int, random: inout SplitMix64) -> DistanceKey {
    precondition(bucket < KademliaLimits.bucketsMax)
    let bit: UInt64 = 1 << (63 - UInt64(bucket))
    let low = bit - 1
    let first = (key.words.0 ^ bit) & ~low | random.next() & low
    return DistanceKey(words: (first, random.next(), random.next(), random.next()))
  }
}
