import Primitives
import Testing

@testable import Peering

/// One lookup, event by event.
@Suite("Kademlia lookup machine")
struct LookupMachineTests {
  private struct Fixture {
    let book: TestBook
    let target: DistanceKey
    let local: PeerHandle
    /// Closest first.
    let peers: [PeerHandle]
    var machine: LookupMachine
    var now = KademliaWorld.epoch

    init(seeds: Int, peers count: Int = 60, plan: LookupMachine.Plan = .init()) {
      var random = SplitMix64(seed: 41)
      var book = TestBook()
      target = .random(&random)
      local = book.add(.random(&random), group: 0)
      let handles = (0..<count).map { _ in book.add(.random(&random), group: 0) }
      peers = book.closest(count, of: handles, to: target)
      self.book = book
      machine = LookupMachine(
        target: target, seeds: Array(peers.suffix(seeds)), plan: plan, local: local,
        directory: book)
    }

    mutating func give(_ event: LookupMachine.Event, after wait: Duration = .zero) -> [PeerHandle] {
      now = now.advanced(by: wait)
      var asks: [PeerHandle] = []
      machine.handle(event, now: now, directory: book, asks: &asks)
      return asks
    }
  }

  @Test("ten requests are under way, each answer lets the next closest go")
  func slots() {
    var fixture = Fixture(seeds: 20)
    let first = fixture.give(.tick)
    #expect(first == Array(fixture.peers.suffix(20).prefix(10)))
    let next = fixture.give(
      .answered(first[0], closer: [fixture.peers[0]]), after: .milliseconds(100))
    #expect(next == [fixture.peers[0]])
    #expect(fixture.machine.hops(to: fixture.peers[0]) == 2)
    #expect(!fixture.machine.isComplete)
  }

  @Test("before any answer a request holds its slot for a second, then for what answers take")
  func adaptiveTimeout() {
    var fixture = Fixture(seeds: 20)
    let first = fixture.give(.tick)
    let start = fixture.now
    #expect(fixture.machine.nextTimeout == start.advanced(by: .seconds(1)))
    for peer in first.prefix(6) {
      _ = fixture.give(.answered(peer, closer: []), after: .milliseconds(10))
    }
    #expect(fixture.machine.nextTimeout == start.advanced(by: KademliaLimits.slotTimeoutMin))
    let more = fixture.give(.tick, after: KademliaLimits.slotTimeoutMin)
    #expect(more.count == 4)
    #expect(fixture.machine.timeouts == 10)
  }

  @Test("a slow answer still counts, and is among the closest")
  func lateAnswer() {
    var fixture = Fixture(seeds: 12)
    let first = fixture.give(.tick)
    let rest = fixture.give(.tick, after: .seconds(1))
    #expect(rest.count == 2)
    #expect(fixture.machine.timeouts == 10)
    for peer in rest { _ = fixture.give(.answered(peer, closer: []), after: .milliseconds(50)) }
    _ = fixture.give(.answered(first[0], closer: [fixture.peers[0]]), after: .milliseconds(50))
    #expect(fixture.machine.closest(directory: fixture.book).first?.peer == first[0])
    #expect(!fixture.machine.isComplete)
    _ = fixture.give(.answered(fixture.peers[0], closer: []), after: .milliseconds(50))
    _ = fixture.give(.tick, after: KademliaLimits.requestTimeout)
    #expect(fixture.machine.isComplete)
    #expect(fixture.machine.closest(directory: fixture.book).first?.peer == fixture.peers[0])
  }

  @Test("a lookup that knows nobody, or whose peers all fail, is over")
  func nobody() {
    var empty = Fixture(seeds: 0)
    #expect(empty.give(.tick) == [])
    #expect(empty.machine.isComplete)
    var failing = Fixture(seeds: 4)
    for peer in failing.give(.tick) {
      #expect(!failing.machine.isComplete)
      _ = failing.give(.failed(peer))
    }
    #expect(failing.machine.isComplete)
    #expect(failing.machine.closest(directory: failing.book).isEmpty)
  }

  @Test("three paths share no peer, and each follows only what it was told")
  func disjointPaths() {
    var plan = LookupMachine.Plan()
    plan.paths = 3
    var fixture = Fixture(seeds: 3, plan: plan)
    let first = fixture.give(.tick)
    #expect(Set(first) == Set(fixture.peers.suffix(3)))
    // All three name the same twelve: each is asked once, by whichever path came first.
    let named = Array(fixture.peers.prefix(12))
    var asked: [PeerHandle] = []
    var answered: Set<PeerHandle> = []
    for peer in first {
      asked += fixture.give(.answered(peer, closer: named), after: .milliseconds(50))
    }
    while let peer = asked.first(where: { !answered.contains($0) }) {
      answered.insert(peer)
      asked += fixture.give(.answered(peer, closer: []), after: .milliseconds(50))
    }
    #expect(asked.count == 12)
    #expect(Set(asked) == Set(named))
    #expect(fixture.machine.isComplete)
    #expect(fixture.machine.closest(directory: fixture.book).map(\.peer).prefix(12) == named[...])
  }

  @Test("whoever names only dead peers is believed no more")
  func referrals() {
    var fixture = Fixture(seeds: 2, peers: 60)
    let first = fixture.give(.tick)
    let dead = Array(fixture.peers.prefix(20))
    var asked = fixture.give(.answered(first[0], closer: dead), after: .milliseconds(50))
    #expect(asked.count == 9)
    for _ in 0..<KademliaLimits.referralsLostMax {
      asked += fixture.give(.failed(asked.removeFirst()))
    }
    let askedSoFar = fixture.machine.requests
    #expect(asked.count == 9 - 1)
    for peer in asked { #expect(fixture.give(.failed(peer)) == []) }
    #expect(fixture.machine.requests == askedSoFar)
    #expect(askedSoFar < 2 + dead.count)
  }

  @Test("peers that a walk avoids are not asked")
  func avoids() {
    var plan = LookupMachine.Plan()
    var random = SplitMix64(seed: 42)
    let center = DistanceKey.random(&random)
    plan.avoids = (center, 4)
    var book = TestBook()
    let local = book.add(.random(&random), group: 0)
    let beside = book.add(center.neighbour(sharing: 5, random: &random), group: 0)
    let outside = book.add(center.neighbour(sharing: 4, random: &random), group: 0)
    var machine = LookupMachine(
      target: center, seeds: [beside, outside], plan: plan, local: local, directory: book)
    var asks: [PeerHandle] = []
    machine.handle(.tick, now: KademliaWorld.epoch, directory: book, asks: &asks)
    #expect(asks == [outside])
  }
}
