import Peering
import Primitives

/// Milliseconds between two pieces of work of a kind.
private enum WorkInterval {
  static let publish = 7_000
  static let provide = 15_000
  static let read = 9_000
  static let findNode = 5_000
  static let lie = 20_000
  /// Messages of calm times, which must reach everybody.
  static let calmMessages = 5
  /// Keys that one node reads at once.
  static let readsAtOnce = 3
  static let meshSamples = 3
  static let meshSample = 10_000
  /// Providers that a read asks for.
  static let providersWanted = 3
}

extension SeedNetwork {
  mutating func planWork() {
    func add(_ work: SeedWork, every interval: Int, from begin: Int, to end: Int) {
      for time in stride(from: begin, to: end, by: interval) {
        queue.schedule(.work(work), at: time + workChance.below(interval))
      }
    }
    let end = SeedTimes.recovered - 30_000
    add(.publish, every: WorkInterval.publish, from: SeedTimes.joined, to: end)
    add(.provide, every: WorkInterval.provide, from: SeedTimes.joined, to: end)
    add(.read, every: WorkInterval.read, from: SeedTimes.troubleBegins, to: end)
    add(.findNode, every: WorkInterval.findNode, from: SeedTimes.troubleBegins, to: end)
    add(.lie, every: WorkInterval.lie, from: SeedTimes.troubleBegins, to: end)
    for number in 0..<WorkInterval.calmMessages {
      queue.schedule(
        .work(.publish), at: SeedTimes.recovered + number * WorkInterval.publish)
    }
    queue.schedule(.work(.readAll), at: SeedTimes.recovered + 1)
    for sample in 0..<WorkInterval.meshSamples {
      queue.schedule(
        .work(.sampleMeshes), at: SeedTimes.lastWork + sample * WorkInterval.meshSample)
    }
  }

  mutating func carryOut(_ work: SeedWork) {
    guard let node = nodeAtWork() else { return }
    switch work {
    case .publish: publish(at: node)
    case .provide: provide(at: node)
    case .read:
      guard !record.keys.isEmpty else { return }
      for _ in 0..<WorkInterval.readsAtOnce {
        read(workChance.below(record.keys.count), at: node, mustFind: false)
      }
    case .findNode:
      let key = KademliaKey(point: SharedBook.key(using: &workChance))
      begin(.findNode(key), kind: .findNode, at: node)
    case .lie: lie(at: node)
    case .readAll:
      for place in record.keys.indices {
        guard let reader = nodeAtWork() else { return }
        let provider = Int(record.keys[place].provider)
        let mustFind = record.keys[place].isStored && states.isUp(provider)
        read(place, at: reader, mustFind: mustFind)
      }
    case .sampleMeshes:
      let pairs = lopsidedPairs()
      record.lopsided = record.lopsided.map { before in before.filter(pairs.contains) } ?? pairs
    }
  }

  /// A node of chance that is there.
  private mutating func nodeAtWork() -> UInt32? {
    let triesMax = 200
    for _ in 0..<triesMax {
      let node = workChance.below(scenario.nodes)
      if states.isUp(node), !states[node].contains(.silent) { return UInt32(node) }
    }
    return nil
  }

  private mutating func publish(at node: UInt32) {
    let number = UInt64(record.messages.count)
    record.messages.append(queue.now)
    nodes[Int(node)].delivered[number] = queue.now
    let message = GossipMessage(
      id: GossipMessageID(high: UInt64(node), low: number), topic: Self.topic,
      byteCount: SeedRecord.messageBytes, author: PeerHandle(node),
      payload: SeedRecord.payload(of: number))
    tell(node, gossip: .publish(message))
  }

  private mutating func provide(at node: UInt32) {
    let key = KademliaKey(point: SharedBook.key(using: &workChance))
    record.keys.append((key, node, false))
    let bytes = SeedRecord.journalRecord(of: key)
    nodes[Int(node)].journal.write(bytes, isSynced: !errs(.forgetsSync))
    nodes[Int(node)].promised.append(bytes)
    begin(.provide(key), kind: .provide(record.keys.count - 1), at: node)
    // Peers it met: nice to have, so nobody waits for the disk.
    nodes[Int(node)].journal.write([0x70, UInt8(node & 0xFF)], isSynced: false)
  }

  private mutating func read(_ place: Int, at node: UInt32, mustFind: Bool) {
    begin(
      .findProviders(record.keys[place].key, wanted: WorkInterval.providersWanted),
      kind: .read(place, mustFind: mustFind), at: node)
  }

  /// Tells a node of chance that another provides a key.
  private mutating func lie(at node: UInt32) {
    guard !record.keys.isEmpty, let victim = nodeAtWork(), victim != node else { return }
    let key = record.keys[workChance.below(record.keys.count)].key
    for connection in nodes[Int(node)].connections where connection.peer != victim {
      let unused = UInt32.max
      send(
        .ask(.addProvider(key, provider: PeerHandle(victim)), call: unused), from: node,
        to: connection.peer)
    }
  }

  mutating func begin(
    _ operation: KademliaOperation, kind: SeedOperation.Kind, at node: UInt32
  ) {
    let id = record.nextOperation
    record.nextOperation += 1
    record.operations[id] = SeedOperation(node: node, kind: kind, began: queue.now)
    tell(node, .start(operation, id: id))
  }

  mutating func finish(_ id: UInt32, _ result: KademliaOutcome, at node: UInt32) {
    checkProviders(result.providers, id, at: node)
    guard let operation = record.operations.removeValue(forKey: id) else { return }
    outcome.digest.add(UInt64(id) << 32 | UInt64(result.requests))
    switch operation.kind {
    case .findNode:
      outcome.lookups.hops.append(result.hops)
      outcome.lookups.milliseconds.append(result.elapsed.wholeMilliseconds)
      outcome.lookups.requests += result.requests
    case .provide(let place):
      if result.stored > 0 { record.keys[place].isStored = true }
    case .read(let place, let mustFind):
      let provider = record.keys[place].provider
      if mustFind, !result.providers.contains(PeerHandle(provider)) {
        fail(
          .providersFound, node,
          "key \(place) of \(provider): \(result.ending), \(result.requests) requests")
      }
    }
  }
}
