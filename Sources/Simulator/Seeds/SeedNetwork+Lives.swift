import Peering
import Primitives

extension SeedNetwork {
  mutating func live(_ node: UInt32, _ event: LifeEvent) {
    outcome.digest.add(UInt64(node))
    switch event {
    case .leaves:
      guard states.isUp(Int(node)) else { return }
      goAway(node)
    case .returns:
      guard !states.isUp(Int(node)), !record.crashed.contains(node) else { return }
      comeBack(node)
    case .crashes:
      if states.isUp(Int(node)) { goAway(node) }
      record.crashed.insert(node)
    case .restarts:
      guard record.crashed.remove(node) != nil else { return }
      restart(node)
    }
    outcome.lifeEvents += 1
  }

  private mutating func goAway(_ node: UInt32) {
    states[Int(node)].insert(.away)
    nodes[Int(node)].wasAway = true
    record.forgetOperations(of: node)
  }

  /// Back with all memory: connections may be gone, alarms are overdue.
  private mutating func comeBack(_ node: UInt32) {
    states[Int(node)].remove(.away)
    guard record.started.contains(node) else { return start(node) }
    // What rang in vain rings now; what is to come is still planned.
    if nodes[Int(node)].kademliaWake <= queue.now { nodes[Int(node)].kademliaWake = .max }
    if nodes[Int(node)].routerWake <= queue.now { nodes[Int(node)].routerWake = .max }
    tell(node, .tick)
    tell(node, gossip: .tick)
    let held = nodes[Int(node)].held
    nodes[Int(node)].held = []
    let segments = nodes[Int(node)].heldSegments
    nodes[Int(node)].heldSegments = []
    for entry in segments {
      receive(segment: entry.bytes, from: entry.from, to: node, entry.identity)
    }
    for entry in held { receive(entry.message, from: entry.from, to: node, entry.identity) }
  }

  /// A node that knows nobody but the anchors.
  private mutating func start(_ node: UInt32) {
    record.started.insert(node)
    let isForgotten = nodes[Int(node)].incarnation > 0 && errs(.forgetsToRejoin)
    let anchors = (0..<UInt32(Self.anchors)).filter { $0 != node }.map { PeerHandle($0) }
    if !isForgotten {
      tell(node, gossip: .join(Self.topic, kind: 0))
      tell(node, .begin(anchors: anchors))
      for anchor in anchors { dial(anchor.index, from: node) }
    }
    queue.schedule(
      .upkeep(node, incarnation: nodes[Int(node)].incarnation),
      after: 1 + chance.below(SeedConnectionLimits.upkeepMilliseconds))
  }

  /// Begins again with what the disk kept.
  private mutating func restart(_ node: UInt32) {
    let before = nodes[Int(node)]
    var journal = before.journal
    let found = journal.crash(using: &disks)
    if let lost = before.promised.first(where: { !found.contains($0) }) {
      fail(.syncedSurvives, node, "a record of \(lost.count) bytes is gone")
    }
    var fresh = SeedNode(
      kademlia: machine(of: Int(node), serves: before.isReachable),
      router: before.router, isReachable: before.isReachable)
    fresh.router = SeedNode.Router(
      configuration: configuration, now: clocks.tick(of: Int(node), at: queue.now),
      random: &randoms[Int(node)])
    fresh.incarnation = before.incarnation + 1
    fresh.journal = journal
    fresh.promised = before.promised
    nodes[Int(node)] = fresh
    conditions.translation.forget(Int(node))
    states[Int(node)].remove(.away)
    start(node)
    for (place, entry) in record.keys.enumerated() where entry.provider == node {
      guard found.contains(SeedRecord.journalRecord(of: entry.key)) else { continue }
      begin(.provide(entry.key), kind: .provide(place), at: node)
    }
  }
}
