import Primitives

extension KademliaMachine {
  /// What a node does unasked.
  struct Maintenance: Sendable {
    /// When the neighbourhood, the buckets and stale entries are looked at again.
    var nextRound: Tick
    /// Whether a bootstrap has met anyone.
    var knowsNetwork = false
  }

  mutating func begin(
    anchors: [PeerHandle], now: Tick, directory: some PeerDirectory,
    effects: inout [KademliaEffect]
  ) {
    guard maintenance == nil else { return }
    maintenance = Maintenance(nextRound: now.advanced(by: KademliaLimits.refreshInterval))
    let kept = Array(anchors.prefix(KademliaLimits.anchorsMax))
    guard table.count > 0 || !kept.isEmpty else { return }
    startInternal(.bootstrap, seeds: kept, now: now, directory: directory, effects: &effects)
  }

  /// The shallow buckets are filled one by one after our own neighbourhood is known.
  mutating func bootstrapped() {
    guard let deepest = table.deepestBucket else { return }
    maintenance?.knowsNetwork = true
    let last = min(deepest, KademliaLimits.refreshedBucketsMax - 1)
    bucketsDue = (0...last).reversed().map { UInt8($0) }
  }

  /// Begins what is due, a few operations at a time.
  mutating func maintain(
    now: Tick, random: inout SplitMix64, directory: some PeerDirectory,
    effects: inout [KademliaEffect]
  ) {
    if let due = maintenance?.nextRound, due <= now {
      round(now: now, random: &random, directory: directory, effects: &effects)
    }
    guard !bucketsDue.isEmpty || provided.isDue(at: now) else { return }
    while operations.count(where: { $0.id == nil }) < KademliaLimits.maintenanceOperationsMax {
      if let bucket = bucketsDue.popLast() {
        let key = refreshKey(bucket: Int(bucket), random: &random)
        startInternal(.findNode(key), now: now, directory: directory, effects: &effects)
      } else if let key = provided.takeDue(at: now) {
        startInternal(.provide(key), now: now, directory: directory, effects: &effects)
      } else {
        return
      }
    }
  }

  private mutating func round(
    now: Tick, random: inout SplitMix64, directory: some PeerDirectory,
    effects: inout [KademliaEffect]
  ) {
    // A tenth of chance keeps nodes that started together from asking together for ever.
    let interval = KademliaLimits.refreshInterval
    let jitter = interval / 10 * Double.random(in: 0..<1, using: &random)
    maintenance?.nextRound = now.advanced(by: interval + jitter)
    providerStore.expire(at: now)
    valueStore.expire(at: now)
    for entry in table.entries.filter({ !$0.isFresh(at: now) })
      .prefix(KademliaLimits.checksPerRound)
    {
      check(entry.peer, now: now, effects: &effects)
    }
    let anchors = table.anchors(at: now, directory: directory)
    if !anchors.isEmpty { effects.append(.anchors(anchors)) }
    if table.count > 0 {
      startInternal(.bootstrap, now: now, directory: directory, effects: &effects)
    }
  }

  /// A key inside a bucket. Where only hashed keys can be sent, the best of a few random ones: the
  /// lookup of our own key fills what is deeper.
  private func refreshKey(bucket: Int, random: inout SplitMix64) -> KademliaKey {
    if settings.sendsPoints {
      return KademliaKey(point: table.randomPoint(inBucket: bucket, random: &random))
    }
    var best = KademliaKey(Self.randomBytes(&random))
    for _ in 1..<KademliaLimits.refreshKeyDraws where table.bucket(of: best.point) != bucket {
      let drawn = KademliaKey(Self.randomBytes(&random))
      let isNearer =
        abs(table.bucket(of: drawn.point) - bucket) < abs(table.bucket(of: best.point) - bucket)
      if isNearer { best = drawn }
    }
    return best
  }

  private static func randomBytes(_ random: inout SplitMix64) -> Bytes {
    (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) }
  }
}

/// The keys that this node provides, and when it must say so again.
struct ProvidedKeys: Sendable {
  private var keys: [DistanceKey: (key: KademliaKey, next: Tick)] = [:]
  /// In order of time; an entry whose time is not its key's any more is skipped.
  private var due = ArraySlice<(point: DistanceKey, at: Tick)>()

  /// Adds a key, or notes that it was said just now. Returns false where there is no room.
  mutating func add(_ key: KademliaKey, next: Tick) -> Bool {
    guard keys[key.point] != nil || keys.count < KademliaLimits.providedKeysMax else {
      return false
    }
    // Said twice in one moment: the entry in the queue stands.
    if keys[key.point]?.next == next { return true }
    keys[key.point] = (key, next)
    due.append((key.point, next))
    dropSkipped()
    return true
  }

  func contains(_ point: DistanceKey) -> Bool { keys[point] != nil }

  mutating func remove(_ point: DistanceKey) {
    keys[point] = nil
    dropSkipped()
  }

  /// Whoever says a key again and again leaves entries behind: they go before they are twice the
  /// keys.
  private mutating func dropSkipped() {
    while let first = due.first, keys[first.point]?.next != first.at { due.removeFirst() }
    guard due.count > 2 * keys.count + KademliaLimits.bucketPeersMax else { return }
    due.removeAll { keys[$0.point]?.next != $0.at }
  }

  var nextDue: Tick? { due.first?.at }

  func isDue(at now: Tick) -> Bool { nextDue.map { $0 <= now } ?? false }

  /// Takes the first key whose time has come out of the queue; `add` puts it back.
  mutating func takeDue(at now: Tick) -> KademliaKey? {
    while let first = due.first, first.at <= now {
      due.removeFirst()
      if let held = keys[first.point], held.next == first.at { return held.key }
    }
    return nil
  }
}
