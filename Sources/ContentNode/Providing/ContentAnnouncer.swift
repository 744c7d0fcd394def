package import ContentStore
import Cryptography
package import Networking
import Peering
package import Persistence
import Primitives
package import Telemetry

/// What a node tells others that it has.
package enum ProvideStrategy: String, Sendable, CaseIterable {
  /// The roots of recursive pins: whoever has a root finds the rest there.
  case roots
  /// Everything that is pinned, blocks within trees included.
  case pinned
  /// Each block of the store.
  case all
}

/// Limits of announcing.
package enum ProvideLimits {
  /// Announcements under way at a time: each asks some dozens of peers.
  static let batchMax = 16
  /// What is announced goes again so often: tables forget it after 48 hours, and Kubo, whose
  /// interval this is, wants two chances.
  package static let interval: Duration = .seconds(22 * 3_600)
  /// How often one looks whether something is due.
  static let pause: Duration = .seconds(10)
  /// What may wait to be announced beside what is due: fresh roots.
  static let freshMax = 65_536
  /// Keys of one round; beyond these a round would take longer than the interval.
  static let keysMax = 1 << 20
}

/// Tells tables which content this node has: fresh roots at once, and everything that its strategy
/// names again before it is forgotten. How far behind that is, is a metric.
package actor ContentAnnouncer {
  private let store: BlockStore
  private let tables: [KademliaShell]
  private let strategy: ProvideStrategy
  private let clock: EventLoop
  private var fresh: [CID] = []
  /// What is left of the round under way, the next one last.
  private var round: [CID] = []
  private var roundBegan: Tick?
  private let announced: Counter
  private let refused: Counter
  private let waiting: Gauge
  private let lag: Gauge

  /// An announcer of what `store` has.
  package init(
    store: BlockStore, tables: [KademliaShell], strategy: ProvideStrategy = .roots,
    loop: EventLoop, metrics: MetricsRegistry = MetricsRegistry()
  ) {
    self.store = store
    self.tables = tables
    self.strategy = strategy
    clock = loop
    announced = metrics.counter(
      "martlet_content_provided_total", help: "Announcements that some peer keeps")
    refused = metrics.counter(
      "martlet_content_provide_failures_total", help: "Announcements that no peer keeps")
    waiting = metrics.gauge(
      "martlet_content_provide_waiting", help: "Announcements that are due and not made")
    lag = metrics.gauge(
      "martlet_content_provide_lag_seconds",
      help: "How much longer the round under way takes than its interval allows")
  }

  /// Queues content to be announced soon; what does not fit is announced in its turn.
  package func announce(_ cids: [CID]) {
    fresh += cids.prefix(max(0, ProvideLimits.freshMax - fresh.count))
    waiting.set(Double(fresh.count + round.count))
  }

  /// Announces again and again, until the task is cancelled.
  package func run() async {
    while !Task.isCancelled {
      await step()
      guard fresh.isEmpty, round.isEmpty else { continue }
      let clock = clock
      do {
        try await clock.perform { try await clock.sleep(for: ProvideLimits.pause) }
      } catch { return }
    }
  }

  /// Announces one batch of what is due; begins the next round when its time has come.
  package func step() async {
    let now = clock.now
    if round.isEmpty, roundBegan.map({ now >= $0.advanced(by: ProvideLimits.interval) }) ?? true {
      roundBegan = now
      round = Array(((try? await due()) ?? []).reversed())
    }
    let isFresh = !fresh.isEmpty
    let batch =
      isFresh
      ? Array(fresh.prefix(ProvideLimits.batchMax)) : round.suffix(ProvideLimits.batchMax)
    if isFresh { fresh.removeFirst(batch.count) } else { round.removeLast(batch.count) }
    await withTaskGroup(of: Bool.self) { group in
      for cid in batch { group.addTask { [tables] in await Self.provide(cid, in: tables) } }
      for await isKept in group { (isKept ? announced : refused).increment() }
    }
    note(now: clock.now)
  }

  private func note(now: Tick) {
    waiting.set(Double(fresh.count + round.count))
    guard let roundBegan, !round.isEmpty else { return lag.set(0) }
    let late = now.duration(since: roundBegan.advanced(by: ProvideLimits.interval))
    lag.set(late / .seconds(1))
  }

  private static func provide(_ cid: CID, in tables: [KademliaShell]) async -> Bool {
    var isKept = false
    for table in tables {
      let outcome = await table.run(.provide(KademliaKey(cid.multihash.bytes)))
      isKept = isKept || outcome.stored > 0
    }
    return isKept
  }

  // MARK: What is due

  /// What the strategy names, in the order in which it is announced.
  package func due() async throws -> [CID] {
    let (store, strategy) = (store, strategy)
    return try await Self.onOwnThread {
      switch strategy {
      case .roots: try Self.pins(of: store).filter { $0.kind == .recursive }.map(\.cid)
      case .pinned: try Self.pinnedBlocks(of: store)
      case .all: try Self.blocks(of: store)
      }
    }
  }

  private static func pins(of store: BlockStore) throws -> [ContentPin] {
    var pins: [ContentPin] = []
    while pins.count < ProvideLimits.keysMax {
      let page = try store.pins(after: pins.last?.cid)
      guard !page.isEmpty else { break }
      pins += page
    }
    return pins
  }

  private static func pinnedBlocks(of store: BlockStore) throws -> [CID] {
    var seen: Set<CID> = []
    var cids: [CID] = []
    for pin in try pins(of: store) {
      var walk = try DagExport(
        DagExport.Request(
          ContentPath(root: pin.cid), scope: pin.kind == .recursive ? .all : .block))
      while let cid = walk.wanted, cids.count < ProvideLimits.keysMax {
        if seen.insert(cid).inserted { cids.append(cid) }
        if cid.codec == .raw {
          try walk.passOverLeaf()
        } else {
          _ = try walk.supply(store.block(cid))
        }
      }
    }
    return cids
  }

  private static func blocks(of store: BlockStore) throws -> [CID] {
    var digests: [Digest] = []
    while digests.count < ProvideLimits.keysMax {
      let page = try store.digests(after: digests.last)
      guard !page.isEmpty else { break }
      digests += page
    }
    // Tables know blocks by their multihashes; the codec does not matter.
    return digests.map { .v1(.raw, .sha256($0)) }
  }

  private static func onOwnThread<Value: Sendable>(
    _ work: @escaping @Sendable () throws -> Value
  ) async throws -> Value {
    let result: Result<Value, any Error> = await withCheckedContinuation { continuation in
      NamedThread("content-roots") {
        continuation.resume(returning: Result { try work() })
      }.detach()
    }
    return try result.get()
  }
}
