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
  package struct Plan: Sendable {
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
    /// Peers sharing more than `bits` with `center` are not asked: a walk around a key must not be
    /// held up by Sybils beside it.
    package var avoids: (center: DistanceKey, bits: Int)?

    /// A lookup of the k closest on one path.
    package init() {}
  }

  /// A peer some path knows of; whether it was asked stands in `asked`.
  struct Candidate: Sendable {
    let distance: DistanceKey
    let peer: PeerHandle
    /// Who named it first; this node for its own table.
    let referrer: PeerHandle
    let hops: UInt8
  }

  /// What became of a request.
  enum AskedState: UInt8, Sendable { case waiting, slow, answered, failed }

  /// A peer that was asked, by whichever path.
  struct Asked: Sendable {
    let peer: PeerHandle
    let path: UInt8
    let hops: UInt8
    let referrer: PeerHandle
    var state: AskedState
    let sentAt: Tick
    /// Whether a peer that it named answered, and how many did not.
    var keptReferral = false
    var referralsLost: UInt8 = 0
  }

  /// The point looked for.
  package let target: DistanceKey
  /// What the lookup is for.
  package let plan: Plan
  /// Requests sent so far.
  package private(set) var requests = 0
  /// Requests that gave up their slot so far.
  package internal(set) var timeouts = 0
  /// Round trips of this lookup, after those its owner had measured.
  package internal(set) var roundTrips: RoundTripEstimate
  let local: PeerHandle
  /// The candidates of each path, closest first.
  var paths: [[Candidate]]
  /// Every peer asked, in order of handles.
  var asked: [Asked] = []

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
      insert(seed, from: local, hops: 1, path: index % plan.paths, directory: directory)
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
          peer: candidate.peer, path: UInt8(path), hops: candidate.hops,
          referrer: candidate.referrer, state: .waiting, sentAt: now), at: index)
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
        judge(asked[index].referrer, kept: false)
      }
      if asked[index].state == .slow, age >= patience { lost.append(asked[index].peer) }
    }
    for peer in lost { setFailed(peer) }
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
