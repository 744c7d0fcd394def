package import Primitives

/// What a member knows of another.
package struct SWIMMember: Sendable {
  /// Who.
  package let handle: PeerHandle
  /// What the group says of it.
  package fileprivate(set) var status: SWIMStatus
  /// Its own counter, as last proven.
  package fileprivate(set) var incarnation: UInt64
  /// The proof of the counter.
  fileprivate(set) var proof: Bytes
  /// Since when it has this status.
  package fileprivate(set) var since: Tick
}

/// One member of a group of up to 256: failure detection and dissemination by SWIM with Lifeguard.
///
/// docs/specs/membership.md describes the protocol and what it withstands.
package struct SWIMMachine: Sendable {
  /// Where the machine is in its life.
  package enum Phase: Sendable, Equatable {
    case outside
    case joining(seeds: [PeerHandle], attempts: Int, nextPlace: UInt32, retryAt: Tick)
    case member
    case leaving(until: Tick)
    case departed
  }

  /// A probe of another member, over at `SWIMMachine.nextProbe`.
  struct Probe: Sendable {
    let target: PeerHandle
    let sequence: UInt32
    let sentAt: Tick
    let timeoutAt: Tick
    var relays: [PeerHandle] = []
    var nacks: [PeerHandle] = []
    var isAnswered = false
    var isIndirect = false
  }

  /// A probe done for somebody else.
  struct Relay: Sendable {
    let requester: PeerHandle
    let requesterSequence: UInt32
    let target: PeerHandle
    let sequence: UInt32
    let nackAt: Tick
  }

  /// What may be done only so often between two probes.
  struct Budget: Sendable {
    var proofChecks = SWIMLimits.proofChecksPerPeriod
    var pieces = SWIMLimits.piecesPerPeriod
    var corrections = SWIMLimits.correctionsPerPeriod
    var healthIsCharged = false
  }

  /// Ourselves.
  package let local: PeerHandle
  /// Our own counter.
  package internal(set) var incarnation: UInt64
  /// Where we are in our life.
  package internal(set) var phase = Phase.outside
  /// Doubt about ourselves, 0 when all is well; every wait grows by 1 + this.
  package internal(set) var localHealth = 0
  /// Messages whose claims had no valid proof or came from no member.
  package internal(set) var refusedClaims = 0

  var table: MemberTable
  var suspicions: [SWIMSuspicion] = []
  var broadcasts = SWIMBroadcasts()
  var probe: Probe?
  var relays: [Relay] = []
  var budget = Budget()
  var roundTrip = ProbeRoundTrip()
  /// Our place in the group's probing schedule; a newcomer takes the first that it hears.
  var round: UInt32 = 0
  var roundWasAdvanced = false
  var isInSchedule = false
  var sequence: UInt32
  var periods = 0
  /// Members of another part of our group that we asked for theirs, and from where on.
  var reached: [PeerHandle: UInt32] = [:]
  var nextProbe = Tick.zero
  var nextGossip = Tick.zero

  /// A node that is in no group yet. `incarnation` must not be below the last one it had there.
  package init(
    local: PeerHandle, incarnation: UInt64 = 0, notary: some MembershipNotary,
    random: inout SplitMix64
  ) {
    self.local = local
    self.incarnation = incarnation
    table = MemberTable(local: local, point: notary.ringPoint(of: local))
    sequence = UInt32.random(in: 0...UInt32.max, using: &random)
  }

  /// Begins a group of one; others join it.
  package mutating func found(now: Tick, random: inout SplitMix64) {
    phase = .member
    isInSchedule = true
    scheduleFirstProbe(now: now, random: &random)
  }

  /// Members that take part, ourselves among them, in order of their handles.
  package var present: [PeerHandle] {
    (table.members.filter { $0.status.isPresent }.map(\.handle) + [local]).sorted()
  }

  /// What is known of a peer; nil for strangers and for ourselves.
  package func member(_ handle: PeerHandle) -> SWIMMember? { table[handle] }

  /// When the machine wants its next `tick`.
  package var nextWake: Tick? {
    switch phase {
    case .outside, .departed: return nil
    case .leaving(let until): return broadcasts.isEmpty ? until : min(until, nextGossip)
    case .joining(_, _, _, let retryAt): return retryAt
    case .member: break
    }
    var wake = nextProbe
    if let probe, !probe.isAnswered, !probe.isIndirect { wake = min(wake, probe.timeoutAt) }
    for relay in relays { wake = min(wake, relay.nackAt) }
    for suspicion in suspicions {
      wake = min(wake, suspicion.deadline(present: table.presentCount))
    }
    if !broadcasts.isEmpty { wake = min(wake, nextGossip) }
    return wake
  }

  /// Moves the machine by one event.
  package mutating func handle(
    _ event: SWIMEvent, now: Tick, random: inout SplitMix64, notary: some MembershipNotary,
    effects: inout [SWIMEffect]
  ) {
    switch event {
    case .tick: tick(now: now, random: &random, notary: notary, effects: &effects)
    case .received(let message, let sender):
      guard phase != .departed, phase != .outside, sender != local,
        message.claims.count <= message.verb.claimsMax
      else { return }
      receive(
        message, from: sender, now: now, random: &random, notary: notary, effects: &effects)
    case .join(let seeds):
      join(via: seeds, now: now, notary: notary, effects: &effects)
    case .reach(let peers): reach(peers, notary: notary, effects: &effects)
    case .expel(let peer): expel(peer, now: now, notary: notary, effects: &effects)
    case .leave: leave(now: now, random: &random, notary: notary, effects: &effects)
    }
  }

  private mutating func tick(
    now: Tick, random: inout SplitMix64, notary: some MembershipNotary,
    effects: inout [SWIMEffect]
  ) {
    switch phase {
    case .outside, .departed: return
    case .joining: retryJoin(now: now, notary: notary, effects: &effects)
    case .leaving(let until):
      gossipIfDue(now: now, random: &random, effects: &effects)
      if until <= now {
        phase = .departed
        effects.append(.departed)
      }
    case .member:
      endSuspicions(now: now, notary: notary, effects: &effects)
      answerForRelays(now: now, effects: &effects)
      probeIndirectlyIfDue(now: now, random: &random, effects: &effects)
      if nextProbe <= now {
        beginPeriod(now: now, random: &random, notary: notary, effects: &effects)
      }
      gossipIfDue(now: now, random: &random, effects: &effects)
    }
  }
}

