import Primitives

@testable import Peering

/// Keys and address groups of every peer of a test, and their places in key order.
struct TestBook: PeerDirectory {
  var keys: [DistanceKey] = []
  var groups: [UInt32] = []

  func key(of peer: PeerHandle) -> DistanceKey { keys[Int(peer.index)] }
  func addressGroup(of peer: PeerHandle) -> UInt32 { groups[Int(peer.index)] }

  mutating func add(_ key: DistanceKey, group: UInt32) -> PeerHandle {
    keys.append(key)
    groups.append(group)
    return PeerHandle(UInt32(keys.count - 1))
  }

  /// The closest of `peers` by trying all of them.
  func closest(
    _ count: Int, of peers: some Sequence<PeerHandle>, to point: DistanceKey
  ) -> [PeerHandle] {
    let sorted = peers.map { (key(of: $0).distance(to: point), $0) }.sorted { $0.0 < $1.0 }
    return sorted.prefix(count).map(\.1)
  }
}

extension DistanceKey {
  static func random(_ random: inout SplitMix64) -> DistanceKey {
    DistanceKey(words: (random.next(), random.next(), random.next(), random.next()))
  }

  /// A point that shares exactly `bits` leading bits with this one.
  func neighbour(sharing bits: Int, random: inout SplitMix64) -> DistanceKey {
    precondition(bits < 63)
    let bit: UInt64 = 1 << (63 - UInt64(bits))
    let first = (words.0 ^ bit) & ~(bit - 1) | random.next() & (bit - 1)
    return DistanceKey(words: (first, random.next(), random.next(), random.next()))
  }
}

/// Kademlia machines that talk by messages over links of 20–100 ms, on a virtual clock.
struct KademliaWorld {
  /// How a peer behaves.
  enum Kind {
    case honest
    /// Takes requests and never answers.
    case dead
    /// Answers every request with these.
    case sybil(KademliaResponse)
  }

  enum Delivery {
    case request(KademliaRequest, from: PeerHandle, call: UInt32)
    case response(KademliaResponse, from: PeerHandle, call: UInt32)
    case wake
  }

  static let epoch = Tick(nanoseconds: 3_600_000_000_000)
  var book = TestBook()
  var machines: [KademliaMachine] = []
  var kinds: [Kind] = []
  var random: SplitMix64
  var settings: KademliaSettings
  var milliseconds: UInt64 = 0
  var pending: [UInt64: [(to: PeerHandle, what: Delivery)]] = [:]
  var outcomes: [UInt32: KademliaOutcome] = [:]
  var refusals: [KademliaRefusal] = []
  var nextID: UInt32 = 0
  /// Whether whoever talks is also identified, so that tables grow as in a real network.
  var identifies = false
  var admission: (PeerHandle) -> KademliaAdmission = { _ in .staked }

  init(seed: UInt64, settings: KademliaSettings = .martlet) {
    random = SplitMix64(seed: seed)
    self.settings = settings
  }

  var now: Tick {
    Self.epoch.advanced(by: .milliseconds(Int64(milliseconds)))
  }

  @discardableResult
  mutating func add(
    _ kind: Kind = .honest, key: DistanceKey? = nil, group: UInt32? = nil
  ) -> PeerHandle {
    let point = key ?? DistanceKey.random(&random)
    let peer = book.add(point, group: group ?? UInt32(book.keys.count) + 1)
    machines.append(
      KademliaMachine(local: peer, key: KademliaKey(point: point), settings: settings))
    kinds.append(kind)
    return peer
  }

