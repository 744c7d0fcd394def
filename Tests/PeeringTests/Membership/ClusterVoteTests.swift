import Cryptography
import Primitives
import Testing

@testable import Peering

/// One vote an epoch, for as long as a member runs.
@Suite("Votes in clusters")
struct ClusterVoteTests {
  private static let own = PeerHandle(0)
  private static let first = PeerHandle(1)
  private static let second = PeerHandle(2)

  private static func directory(of local: Int = 0) throws -> WorldDirectory {
    WorldDirectory(
      keys: try (0..<3).map { try SigningKey(seed: Bytes(repeating: $0, count: 32)) },
      stakes: [.zero, .zero, .zero], coordinates: Array(repeating: NetworkCoordinate(), count: 3),
      local: local, unixSeconds: 1_800_000_000)
  }

  private static func place() throws -> DeclaredPlace {
    try #require(DeclaredPlace(region: "eu", country: "de", city: "berlin"))
  }

  /// A hierarchy's machine on a clock of its own.
  private struct Node {
    var machine: HierarchyMachine
    var now = Tick.zero
    let directory: WorldDirectory
    var sent: [(cluster: ClusterID, message: ClusterMessage)] = []
    var entered: [ClusterID] = []

    init(waitsForEntry: Bool = false) throws {
      directory = try ClusterVoteTests.directory()
      var effects: [HierarchyMachine.Effect] = []
      machine = HierarchyMachine(
        local: own, group: ClusterID(.local, of: try place()), mayLead: true,
        waitsForEntry: waitsForEntry, now: .zero, effects: &effects)
    }

    mutating func note(_ effects: [HierarchyMachine.Effect]) {
      for effect in effects {
        switch effect {
        case .enter(let cluster): entered.append(cluster)
        case .within(let cluster, .send(let message, _)): sent.append((cluster, message))
        case .exit, .within: break
        }
      }
    }

    mutating func give(_ events: ClusterEvent..., in cluster: ClusterID) {
      for event in events {
        var effects: [HierarchyMachine.Effect] = []
        machine.handle(event, in: cluster, now: now, directory: directory, effects: &effects)
        note(effects)
      }
    }

    /// Runs until something holds, for a minute at most.
    mutating func run(until holds: (Node) -> Bool) -> Bool {
      for _ in 0..<600 {
        if holds(self) { return true }
        now = now.advanced(by: .milliseconds(100))
        var effects: [HierarchyMachine.Effect] = []
        machine.tick(now: now, directory: directory, effects: &effects)
        note(effects)
      }
      return holds(self)
    }

    func leads(_ cluster: ClusterID) -> Bool {
      machine.clusters.contains { $0.cluster == cluster && $0.isLeader }
    }
  }

  @Test("who leaves the cluster above and comes back does not stand for an epoch it gave away")
  func reentry() throws {
    var node = try Node()
    let country = ClusterID(.country, of: try Self.place())
    let city = ClusterID(.city, of: try Self.place())
    #expect(node.run { $0.entered.contains(country) })
    node.give(.present(Self.first), .received(.stand(epoch: 1), from: Self.first), in: country)
    #expect(node.sent.last?.message == .grant(epoch: 1))
    // It loses the city, and with it its seat in the country.
    node.give(.present(Self.first), .present(Self.second), in: city)
    #expect(node.run { !$0.machine.clusters.contains { $0.cluster == country } })
    node.give(.absent(Self.first), .absent(Self.second), in: city)
    #expect(node.run { $0.leads(country) })
    let stay = try #require(node.machine.clusters.first { $0.cluster == country })
    #expect(stay.epoch == 2)
  }

  @Test("a candidate keeps the vote that it gave itself")
  func ownVote() throws {
    var machine = try Self.pair(of: Self.own)
    var effects: [ClusterEffect] = []
    let directory = try Self.directory()
    let now = Tick.zero.advanced(by: .seconds(2))
    machine.handle(.tick, now: now, directory: directory, effects: &effects)
    #expect(effects == [.send(.stand(epoch: 1), to: Self.first)])
    effects = []
    // Its candidacy is over, and still nobody else gets the epoch.
    for wait in [0, 4] {
      let later = now.advanced(by: .seconds(wait))
      machine.handle(.tick, now: later, directory: directory, effects: &effects)
      effects = []
      machine.handle(
        .received(.stand(epoch: 1), from: Self.first), now: later, directory: directory,
        effects: &effects)
      #expect(effects == [.send(.decline(known: 1), to: Self.first)])
    }
  }

  private static func pair(of local: PeerHandle) throws -> ClusterMachine {
    var machine = ClusterMachine(
      cluster: ClusterID(.local, of: try place()), local: local, now: .zero)
    var effects: [ClusterEffect] = []
    let other = local == own ? first : own
    machine.handle(.present(other), now: .zero, directory: try directory(), effects: &effects)
    return machine
  }

  @Test("two that stand at the same moments, each the first by its own view, agree on one")
  func splitVotes() throws {
    var machines = [try Self.pair(of: Self.own), try Self.pair(of: Self.first)]
    let directories = try (0..<2).map { try Self.directory(of: $0) }
    var posts: [[ClusterMessage]] = [[], []]
    var stood = 0
    for step in 0..<600 where !machines.contains(where: \.isLeader) {
      let now = Tick.zero.advanced(by: .milliseconds(step * 50))
      var sent: [[ClusterMessage]] = [[], []]
      for place in 0..<2 {
        var effects: [ClusterEffect] = []
        for message in posts[place] {
          machines[place].handle(
            .received(message, from: PeerHandle(UInt32(1 - place))), now: now,
            directory: directories[place], effects: &effects)
        }
        // At the first moment both are due, whatever their places in line.
        if step >= 30 {
          machines[place].handle(
            .tick, now: now, directory: directories[place], effects: &effects)
        }
        for case .send(let message, _) in effects {
          sent[1 - place].append(message)
          if case .stand = message { stood += 1 }
        }
      }
      posts = sent
    }
    #expect(stood > 2)
    #expect(machines.filter(\.isLeader).count == 1)
  }

  @Test("who forgot a ballot, and who has just started, votes only when its promises are over")
  func forgotten() throws {
    var node = try Node()
    let group = ClusterID(.local, of: try Self.place())
    for number in 0...UInt32(ClusterLimits.ballotsMax) {
      let here = group.numbered(number)
      node.give(
        .present(Self.first), .received(.stand(epoch: 1), from: Self.first),
        .received(.assign(epoch: 1, to: group.numbered(number + 1)), from: Self.first), in: here)
    }
    let last = group.numbered(UInt32(ClusterLimits.ballotsMax) + 1)
    node.give(
      .present(Self.first), .present(Self.second),
      .received(.stand(epoch: 1), from: Self.second), in: last)
    #expect(node.sent.last?.message == .decline(known: 0))
    node.now = node.now.advanced(by: ClusterLimits.lease)
    node.give(.received(.stand(epoch: 1), from: Self.second), in: last)
    #expect(node.sent.contains { $0.cluster == last && $0.message == .grant(epoch: 1) })
    // Back in a group that it remembers, it has voted.
    node.give(.received(.assign(epoch: 1, to: group.numbered(9)), from: Self.second), in: last)
    node.give(
      .present(Self.second), .received(.renew(epoch: 1), from: Self.second),
      in: group.numbered(9))
    #expect(node.sent.last?.message == .decline(known: 1))

    var young = try Node(waitsForEntry: true)
    young.give(
      .entered, .present(Self.first), .received(.stand(epoch: 1), from: Self.first), in: group)
    #expect(young.sent.last?.message == .decline(known: 0))
  }
}
