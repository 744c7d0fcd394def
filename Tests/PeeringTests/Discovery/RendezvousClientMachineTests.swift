import Cryptography
import Peering
import Primitives
import Testing

@Suite("a client of rendezvous points")
struct RendezvousClientMachineTests {
  /// A client and its clock.
  struct Client {
    var machine: RendezvousClientMachine
    var now = Tick.zero
    var random = SplitMix64(seed: 3)

    init(
      points: [PeerID] = [point], namespaces: [String] = ["n"],
      _ change: (inout RendezvousClientSettings) -> Void = { _ in }
    ) {
      var settings = RendezvousClientSettings()
      change(&settings)
      machine = RendezvousClientMachine(
        peer: MDNSWorld.peer(1), points: points, namespaces: namespaces, settings: settings)
    }

    mutating func handle(_ event: RendezvousClientEvent) -> [RendezvousClientEffect] {
      machine.handle(event, now: now, random: &random)
    }

    /// Waits until something is due, and says how long that was.
    mutating func wait() -> (effects: [RendezvousClientEffect], after: Duration) {
      guard let wake = machine.nextWake else { return ([], .zero) }
      let after = wake.duration(since: now)
      now = max(now, wake)
      return (handle(.tick), after)
    }
  }

  static let point = MDNSWorld.peer(9)
  static let register = RendezvousClientEffect.register(
    point: point, namespace: "n", for: .seconds(7_200))
  static let registerTask = RendezvousTask.register(point: point, namespace: "n")
  static let discoverTask = RendezvousTask.discover(point: point, namespace: "n")

  static func discover(_ cookie: Bytes) -> RendezvousClientEffect {
    .discover(point: point, namespace: "n", cookie: cookie, max: 100)
  }

  static func listed(
    _ seeds: [UInt8], cookie: Bytes, count: Int? = nil
  ) -> RendezvousClientEvent {
    let entries = seeds.map {
      RendezvousEntry(namespace: "n", record: RendezvousMessageTests.record($0).envelope)
    }
    let page = RendezvousPage(entries: entries, cookie: cookie, namespace: "n")
    return .listed(point: point, namespace: "n", page, count: count ?? seeds.count)
  }

