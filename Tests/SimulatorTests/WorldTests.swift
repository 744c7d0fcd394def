import Primitives
import Testing

@testable import Simulator

@Suite("World")
struct WorldTests {
  private static let streams = ChanceStreams(seed: 7)

  private static func conditions(_ faults: String, calm: Int = 1_000_000) throws
    -> NetworkConditions
  {
    NetworkConditions(
      plan: try FaultPlan(faults), model: .plain, nodeCount: 100, exempt: 0, begin: 0, end: calm,
      streams: streams)
  }

  private static func send(
    _ conditions: inout NetworkConditions, _ count: Int, now: Int = 0
  ) -> [Delivery] {
    (0..<count).map { conditions.send(from: $0 % 100, to: ($0 + 1) % 100, now: now) }
  }

  @Test("a message without trouble arrives once, within the links' bounds")
  func calm() throws {
    var conditions = try Self.conditions("")
    for delivery in Self.send(&conditions, 2_000) {
      #expect((20...200).contains(try #require(delivery.first)))
      #expect(delivery.second == nil)
    }
  }

  @Test("loss loses its share")
  func loss() throws {
    var conditions = try Self.conditions("loss=0.1")
    let lost = Self.send(&conditions, 10_000).count { $0.first == nil }
    #expect((800...1_200).contains(lost))
    #expect(conditions.counts.lost == lost)
  }

  @Test("duplicates arrive twice")
  func duplicates() throws {
    var conditions = try Self.conditions("duplicate=0.2")
    let doubled = Self.send(&conditions, 10_000).count { $0.second != nil }
    #expect((1_700...2_300).contains(doubled))
  }

  @Test("what is held back is overtaken")
  func reordering() throws {
    var conditions = try Self.conditions("reorder=0.3")
    let late = Self.send(&conditions, 10_000).count { ($0.first ?? 0) > 200 }
    #expect(late > 1_000)
  }

  @Test("a partition cuts the network in two, and heals")
  func partition() throws {
    var conditions = try Self.conditions("partition", calm: 100_000)
    let cut = (0..<100_000).first { now in
      (1..<100).contains { conditions.isCut(0, $0, now: now) }
    }
    let begin = try #require(cut)
    let other = try #require((1..<100).first { conditions.isCut(0, $0, now: begin) })
    let stopped = conditions.send(from: 0, to: other, now: begin)
    #expect(stopped == .none)
    let end = try #require(conditions.cutEnd(0, other, now: begin))
    #expect(!conditions.isCut(0, other, now: end))
    let passed = conditions.send(from: 0, to: other, now: end)
    #expect(passed.first != nil)
    let friend = (1..<100).first { !conditions.isCut(0, $0, now: begin) }
    #expect(friend != nil)
  }

  @Test("when trouble is over, nothing is lost, doubled or late")
  func calmAfterwards() throws {
    var conditions = try Self.conditions("loss=0.5,duplicate=0.5,reorder=0.5", calm: 10)
    for delivery in Self.send(&conditions, 1_000, now: 10) {
      #expect((20...200).contains(try #require(delivery.first)))
      #expect(delivery.second == nil)
    }
  }

  @Test("regions have the latencies of their table, a fifth more or less")
  func regions() {
    var links = Links(model: .regions, nodeCount: 300, streams: Self.streams)
    for (from, to) in (0..<300).map({ ($0, ($0 * 7 + 1) % 300) }) {
      let mean = links.region(of: from).latency(to: links.region(of: to))
      let latency = links.latency(from: from, to: to)
      #expect(Double(latency) >= 0.8 * Double(mean) - 1 && Double(latency) <= 1.2 * Double(mean))
    }
    let european = (0..<300).count { links.region(of: $0) == .europe }
    #expect((110...190).contains(european))
    for region in Region.allCases {
      for other in Region.allCases {
        #expect(region.latency(to: other) == other.latency(to: region))
      }
    }
  }

  @Test("routers let in whom their class lets in")
  func translation() {
    var routers = AddressTranslation(
      nodeCount: 400, share: 0.9, exempt: 1, streams: Self.streams)
    #expect(routers.isReachable(0))
    func first(_ wanted: TranslationClass) -> Int {
      (1..<400).first { routers.translation(of: $0) == wanted } ?? 0
    }
    let (cone, restricted, symmetric) = (
      first(.fullCone), first(.portRestricted), first(.symmetric)
    )
    let stranger = 0
    func passes(_ sender: Int, _ receiver: Int, _ now: Int) -> Bool {
      routers.pass(from: sender, to: receiver, now: now)
    }
    for hidden in [cone, restricted, symmetric] {
      #expect(!passes(stranger, hidden, 0))
    }
    for hidden in [cone, restricted, symmetric] {
      #expect(passes(hidden, stranger, 1))
      #expect(passes(stranger, hidden, 2))
    }
    #expect(passes(restricted, cone, 3))
    #expect(!passes(cone, symmetric, 3))
    #expect(!passes(stranger, restricted, 3 + AddressTranslation.mappingMilliseconds))
  }