/// Members by handle, and the ring of those present that all members order alike.
struct MemberTable: Sendable {
  private struct RingPlace: Sendable {
    let point: UInt64
    let handle: PeerHandle
  }

  private(set) var members: [SWIMMember] = []
  private var positions: [PeerHandle: Int] = [:]
  private var ring: [RingPlace]
  private let localPlace: RingPlace

  init(local: PeerHandle, point: UInt64) {
    localPlace = RingPlace(point: point, handle: local)
    ring = [localPlace]
  }

  /// Members that take part, ourselves among them.
  var presentCount: Int { ring.count }
  var tombstoneCount: Int { members.count + 1 - ring.count }

  subscript(handle: PeerHandle) -> SWIMMember? { positions[handle].map { members[$0] } }

  mutating func insert(
    _ handle: PeerHandle, incarnation: UInt64, proof: Bytes, now: Tick, point: UInt64
  ) {
    precondition(positions[handle] == nil)
    positions[handle] = members.count
    members.append(
      SWIMMember(
        handle: handle, status: .alive, incarnation: incarnation, proof: proof, since: now))
    insertIntoRing(RingPlace(point: point, handle: handle))
  }

  mutating func set(_ handle: PeerHandle, to status: SWIMStatus, now: Tick, point: UInt64) {
    guard let position = positions[handle] else { preconditionFailure("not a member") }
    let old = members[position].status
    members[position].status = status
    members[position].since = now
    if old.isPresent, !status.isPresent {
      ring.removeAll { $0.handle == handle }
    } else if !old.isPresent, status.isPresent {
      insertIntoRing(RingPlace(point: point, handle: handle))
    }
  }

  mutating func prove(_ handle: PeerHandle, incarnation: UInt64, proof: Bytes) {
    guard let position = positions[handle] else { preconditionFailure("not a member") }
    members[position].incarnation = incarnation
    members[position].proof = proof
  }

  /// Forgets tombstones that are too old, and the oldest of too many.
  mutating func forgetTombstones(now: Tick) {
    let tombstones = members.filter { !$0.status.isPresent }
    guard !tombstones.isEmpty else { return }
    let oldestFirst = tombstones.sorted { ($0.since, $0.handle) < ($1.since, $1.handle) }
    let surplus = max(0, tombstones.count - SWIMLimits.tombstonesMax)
    for (place, tombstone) in oldestFirst.enumerated() {
      let isOld = now.duration(since: tombstone.since) > SWIMLimits.tombstoneRetention
      guard place < surplus || isOld else { continue }
      forget(tombstone.handle)
    }
  }

  private mutating func forget(_ handle: PeerHandle) {
    guard let position = positions.removeValue(forKey: handle) else { return }
    members.swapAt(position, members.count - 1)
    members.removeLast()
    if position < members.count { positions[members[position].handle] = position }
  }

  private mutating func insertIntoRing(_ place: RingPlace) {
    ring.insert(place, at: firstPlace(notBefore: place))
  }

  private func firstPlace(notBefore place: RingPlace) -> Int {
    var (low, high) = (0, ring.count)
    while low < high {
      let middle = (low + high) / 2
      if (ring[middle].point, ring[middle].handle) < (place.point, place.handle) {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low
  }

  /// Whom to probe in a round. In one round no two members that see the same ring choose the same
  /// one, so each is probed once; n − 1 rounds go to all.
  func target(inRound round: UInt32) -> PeerHandle? {
    guard ring.count > 1 else { return nil }
    let shift = 1 + Int(round % UInt32(ring.count - 1))
    return ring[(firstPlace(notBefore: localPlace) + shift) % ring.count].handle
  }

  /// Up to `count` different members that take part, without ourselves and `excluded`.
  func draw(
    _ count: Int, except excluded: PeerHandle?, random: inout SplitMix64
  ) -> [PeerHandle] {
    var drawn: [PeerHandle] = []
    // Misses are ourselves, `excluded` and repetitions; small groups need the extra tries.
    for _ in 0..<4 * count where drawn.count < count && ring.count > 1 {
      let handle = ring[Int.random(in: 0..<ring.count, using: &random)].handle
      if handle == localPlace.handle || handle == excluded || drawn.contains(handle) { continue }
      drawn.append(handle)
    }
    return drawn
  }
}
