import Cryptography
import Ledger
import Networking
import Node
import Peering
import Persistence
import Primitives
import Telemetry
import Testing

/// Members of one network in a group of real hosts, each in a home of its own.
private struct GroupNetwork: Sendable {
  static let any = try! Multiaddr("/ip4/127.0.0.1/tcp/0")

  /// Homes with keys and a genesis document; nobody runs it.
  let local: LocalNetwork
  let file: NetworkFile
  let pool = Membership.pool()

  init(_ rule: AdmissionRule, workers: [LocalNetwork.Worker]) throws {
    local = try LocalNetwork(workers: workers)
    file = try NetworkFile(
      name: "test", chainID: local.genesis.chainID, rule: rule, usesLocalDiscovery: false)
  }

  func peer(_ index: Int) throws -> PeerID { try local.key(of: "worker-\(index)").publicKey.peerID }

  func membership(_ index: Int, from bootstraps: [Multiaddr]) throws -> Membership {
    var file = file
    file.bootstraps = bootstraps
    let home = HomeDirectory(path: "\(local.root)/worker-\(index)")
    var membership = Membership(place: .network(file), home: home)
    membership.listen = Self.any
    membership.serving = .always
    membership.site = DeclaredPlace(region: "eu", country: "de", city: "berlin")
    return membership
  }

  /// Runs hosts of members; `body` joins them to the network.
  func run(
    _ memberships: [Membership], _ body: @Sendable ([PeerHost]) async throws -> Void
  ) async throws {
    let loop = local.loop
    var hosts: [PeerHost] = []
    for membership in memberships {
      hosts.append(
        PeerHost(
          loop: loop, identity: try membership.home.key(named: "identity"),
          settings: membership.hostSettings(pool: pool), protocols: []))
    }
    let made = hosts
    try await withThrowingTaskGroup(of: Void.self) { group in
      for host in made {
        group.addTask(executorPreference: loop.taskExecutor) { await host.run() }
      }
      defer { group.cancelAll() }
      try await body(made)
    }
  }

  func end() {
    pool.stop()
    local.remove()
  }
}

/// Waits until something is so; the suite's time limit ends what never is.
private func until(_ isSo: @Sendable () async throws -> Bool) async throws {
  while try await !isSo() { try await Task.sleep(for: .milliseconds(50)) }
}

@Suite("who is in the groups of a network", .serialized, .timeLimit(.minutes(5)))
struct GroupAdmissionTests {
  @Test("stakes of the chain let one in and keep another out; who knows none is in no group")
  func stakes() async throws {
    let network = try GroupNetwork(
      .staked(minimum: .tokens(1_000)),
      workers: [.init(), .init(), .init(hasStake: false), .init()])
    defer { network.end() }
    let stakes = StakeBook()
    stakes.replace(with: try LedgerState(genesis: network.local.genesis).stakes)
    let lines = Lock<[String]>([])
    let plain = try (0..<4).map { try network.membership($0, from: []) }
    try await network.run(plain) { hosts in
      var bootstraps: [Multiaddr] = []
      var groups: [GroupMembership?] = []
      for index in 0..<4 {
        var membership = try network.membership(index, from: bootstraps)
        membership.stakes = index < 3 ? stakes : nil
        try await membership.listen(with: hosts[index])
        let joined = await membership.join(
          network.file.chainID, with: hosts[index], pool: network.pool
        ) { line in lines.withLock { $0.append(line) } }
        groups.append(await joined?.group)
        if index == 0 { bootstraps = await hosts[0].ownAddresses() }
      }
      let (first, second) = (try #require(groups[0]), try #require(groups[1]))
      let third = try #require(groups[2])
      let admitted = Set([try network.peer(0), try network.peer(1)])
      for member in [first, second] {
        try await until { Set(await member.members().map(\.peer)) == admitted }
      }
      try await until { await third.refusal() == .stakeTooSmall }
      #expect(await third.members().map(\.peer) == [try network.peer(2)])
      #expect(groups[3] == nil)
      #expect(lines.withLock { $0 } == [GroupAbsence.stakesUnknown.words])
    }
  }

  @Test("coordinator and validator know the stakes of each block")
  func followed() async throws {
    let local = try LocalNetwork(workers: [.init(hasStake: false)], stakeGrants: 1)
    defer { local.remove() }
    let worker = try local.key(of: "worker-0").publicKey.peerID
    #expect(local.coordinatorStakes.stake(of: worker) == .zero)
    try await local.run {
      for book in [local.coordinatorStakes, local.validatorStakes] {
        try await until { book.stake(of: worker) >= local.genesis.parameters.minimumStake }
      }
    }
  }

  @Test("a peer that is told to end has left its group for the others")
  func farewell() async throws {
    let network = try GroupNetwork(.everyone, workers: [.init(), .init()])
    defer { network.end() }
    let first = try network.membership(0, from: [])
    try await network.run([first]) { hosts in
      try await first.listen(with: hosts[0])
      let joined = await first.join(network.file.chainID, with: hosts[0], pool: network.pool)
      let group = try #require(await joined?.group)
      let leaving = try network.membership(1, from: await hosts[0].ownAddresses())
      let (end, told) = AsyncStream.makeStream(of: Void.self)
      let process = PeerProcess(
        membership: leaving, of: network.file.chainID, loop: network.local.loop)
      let running = Task {
        try await process.run(until: { for await _ in end {} }, ready: { _ in })
      }
      let peer = try network.peer(1)
      try await until { await group.members().count == 2 }
      told.finish()
      try await running.value
      try await until { await group.status(of: peer) == .left }
    }
  }
}
