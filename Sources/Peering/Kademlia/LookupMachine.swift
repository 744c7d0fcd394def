package import Primitives

/// Finds the peers closest to a point by asking ever closer ones (libp2p/specs kad-dht, "Peer
/// routing"; disjoint paths: Baumgart and Mies, S/Kademlia 2007, §4.4).
///
/// A request that takes longer than usual gives up its slot, so that a dead peer delays the lookup
/// by one slot timeout at most; its answer still counts if it comes before the lookup ends.
package struct LookupMachine: Sendable {
  /// What happens to a lookup.
  package enum Event: Sendable {
    /// A peer answered and named these.
    case answered(PeerHandle, closer: [PeerHandle])
    /// A peer cannot be asked or will not answer.
    case failed(PeerHandle)
    /// Time has passed.
    case tick
  }

  /// What a lookup is for.
  package struct Plan: Equatable, Sendable {
    /// Closest live peers that must have answered before it ends.
    package var goal = KademliaLimits.bucketPeersMax
    /// Paths that share no peer.
    package var paths = 1
    /// Slots over all paths.
    package var slots = KademliaLimits.slotsPerLookup
    /// Whether peers named in answers are asked too.
    package var followsReferrals = true
    /// Candidates of one path.
    package var candidatesMax = KademliaLimits.candidatesMax

    /// A lookup of the k closest on one path.
    package init() {}
  }

  /// A peer some path knows of; whether it was asked stands in `asked`.
  struct Candidate: Sendable {
    let distance: DistanceKey
    let peer: PeerHandle
    let hops: UInt8
  }

  /// What became of a request.
  enum AskedState: UInt8, Sendable { case waiting, slow, answered, failed }

  /// A peer that was asked, by whichever path.
  struct Asked: Sendable {
    let peer: PeerHandle
    let path: UInt8
    let hops: UInt8
    var state: AskedState
    let sentAt: Tick
  }

  /// The point looked for.
  package let target: DistanceKey
  /// What the lookup is for.
  package let plan: Plan
  /// Requests sent so far.
  package private(set) var requests = 0
  /// Requests that gave up their slot so far.
  package private(set) var timeouts = 0
  /// Round trips of this lookup, after those its owner had measured.
  package private(set) var roundTrips: RoundTripEstimate
  private let local: PeerHandle
  /// The candidates of each path, closest first.
  private var paths: [[Candidate]]
  /// Every peer asked, in order of handles.
  private var asked: [Asked] = []

  /// A lookup that begins with `seeds`, dealt out to the paths in turn.
  package init(
    target: DistanceKey, seeds: [PeerHandle], plan: Plan = Plan(), local: PeerHandle,
    roundTrips: RoundTripEstimate = RoundTripEstimate(), directory: some PeerDirectory
  ) {
    precondition(plan.paths > 0 && plan.slots >= plan.paths && plan.goal > 0)
    self.target = target
    self.plan = plan
    self.local = local
    self.roundTrips = roundTrips
    paths = Array(repeating: [], count: plan.paths)
    for (index, seed) in seeds.enumerated() where seed != local {
      insert(seed, hops: 1, path: index % plan.paths, directory: directory)
    }
  }

  /// Takes one event, or none at the start, and appends the peers to ask now.
  package mutating func handle(
    _ event: Event, now: Tick, directory: some PeerDirectory, asks: inout [PeerHandle]
  ) {
    switch event {
    case .answered(let peer, let closer):
      answered(peer, closer: closer, now: now, directory: directory)
    case .failed(let peer):
      setFailed(peer)
    case .tick:
      expire(now: now)
    }
    for path in paths.indices { advance(path, now: now, asks: &asks) }
  }
}

// MARK: - Progress

extension LookupMachine {
  private func slots(of path: Int) -> Int {
    plan.slots / plan.paths + (path < plan.slots % plan.paths ? 1 : 0)
  }

  /// Asks the closest candidates of a path that nobody has asked, as far as its slots go.
  private mutating func advance(_ path: Int, now: Tick, asks: inout [PeerHandle]) {
    var free = slots(of: path) - asked.count { $0.state == .waiting && Int($0.path) == path }
    var hopeful = 0
    for candidate in paths[path] {
      guard free > 0, hopeful < plan.goal else { return }
      let (index, isThere) = askedIndex(candidate.peer)
      if isThere {
        if asked[index].state != .slow { hopeful += 1 }
        continue
      }
      guard requests < KademliaLimits.requestsPerLookupMax else { return }
      asked.insert(
        Asked(
          peer: candidate.peer, path: UInt8(path), hops: candidate.hops, state: .waiting,
          sentAt: now), at: index)
      asks.append(candidate.peer)
      requests += 1
      hopeful += 1
      free -= 1
    }
  }

  /// Whether the closest peers of every path have answered, or nobody is left to ask.
  package var isComplete: Bool { paths.indices.allSatisfy(isComplete(path:)) }

  /// Whether it ended for want of requests rather than peers.
  package var isExhausted: Bool { requests >= KademliaLimits.requestsPerLookupMax }

