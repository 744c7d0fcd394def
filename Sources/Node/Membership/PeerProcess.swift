package import Cryptography
package import Networking
package import Peering
internal import Persistence
internal import Primitives
internal import Telemetry

/// A peer of a network that does no work of its own: others begin with it, ask it who is where, and
/// are reached through it.
package struct PeerProcess: Sendable {
  /// The service under which it is advertised.
  private static let service = "peer"

  private let membership: Membership
  private let chainID: Digest
  private let loop: EventLoop
  private let report: @Sendable (String) -> Void

  /// A peer of a chain's network; it serves always, and relays. `report` gets lines for the log.
  package init(
    membership: Membership, of chainID: Digest, loop: EventLoop,
    report: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    var membership = membership
    self.chainID = chainID
    membership.serving = .always
    membership.relay = membership.relay ?? RelayServerLimits()
    self.membership = membership
    self.loop = loop
    self.report = report
  }

  /// Runs until it is cancelled, or until `ended` returns: then it says goodbye to its groups
  /// first. `ready` gets its addresses once it listens.
  package func run(
    until ended: @escaping ProcessEnd = Departure.never,
    ready: @escaping @Sendable ([Multiaddr]) async -> Void
  ) async throws {
    let identity = try membership.home.keyOrNew(named: membership.keyName)
    let lock = try membership.home.lock(membership.keyName)
    defer { lock.release() }
    let pool = Membership.pool()
    defer { pool.stop() }
    let host = PeerHost(
      loop: loop, identity: identity, settings: membership.hostSettings(pool: pool),
      protocols: [])
    let joined = Lock<PeerNetwork?>(nil)
    try await withThrowingTaskGroup(of: Void.self) { group in
      let onLoop = loop.taskExecutor
      group.addTask(executorPreference: onLoop) { await host.run() }
      group.addTask(executorPreference: onLoop) {
        try await membership.listen(with: host)
        let network = await membership.join(chainID, with: host, pool: pool, report: report)
        joined.withLock { $0 = network }
        await ready(await host.ownAddresses())
        await network?.advertise(Self.service)
        let sections = network?.controlSections ?? []
        _ = await host.begin { await membership.answerQuestions(about: host) { sections } }
      }
      group.addTask(executorPreference: onLoop) {
        try await Departure.wait(for: ended) { joined.withLock { $0 } }
      }
      // The second task ends at once when all is well, the host when it is stopped.
      do { for _ in 0..<2 { try await group.next() } } catch is Departure {}
      group.cancelAll()
    }
  }
}