  @Test("a node's clock and the run's agree on when an alarm is due")
  func clocks() {
    let clocks = NodeClocks(nodeCount: 50, skew: 0.05, streams: Self.streams)
    var drift = 0
    for node in 0..<50 {
      for time in [0, 1, 999, 60_000, 720_000] {
        let tick = clocks.tick(of: node, at: time)
        let back = clocks.milliseconds(of: node, at: tick)
        #expect(back >= time && back <= time + 2)
        #expect(clocks.tick(of: node, at: back) >= tick)
      }
      let minute = clocks.tick(of: node, at: 60_000)
        .duration(since: clocks.tick(of: node, at: 0))
      if abs(minute.wholeMilliseconds - 60_000) > 500 { drift += 1 }
    }
    #expect(drift > 20)
  }

  @Test("sessions are of Weibull length: the mean as told, most of them short")
  func sessions() {
    var random = Self.streams.stream(.faults)
    let lengths = (0..<40_000).map { _ in NodeLives.session(using: &random) }
    let distribution = Distribution(lengths)
    #expect(abs(distribution.mean / NodeLives.sessionMillisecondsMean - 1) < 0.05)
    // The median of shape ½ is ln² 2 = 0.48 of the scale, half of the mean.
    let median = NodeLives.sessionMillisecondsMean / 2 * 0.4805
    #expect(abs(Double(distribution.median) / median - 1) < 0.08)
  }

  @Test("whoever leaves is back when trouble ends")
  func lives() throws {
    let plan = try FaultPlan("churn=0.5,crash=10")
    let lives = NodeLives(
      plan: plan, nodeCount: 60, exempt: 3, begin: 1_000, end: 200_000, streams: Self.streams)
    #expect(lives.entries.count > 40)
    for node in 0..<60 {
      let events = lives.entries.filter { $0.node == node }
      #expect(node >= 3 || events.isEmpty)
      #expect(events.allSatisfy { $0.time >= 1_000 && $0.time <= 200_000 })
      #expect(events.count { $0.event == .leaves } == events.count { $0.event == .returns })
      #expect(events.count { $0.event == .crashes } == events.count { $0.event == .restarts })
    }
  }

  @Test("a crash keeps every synced record and invents none")
  func tornDisk() {
    var lostSome = 0
    for seed in UInt64(0)..<200 {
      var random = SplitMix64(seed: seed)
      var journal = NodeJournal()
      let synced = (0..<5).map { Bytes(repeating: UInt8($0), count: 10 + $0) }
      for record in synced { journal.write(record, isSynced: true) }
      let unsafe = (0..<5).map { Bytes(repeating: UInt8(100 + $0), count: 20) }
      for record in unsafe { journal.write(record, isSynced: false) }
      let found = journal.crash(using: &random)
      #expect(Array(found.prefix(5)) == synced)
      #expect(Array(found.dropFirst(5)) == Array(unsafe.prefix(found.count - 5)))
      if found.count < 10 { lostSome += 1 }
      journal.write([1], isSynced: true)
      let foundAgain = journal.crash(using: &random)
      #expect(foundAgain == found + [[1]])
    }
    #expect(lostSome > 100)
  }
}

@Suite("Fault lists")
struct FaultListTests {
  @Test("a list is read as it is written")
  func roundTrip() throws {
    let plan = try FaultPlan("crash=3,loss=0.05,partition,dead=0.3")
    #expect(plan.text == "loss=0.05,partition=1,crash=3,dead=0.3")
    #expect(try FaultPlan(plan.text) == plan)
    #expect(try FaultPlan("").entries.isEmpty)
  }

  @Test("what is no fault is refused by name")
  func refused() {
    #expect(throws: FaultListError.unknownKind("lost")) { try FaultPlan("lost=1") }
    #expect(throws: FaultListError.amount("2", kind: .loss)) { try FaultPlan("loss=2") }
    #expect(throws: FaultListError.amount("-1", kind: .crash)) { try FaultPlan("crash=-1") }
    #expect(throws: FaultListError.amount("1.5", kind: .crash)) { try FaultPlan("crash=1.5") }
    #expect(throws: FaultListError.amount("x", kind: .loss)) { try FaultPlan("loss=x") }
    #expect(throws: FaultListError.twice(.loss)) { try FaultPlan("loss,loss=0.1") }
  }

  @Test("a swarm seed has at least five kinds, and every kind comes up")
  func swarm() throws {
    var seen: Set<FaultKind> = []
    for seed in UInt64(0)..<50 {
      let plan = SeedScenario.swarm(seed: seed).plan
      #expect(plan.entries.count >= 5)
      #expect(try FaultPlan(plan.text) == plan)
      seen.formUnion(plan.entries.map(\.kind))
    }
    #expect(seen == Set(FaultPlan.swarmKinds))
  }
}