  @Test("it registers and asks at once, and both again in time")
  func routine() {
    var client = Client()
    #expect(client.handle(.begin) == [Self.register, Self.discover([])])
    #expect(client.machine.nextWake == nil, "both are under way")
    #expect(
      client.handle(.registered(point: Self.point, namespace: "n", for: .seconds(7_200))) == [])
    #expect(client.machine.registrationCount == 1)
    let found = client.handle(Self.listed([2, 1], cookie: [7]))
    guard case .found(let registration)? = found.first, found.count == 1 else {
      Issue.record("\(found)")
      return
    }
    #expect(registration.peer == MDNSWorld.peer(2), "and not we ourselves")
    #expect(registration.record == RendezvousMessageTests.record(2))
    var asked = client.wait()
    #expect(asked.effects == [Self.discover([7])])
    #expect(asked.after >= .seconds(60) && asked.after <= .seconds(68))
    // Nothing new for two hours: only the renewal, after seven eighths of the time.
    var total = asked.after
    while asked.effects != [Self.register] {
      _ = client.handle(Self.listed([], cookie: [7]))
      asked = client.wait()
      total += asked.after
      if asked.after == .zero { break }
    }
    #expect(total == .seconds(6_300))
  }

  @Test("pages are asked for one after the other, and a point that never ends is left alone")
  func pages() {
    var client = Client { $0.registers = false }
    #expect(client.handle(.begin) == [Self.discover([])])
    var questions = 1
    var effects = client.handle(Self.listed([], cookie: [1], count: 100))
    while effects.last == Self.discover([1]) {
      questions += 1
      effects = client.handle(Self.listed([], cookie: [1], count: 100))
    }
    #expect(questions == RendezvousClientLimits.pagesPerRoundMax)
    #expect(client.wait().after >= .seconds(60))
  }

  @Test("failures wait longer and longer, up to ten minutes and a little")
  func failures() {
    var client = Client { $0.registers = false }
    _ = client.handle(.begin)
    var pauses: [Duration] = []
    for _ in 0..<12 {
      _ = client.handle(.failed(Self.discoverTask, nil))
      let asked = client.wait()
      #expect(asked.effects == [Self.discover([])])
      pauses.append(asked.after)
    }
    #expect(pauses[0] >= .seconds(10) && pauses[0] < .seconds(12))
    #expect(pauses[3] >= .seconds(80) && pauses[3] < .seconds(91))
    #expect(pauses[11] >= .seconds(600) && pauses[11] <= .seconds(675))
    _ = client.handle(Self.listed([], cookie: []))
    #expect(client.wait().after < .seconds(69))
  }

  @Test("a point that forgot its cookies is asked from the beginning, once")
  func forgottenCookie() {
    var client = Client { $0.registers = false }
    _ = client.handle(.begin)
    _ = client.handle(Self.listed([], cookie: [7]))
    #expect(client.wait().effects == [Self.discover([7])])
    #expect(client.handle(.failed(Self.discoverTask, .invalidCookie)) == [Self.discover([])])
    #expect(client.handle(.failed(Self.discoverTask, .invalidCookie)) == [])
    #expect(client.wait().after >= .seconds(10))
  }

  @Test("new addresses are registered at once, unless the point lately said no")
  func newAddresses() {
    var client = Client()
    _ = client.handle(.begin)
    #expect(client.handle(.addressesChanged) == [], "it is under way")
    _ = client.handle(.registered(point: Self.point, namespace: "n", for: .seconds(7_200)))
    #expect(client.handle(.addressesChanged) == [Self.register])
    _ = client.handle(.failed(Self.registerTask, .unavailable))
    #expect(client.machine.registrationCount == 0)
    #expect(client.handle(.addressesChanged) == [])
  }

  @Test("when it ends it takes its registrations back, and answers that come late change nothing")
  func ending() {
    var client = Client(namespaces: ["n", "m"])
    _ = client.handle(.begin)
    _ = client.handle(.registered(point: Self.point, namespace: "m", for: .seconds(7_200)))
    #expect(client.handle(.stop) == [.unregister(point: Self.point, namespace: "m")])
    #expect(client.handle(.registered(point: Self.point, namespace: "n", for: .seconds(9))) == [])
    #expect(client.handle(Self.listed([2], cookie: [])) == [])
    #expect(client.machine.nextWake == nil)
  }

  @Test("points and namespaces beyond the limits are not used")
  func limits() {
    let points = (1...20).map { MDNSWorld.peer(UInt8($0)) }
    var client = Client(points: points, namespaces: (1...20).map { "\($0)" }) {
      $0.registers = false
    }
    #expect(
      client.handle(.begin).count
        == RendezvousClientLimits.pointsMax * RendezvousClientLimits.namespacesMax)
  }

  @Test("a page keeps what its peers signed for the namespace, and nothing else")
  func page() {
    let record = RendezvousMessageTests.record(2)
    var broken = record.envelope
    broken[broken.count - 1] ^= 1
    let unsigned = RendezvousRecord.signed(RendezvousMessageTests.record(3)).withoutSignature
    let page = RendezvousPage(
      entries: [
        RendezvousEntry(namespace: "n", record: record.envelope, seconds: .max),
        RendezvousEntry(namespace: "m", record: record.envelope),
        RendezvousEntry(namespace: "n", record: broken),
        RendezvousEntry(namespace: "n", record: []),
        RendezvousEntry(namespace: "n", record: unsigned),
      ], cookie: [], namespace: "n")
    #expect(page.registrations.map(\.peer) == [MDNSWorld.peer(2), MDNSWorld.peer(3)])
    #expect(page.registrations[0].lifetime == RendezvousLimits.lifetimeMax)
    #expect(page.registrations[1].record == nil)
  }
}