  /// Fills the tables of all honest peers with random peers of each bucket's range.
  mutating func fillTables() {
    let order = book.keys.indices.sorted { book.keys[$0] < book.keys[$1] }
    let sortedWords = order.map { book.keys[$0].words.0 }
    func firstIndex(atLeast word: UInt64) -> Int {
      var (low, high) = (0, sortedWords.count)
      while low < high {
        let middle = (low + high) / 2
        if sortedWords[middle] < word { low = middle + 1 } else { high = middle }
      }
      return low
    }
    for node in machines.indices {
      guard case .honest = kinds[node] else { continue }
      for bucket in 0..<40 {
        let bit: UInt64 = 1 << (63 - UInt64(bucket))
        let start = (book.keys[node].words.0 ^ bit) & ~(bit - 1)
        let low = firstIndex(atLeast: start)
        let top = start.addingReportingOverflow(bit)
        let high = top.overflow ? order.count : firstIndex(atLeast: top.partialValue)
        machines[node].table.fill(
          bucket: bucket, with: pick(KademliaLimits.bucketPeersMax, from: order[low..<high]),
          admission: .staked)
      }
    }
  }

  private mutating func pick(_ count: Int, from places: ArraySlice<Int>) -> [PeerHandle] {
    guard places.count > count else { return places.map { PeerHandle(UInt32($0)) } }
    var chosen: Set<Int> = []
    var peers: [PeerHandle] = []
    while peers.count < count {
      let place = places[Int.random(in: places.indices, using: &random)]
      if chosen.insert(place).inserted { peers.append(PeerHandle(UInt32(place))) }
    }
    return peers
  }

  mutating func handle(_ event: KademliaEvent, at peer: PeerHandle) {
    var effects: [KademliaEffect] = []
    machines[Int(peer.index)].handle(
      event, now: now, random: &random, directory: book, effects: &effects)
    for effect in effects { perform(effect, of: peer) }
  }

  private mutating func perform(_ effect: KademliaEffect, of peer: PeerHandle) {
    let delay = UInt64.random(in: 20...100, using: &random)
    switch effect {
    case .send(let request, let to, let call):
      let what = Delivery.request(request, from: peer, call: call)
      pending[milliseconds + delay, default: []].append((to, what))
    case .reply(let response, let to, let call):
      let what = Delivery.response(response, from: peer, call: call)
      pending[milliseconds + delay, default: []].append((to, what))
    case .finished(let outcome, let id): outcomes[id] = outcome
    case .refuse(let refusal, _, _): refusals.append(refusal)
    case .wake(let at):
      let due = at.nanoseconds - Self.epoch.nanoseconds
      pending[max(milliseconds, (due + 999_999) / 1_000_000), default: []].append((peer, .wake))
    case .abandon, .found, .inserted, .removed, .anchors: break
    }
  }

  private mutating func deliver(_ what: Delivery, to peer: PeerHandle) {
    switch (what, kinds[Int(peer.index)]) {
    case (.wake, _): handle(.tick, at: peer)
    case (.request, .dead): break
    case (.request(let request, let from, let call), .sybil(let response)):
      guard request.hasAnswer else { return }
      perform(.reply(response, to: from, call: call), of: peer)
    case (.request(let request, let from, let call), .honest):
      meet(peer, from)
      handle(.request(request, from: from, admission: admission(from), call: call), at: peer)
      if !request.hasAnswer {
        perform(.reply(KademliaResponse(), to: from, call: call), of: peer)
      }
    case (.response(let response, let from, let call), _):
      meet(peer, from)
      handle(.response(response, call: call, admission: admission(from)), at: peer)
    }
  }

  private mutating func meet(_ peer: PeerHandle, _ other: PeerHandle) {
    if identifies { handle(.identified(other, admission: admission(other)), at: peer) }
  }

  /// Goes on one millisecond.
  mutating func step() {
    while let batch = pending.removeValue(forKey: milliseconds) {
      for (peer, what) in batch { deliver(what, to: peer) }
    }
    milliseconds += 1
  }

  /// Goes on for this long.
  mutating func run(milliseconds count: UInt64) {
    for _ in 0..<count { step() }
  }

  /// Carries an operation out to its end.
  mutating func run(_ operation: KademliaOperation, at peer: PeerHandle) -> KademliaOutcome {
    let id = nextID
    nextID += 1
    handle(.start(operation, id: id), at: peer)
    for _ in 0..<120_000 {
      if let outcome = outcomes.removeValue(forKey: id) { return outcome }
      step()
    }
    preconditionFailure("an operation never ended")
  }
}
