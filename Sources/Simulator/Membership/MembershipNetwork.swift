import Cryptography
import Peering
import Primitives

/// Groups and clusters of many nodes at message level: the machines are the product's, and this is
/// their shell, their network and their DHT.
struct MembershipNetwork {
  let scenario: MembershipScenario
  var outcome = MembershipOutcome()
  var nodes: [MembershipNode] = []
  var queue = EventQueue<MembershipEvent>()
  var isCut = false
  let keys: [SigningKey]
  let coordinates: [NetworkCoordinate]
  let secret: UInt64
  /// Who said in the DHT that it is in a cluster, the first first; the dead stay in it.
  var providers: [ClusterID: [Int]] = [:]
  /// Leaders of each cluster's epochs, with those who voted for them.
  var elected: [ClusterEpoch: [(node: Int, voters: Set<PeerHandle>)]] = [:]
  /// When a node crashed and who knows of it since.
  var crashes: [Int: (at: Int, group: ClusterID, unaware: Set<Int>)] = [:]
  var machineRandom: SplitMix64
  var linkRandom: SplitMix64
  var breach: Breach<MembershipInvariant>?
  private var countedAt = 0
  private var countedEvents = 0

  struct ClusterEpoch: Hashable {
    let cluster: ClusterID
    let epoch: UInt64
  }

  /// Seconds since 1970 when runs begin.
  static let startSeconds: UInt64 = 1_800_000_000

  /// The run of a scenario, to its end or to the first invariant that does not hold.
  static func run(_ scenario: MembershipScenario) -> MembershipOutcome {
    var network = MembershipNetwork(scenario)
    network.planLife()
    while network.breach == nil, let event = network.queue.next(until: MembershipTimes.end) {
      network.count()
      network.take(event)
    }
    if network.breach == nil { network.checkEnd() }
    network.outcome.breach = network.breach
    return network.outcome
  }

  private init(_ scenario: MembershipScenario) {
    self.scenario = scenario
    let streams = ChanceStreams(seed: scenario.seed)
    machineRandom = streams.stream(.machines)
    linkRandom = streams.stream(.links)
    var keyRandom = streams.stream(.keys)
    secret = keyRandom.next()
    var keys: [SigningKey] = []
    var coordinates: [NetworkCoordinate] = []
    for node in 0..<scenario.nodes {
      let seed = (0..<SigningKey.seedByteCount).map { _ in
        UInt8(truncatingIfNeeded: keyRandom.next())
      }
      guard let key = try? SigningKey(seed: seed) else { preconditionFailure("a seed is 32 bytes") }
      keys.append(key)
      let city = Int64(node % scenario.cities)
      // Two quarters of each city lie apart, so that a crowd has halves.
      let quarter = Int64(node / scenario.cities % 2)
      coordinates.append(
        NetworkCoordinate(
          microseconds: [city * 20_000, quarter * 8_000, 0, 500], errorPercent: 10)
          ?? NetworkCoordinate())
    }
    self.keys = keys
    self.coordinates = coordinates
    for node in 0..<scenario.nodes { nodes.append(Self.node(node, of: scenario)) }
  }

  /// In small cities a third of the nodes begin in a group left over from a split, and must find
  /// back; one node in the world offers what nobody else does.
  private static func node(_ index: Int, of scenario: MembershipScenario) -> MembershipNode {
    let city = index % scenario.cities
    guard
      let place = DeclaredPlace(
        region: "region \(city / 4)", country: "country \(city / 2)", city: "city \(city)")
    else { preconditionFailure("places are named") }
    let rare = index == scenario.nodes / 2 ? [rareKind] : []
    let group: UInt32 = scenario.cities > 1 && index / scenario.cities % 3 == 2 ? 1 : 0
    var effects: [HierarchyMachine.Effect] = []
    return MembershipNode(
      place: place, firstGroup: group, kinds: [Array("cpu".utf8)] + rare,
      hierarchy: HierarchyMachine(
        local: PeerHandle(UInt32(index)), group: ClusterID(.local, of: place), mayLead: true,
        waitsForEntry: true, now: .zero, effects: &effects))
  }

  static let rareKind: Bytes = Array("gpu".utf8)

  private mutating func count() {
    outcome.events += 1
    if queue.now != countedAt { (countedAt, countedEvents) = (queue.now, 0) }
    countedEvents += 1
    // Each node may be told something by each other one, and tick.
    let most = 1_000 * (nodes.count + 1)
    if countedEvents > most { fail(.noSpinning, 0, "\(countedEvents) events at once") }
  }

  private mutating func planLife() {
    var faults = ChanceStreams(seed: scenario.seed).stream(.attackers)
    for node in nodes.indices {
      queue.schedule(.start(node: node), at: faults.below(MembershipTimes.begun))
    }
    var mortal = Array(nodes.indices.filter { $0 != scenario.nodes / 2 })
    faults.shuffle(&mortal)
    let span = MembershipTimes.troubleEnds - MembershipTimes.troubleBegins
    for (place, node) in mortal.prefix(Int(scenario.dead * Double(nodes.count))).enumerated() {
      let at = MembershipTimes.troubleBegins + faults.below(span)
      queue.schedule(.crash(node: node), at: at)
      guard place % 2 == 0 else { continue }
      queue.schedule(.start(node: node), at: at + 1_000 + faults.below(60_000))
    }
    if scenario.isPartitioned {
      queue.schedule(.cut(true), at: MembershipTimes.cutBegins)
      queue.schedule(.cut(false), at: MembershipTimes.cutEnds)
    }
    for time in stride(
      from: MembershipTimes.troubleBegins, to: MembershipTimes.troubleEnds, by: 5_000)
    {
      queue.schedule(.lie(faults.below(nodes.count)), at: time)
    }
  }

  // MARK: Time and places

  var now: Tick { Tick(nanoseconds: UInt64(queue.now) * 1_000_000) }

  func notary(of node: Int) -> SimulatedNotary {
    SimulatedNotary(
      local: PeerHandle(UInt32(node)), secret: secret,
      believesAll: scenario.bug == .skipsProofs)
  }

  func directory(of node: Int) -> SimulatedDirectory {
    SimulatedDirectory(
      keys: keys, coordinates: coordinates, local: node,
      unixSeconds: Self.startSeconds + UInt64(queue.now) / 1_000)
  }

  /// The cut goes through each city: a third is on the other side.
  func canHear(_ first: Int, _ second: Int) -> Bool {
    !isCut || (first / scenario.cities % 3 == 0) == (second / scenario.cities % 3 == 0)
  }

  /// Milliseconds of a message's way; nil if it does not arrive.
  mutating func way(from sender: Int, to receiver: Int) -> Int? {
    guard canHear(sender, receiver) else { return nil }
    if linkRandom.happens(isTroubled ? scenario.loss : 0) { return nil }
    return 5 + linkRandom.below(56)
  }

  private var isTroubled: Bool {
    (MembershipTimes.troubleBegins..<MembershipTimes.troubleEnds).contains(queue.now)
  }

  mutating func fail(_ invariant: MembershipInvariant, _ node: Int, _ detail: String) {
    guard breach == nil else { return }
    breach = Breach(invariant: invariant, time: queue.now, node: node, detail: detail)
  }
}