  private func isComplete(path: Int) -> Bool {
    var reached = 0
    var isSlow = false
    for candidate in paths[path] {
      let (index, isThere) = askedIndex(candidate.peer)
      guard isThere else {
        if isExhausted { continue }
        return false
      }
      switch asked[index].state {
      case .waiting: return false
      case .slow: isSlow = true
      case .answered: reached += 1
      case .failed: break
      }
      if reached == plan.goal { return true }
    }
    return !isSlow
  }

  /// When the next request gives up its slot or is given up, if any is under way.
  package var nextTimeout: Tick? {
    let slot = roundTrips.slotTimeout
    let patience = roundTrips.patience
    var next: Tick?
    for entry in asked {
      let moment: Tick
      switch entry.state {
      case .waiting: moment = entry.sentAt.advanced(by: slot)
      case .slow: moment = entry.sentAt.advanced(by: patience)
      case .answered, .failed: continue
      }
      next = min(next ?? moment, moment)
    }
    return next
  }

  private mutating func expire(now: Tick) {
    let slot = roundTrips.slotTimeout
    let patience = roundTrips.patience
    var lost: [PeerHandle] = []
    for index in asked.indices {
      let age = now.duration(since: asked[index].sentAt)
      if asked[index].state == .waiting, age >= slot {
        asked[index].state = .slow
        timeouts += 1
      }
      if asked[index].state == .slow, age >= patience { lost.append(asked[index].peer) }
    }
    for peer in lost { setFailed(peer) }
  }
}

// MARK: - Answers

extension LookupMachine {
  private mutating func answered(
    _ peer: PeerHandle, closer: [PeerHandle], now: Tick, directory: some PeerDirectory
  ) {
    let (index, isThere) = askedIndex(peer)
    guard isThere, asked[index].state != .answered else { return }
    let entry = asked[index]
    asked[index].state = .answered
    roundTrips.add(now.duration(since: entry.sentAt))
    let path = Int(entry.path)
    insert(peer, hops: entry.hops, path: path, directory: directory)
    guard plan.followsReferrals else { return }
    let hops = entry.hops == .max ? .max : entry.hops + 1
    for peer in Self.diverse(closer, directory: directory) where peer != local {
      insert(peer, hops: hops, path: path, directory: directory)
    }
  }

  /// The first k peers of an answer, without those of an address group that has too many in it:
  /// one network must not fill our view (go-libp2p-kad-dht query.go, filterPeersByIPDiversity).
  package static func diverse(
    _ peers: [PeerHandle], directory: some PeerDirectory
  ) -> [PeerHandle] {
    let answer = peers.prefix(KademliaLimits.bucketPeersMax)
    let groups = answer.map { directory.addressGroup(of: $0) }
    return zip(answer, groups).filter { _, group in
      group == 0
        || groups.count { $0 == group } <= KademliaLimits.peersOfGroupInAnswerMax
    }.map(\.0)
  }

  private mutating func insert(
    _ peer: PeerHandle, hops: UInt8, path: Int, directory: some PeerDirectory
  ) {
    let distance = directory.key(of: peer).distance(to: target)
    if paths[path].count == plan.candidatesMax, let last = paths[path].last,
      last.distance < distance
    {
      return
    }
    var low = 0
    var high = paths[path].count
    while low < high {
      let middle = (low + high) / 2
      if paths[path][middle].distance < distance { low = middle + 1 } else { high = middle }
    }
    if low < paths[path].count, paths[path][low].peer == peer { return }
    let (index, isThere) = askedIndex(peer)
    if isThere, asked[index].state == .failed { return }
    paths[path].insert(Candidate(distance: distance, peer: peer, hops: hops), at: low)
    if paths[path].count > plan.candidatesMax { paths[path].removeLast() }
  }

  private mutating func setFailed(_ peer: PeerHandle) {
    let (index, isThere) = askedIndex(peer)
    guard isThere, asked[index].state != .answered else { return }
    asked[index].state = .failed
    for path in paths.indices { paths[path].removeAll { $0.peer == peer } }
  }

  private func askedIndex(_ peer: PeerHandle) -> (index: Int, isThere: Bool) {
    var low = 0
    var high = asked.count
    while low < high {
      let middle = (low + high) / 2
      if asked[middle].peer < peer { low = middle + 1 } else { high = middle }
    }
    return (low, low < asked.count && asked[low].peer == peer)
  }
}

// MARK: - Result

extension LookupMachine {
  /// Peers that answered, closest first, each with its point.
  package func closest(
    directory: some PeerDirectory
  ) -> [(peer: PeerHandle, distance: DistanceKey)] {
    asked.filter { $0.state == .answered }
      .map { ($0.peer, directory.key(of: $0.peer).distance(to: target)) }
      .sorted { $0.1 < $1.1 }
  }

  /// Requests in a row that led to `peer`.
  package func hops(to peer: PeerHandle) -> Int {
    let (index, isThere) = askedIndex(peer)
    return isThere ? Int(asked[index].hops) : 0
  }

  /// Whether this lookup has asked a peer.
  package func hasAsked(_ peer: PeerHandle) -> Bool { askedIndex(peer).isThere }

  /// Peers that have answered.
  package var answeredCount: Int { asked.count { $0.state == .answered } }
}
