import Primitives

extension KademliaMachine {
  /// Begins what follows the phase that has just ended.
  mutating func advancePhase(
    place: Int, now: Tick, directory: some PeerDirectory, effects: inout [KademliaEffect]
  ) {
    switch operations[place].phase {
    case .lookup:
      let closest = operations[place].main.closest(directory: directory)
      let density = closest.prefix(KademliaLimits.bucketPeersMax).map(\.distance)
      let region = regionToWalk(place: place, density: density, directory: directory)
      size.add(closest: density)
      if let region {
        walk(region, place: place, now: now, directory: directory, effects: &effects)
      } else if operations[place].isStore {
        contact(
          closest.prefix(KademliaLimits.bucketPeersMax).map(\.peer), place: place, now: now,
          directory: directory, effects: &effects)
      } else {
        finish(
          place: place, ending: ending(of: operations[place].main), now: now,
          directory: directory, effects: &effects)
      }
    case .walk:
      contact(
        contacts(place: place, directory: directory), place: place, now: now,
        directory: directory, effects: &effects)
    case .contact:
      finish(
        place: place, ending: ending(of: operations[place].main), now: now,
        directory: directory, effects: &effects)
    }
  }

  private func ending(of search: LookupMachine) -> KademliaOutcome.Ending {
    if search.requests == 0 { return .nobodyToAsk }
    return search.isExhausted ? .exhausted : .complete
  }

  /// The region of an operation's key, unless the lookup has met all of it: the k closest that
  /// answered reach its edge, or fewer than k answered at all.
  private func regionToWalk(
    place: Int, density: [DistanceKey], directory: some PeerDirectory
  ) -> KademliaRegion? {
    guard settings.usesRegions, operations[place].concernsRecords,
      density.count >= KademliaLimits.bucketPeersMax, let farthest = density.last
    else { return nil }
    let region = KademliaRegion(
      center: operations[place].key.point, networkPeers: networkPeers(directory: directory))
    return farthest.words.0 >= region.radius ? nil : region
  }

  private mutating func walk(
    _ region: KademliaRegion, place: Int, now: Tick, directory: some PeerDirectory,
    effects: inout [KademliaEffect]
  ) {
    let met = operations[place].main.closest(directory: directory).map(\.peer)
    var members = RegionMembers(region: region)
    for peer in met { members.add(peer, directory: directory) }
    for entry in table.entries where !entry.isReplaceable {
      members.add(entry.peer, directory: directory)
    }
    operations[place].members = members
    operations[place].phase = .walk
    var plan = LookupMachine.Plan()
    plan.goal = KademliaLimits.regionWalkPeers
    plan.slots = KademliaLimits.regionWalkSlots
    operations[place].searches = (0..<KademliaLimits.regionWalks).map { level in
      let target = region.walkTarget(level: level)
      plan.avoids = (region.center, region.prefixBits + level)
      return LookupMachine(
        target: target, seeds: met + table.closest(to: target, directory: directory),
        plan: plan, local: local, roundTrips: roundTrips, directory: directory)
    }
    beginSearches(place: place, now: now, directory: directory, effects: &effects)
  }

  /// Everyone in the region and the k closest; a read leaves out those that it has asked.
  private func contacts(place: Int, directory: some PeerDirectory) -> [PeerHandle] {
    let running = operations[place]
    let members = running.members?.peers ?? []
    guard running.isStore else { return members.filter { !running.main.hasAsked($0) } }
    let inside = Set(members)
    let closest = running.main.closest(directory: directory)
      .prefix(KademliaLimits.bucketPeersMax).map(\.peer)
    return members + closest.filter { !inside.contains($0) }
  }

  private mutating func contact(
    _ peers: [PeerHandle], place: Int, now: Tick, directory: some PeerDirectory,
    effects: inout [KademliaEffect]
  ) {
    var plan = LookupMachine.Plan()
    plan.goal = .max
    plan.followsReferrals = false
    plan.slots = KademliaLimits.contactSlots
    plan.candidatesMax = KademliaLimits.regionPeersMax + KademliaLimits.bucketPeersMax
    operations[place].walkRequests = operations[place].searches.reduce(0) { $0 + $1.requests }
    operations[place].walkTimeouts = operations[place].searches.reduce(0) { $0 + $1.timeouts }
    operations[place].phase = .contact
    operations[place].searches = [
      LookupMachine(
        target: operations[place].key.point, seeds: peers, plan: plan, local: local,
        roundTrips: roundTrips, directory: directory)
    ]
    beginSearches(place: place, now: now, directory: directory, effects: &effects)
  }

  /// Starts every search of a phase. The last one's start may end the phase, and the operation.
  private mutating func beginSearches(
    place: Int, now: Tick, directory: some PeerDirectory, effects: inout [KademliaEffect]
  ) {
    let serial = operations[place].serial
    let phase = operations[place].phase
    for index in operations[place].searches.indices {
      guard let place = operations.firstIndex(where: { $0.serial == serial }),
        operations[place].phase == phase
      else { return }
      drive(
        .tick, place: place, phase: phase, index: index, now: now, directory: directory,
        effects: &effects)
    }
  }
}

// MARK: - End

extension KademliaMachine {
  mutating func finish(
    place: Int, ending: KademliaOutcome.Ending, now: Tick, directory: some PeerDirectory,
    effects: inout [KademliaEffect]
  ) {
    let running = operations.remove(at: place)
    correct(running, now: now, directory: directory, effects: &effects)
    if case .bootstrap = running.operation {
      bootstrapped()
    }
    if case .provide = running.operation, running.storedCount == 0,
      provided.contains(running.key.point)
    {
      // Nobody was there to tell: the next round tries again, not the next day.
      _ = provided.add(running.key, next: now.advanced(by: KademliaLimits.refreshInterval))
    }
    guard let id = running.id else { return }
    let closest = running.main.closest(directory: directory).map(\.peer)
    var outcome = KademliaOutcome(ending: ending)
    outcome.closest = Array(closest.prefix(KademliaLimits.bucketPeersMax))
    outcome.providers = running.providers
    outcome.record = running.best?.record
    outcome.stored = running.storedCount
    outcome.requests = running.requests
    outcome.timeouts = running.timeouts
    outcome.hops = closest.first.map { running.main.hops(to: $0) } ?? 0
    outcome.elapsed = now.duration(since: running.startedAt)
    effects.append(.finished(outcome, id: id))
  }

  /// Hands the best value found to peers that answered with an older one or none (libp2p/specs
  /// kad-dht, "Entry correction").
  private mutating func correct(
    _ running: RunningOperation, now: Tick, directory: some PeerDirectory,
    effects: inout [KademliaEffect]
  ) {
    guard let best = running.best else { return }
    let closest = running.main.closest(directory: directory)
      .prefix(KademliaLimits.bucketPeersMax).map(\.peer)
    var corrected = 0
    for holder in running.holders where corrected < KademliaLimits.bucketPeersMax {
      if let sequence = holder.sequence {
        guard sequence < best.sequence else { continue }
      } else if !closest.contains(holder.peer) {
        continue  // it only showed the way
      }
      let isSent = send(
        .putValue(best.record), to: holder.peer, purpose: .correction, now: now,
        effects: &effects)
      if isSent { corrected += 1 }
    }
  }
}
