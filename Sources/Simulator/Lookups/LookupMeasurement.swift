import Peering
import Primitives

/// What is measured of a network of Kademlia nodes, and how much of it.
package struct LookupMeasurement: Sendable {
  /// Above so many nodes tables are filled directly: a million joins are 10⁹ messages.
  package static let joiningNodesMax = 10_000
  /// Milliseconds between the starts of two lookups.
  static let intervalMilliseconds = 10
  /// A lookup that takes longer is counted as one that takes this long.
  static let lookupMillisecondsMax = 120_000
  /// Nodes that ask: each has asked before, as any node that runs has, so it knows its round trips.
  static let askersMax = 200
  static let lookupsBefore = 3
  /// Reads of each attacked key.
  static let readsPerKey = 200

  /// The network.
  package private(set) var network: LookupNetwork
  /// Measured so far.
  package private(set) var figures: NetworkFigures
  private var random: SplitMix64
  private let tables: TableOrigin

  /// A network with tables, `tables` chosen by size where it is nil.
  package init(_ settings: LookupSettings, tables: TableOrigin? = nil) {
    network = LookupNetwork(settings)
    figures = NetworkFigures(nodes: settings.nodes, seed: settings.seed)
    random = ChanceStreams(seed: settings.seed).stream(.workload)
    self.tables =
      tables ?? (settings.nodes <= Self.joiningNodesMax ? .joined : .filledDirectly)
    switch self.tables {
    case .filledDirectly: network.fillTables()
    case .joined: network.joinAll()
    }
  }

  /// Lets `count` nodes of chance look for points of chance.
  package mutating func lookUp(_ count: Int) {
    var lookups = LookupFigures()
    lookups.tables = tables
    var foundClosest = 0
    var targets: [DistanceKey] = []
    let askers = (0..<min(count, Self.askersMax)).map { _ in network.livingNode(using: &random) }
    warmUp(askers)
    let begin = network.now
    let loadBefore = network.load
    for id in 0..<count {
      let target = SharedBook.key(using: &random)
      targets.append(target)
      network.start(
        .findNode(KademliaKey(point: target)), at: askers[id % askers.count], id: UInt32(id),
        time: begin + id * Self.intervalMilliseconds)
    }
    let end = begin + count * Self.intervalMilliseconds + Self.lookupMillisecondsMax
    network.run(untilOutcomes: count, end: end)
    for (_, id, outcome) in network.takeOutcomes() where Int(id) < count {
      lookups.hops.append(outcome.hops)
      lookups.milliseconds.append(outcome.elapsed.wholeMilliseconds)
      lookups.requests += outcome.requests
      let closest = network.closestLiving(to: targets[Int(id)])
      if outcome.closest.first == closest { foundClosest += 1 }
    }
    lookups.foundClosest = foundClosest
    figures.lookups = lookups
    figures.load = zip(network.load, loadBefore).map { Int($0 &- $1) }
    collect()
  }

  private mutating func warmUp(_ askers: [Int]) {
    for _ in 0..<Self.lookupsBefore {
      run(askers.map { (.findNode(KademliaKey(point: SharedBook.key(using: &random))), $0) })
    }
  }

  /// Attacks `keys` keys, one after another, each with `sybils` identities around it, then lets an
  /// honest node provide the key and others read it.
  package mutating func eclipse(keys: Int, sybils: Int) {
    var eclipse = EclipseFigures()
    for _ in 0..<keys {
      let target = SharedBook.key(using: &random)
      network.attack(target, sybils: sybils)
      let key = KademliaKey(point: target)
      let provider = network.livingNode(using: &random)
      run([(.provide(key), provider)])
      let readers = (0..<Self.readsPerKey).map { _ in
        (
          KademliaOperation.findProviders(key, wanted: 1), network.livingNode(using: &random)
        )
      }
      for outcome in run(readers) {
        eclipse.reads += 1
        if !outcome.providers.contains(PeerHandle(UInt32(provider))) { eclipse.denied += 1 }
      }
    }
    figures.eclipse = eclipse
    collect()
  }

  /// Runs operations of nodes to their ends.
  @discardableResult
  private mutating func run(_ operations: [(KademliaOperation, Int)]) -> [KademliaOutcome] {
    _ = network.takeOutcomes()
    let begin = network.now + 1
    for (offset, operation) in operations.enumerated() {
      network.start(
        operation.0, at: operation.1, id: UInt32(offset),
        time: begin + offset * Self.intervalMilliseconds)
    }
    let end = begin + operations.count * Self.intervalMilliseconds + Self.lookupMillisecondsMax
    network.run(untilOutcomes: operations.count, end: end)
    return network.takeOutcomes().map(\.outcome)
  }

  private mutating func collect() {
    figures.events = network.eventCount
    figures.digest = network.digest
    figures.deliveries = network.conditions.counts
  }
}

extension LookupNetwork {
  /// The living honest node closest to a point: among its neighbours in the order of keys.
  func closestLiving(to point: DistanceKey) -> PeerHandle? {
    let place = book.lowerBound(point, below: settings.nodes)
    // The closest shares the longest prefix, so it is a neighbour; this many may be dead.
    let window = 64
    return (max(0, place - window)..<min(settings.nodes, place + window))
      .filter { states.isHonest($0) }.map { PeerHandle(UInt32($0)) }
      .min { book.key(of: $0).distance(to: point) < book.key(of: $1).distance(to: point) }
  }
}

extension Duration {
  var wholeMilliseconds: Int {
    let (seconds, attoseconds) = components
    let attosecondsPerMillisecond: Int64 = 1_000_000_000_000_000
    return Int(seconds) * 1_000 + Int(attoseconds / attosecondsPerMillisecond)
  }
}
