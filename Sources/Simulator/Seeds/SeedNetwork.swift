import Peering
import Primitives

/// A network of whole nodes under trouble: each runs the Kademlia and the gossip machine of
/// production behind connections that are dialled, go silent and break.
///
/// The shell here does what the shell of production does: it dials where a machine wants to send,
/// tells both machines who came and went, keeps alarms, and writes what must survive to a disk.
struct SeedNetwork {
  enum Event: Sendable {
    case dial(from: UInt32, to: UInt32, identity: UInt64)
    case dialled(from: UInt32, to: UInt32, identity: UInt64)
    case dialGivenUp(from: UInt32, to: UInt32, since: Int)
    case message(SeedMessage, from: UInt32, to: UInt32, identity: UInt64)
    case segment(Bytes, from: UInt32, to: UInt32, identity: UInt64)
    case written(node: UInt32, incarnation: UInt32, call: SeedCall)
    case kademliaWake(UInt32, incarnation: UInt32, time: Int)
    case routerWake(UInt32, incarnation: UInt32, time: Int)
    case upkeep(UInt32, incarnation: UInt32)
    case life(UInt32, LifeEvent)
    case work(SeedWork)
  }

  static let topic = GossipTopic(0)

  let scenario: SeedScenario
  let streams: ChanceStreams
  let book: SharedBook
  let clocks: NodeClocks
  var states: NodeStates
  var conditions: NetworkConditions
  var nodes: [SeedNode] = []
  var randoms: [SplitMix64] = []
  var queue = EventQueue<Event>()
  var chance: SplitMix64
  var workChance: SplitMix64
  var disks: SplitMix64
  var outcome = SeedOutcome()
  var record = SeedRecord()
  /// Dials of the whole run.
  var dials: UInt64 = 0
  /// Counts what planted mistakes count.
  var mistakes = 0
  var kademliaEffects: [KademliaEffect] = []
  var routerEffects: SeedNode.Router.Effects = []
  let configuration: GossipsubConfiguration
  let codec: SeedCodec
  /// Ends of connections that may have bytes to send.
  var unsent: [(node: UInt32, peer: UInt32)] = []

  /// Nodes that never fail: those that everybody knows at first.
  static let anchors = 3

  init(_ scenario: SeedScenario) {
    self.scenario = scenario
    streams = ChanceStreams(seed: scenario.seed)
    book = SharedBook(nodeCount: scenario.nodes, streams: streams).regrouped(
      into: scenario.nodes * 4 / 5)
    states = NodeStates(
      nodeCount: scenario.nodes, plan: scenario.plan, exempt: Self.anchors, streams: streams)
    clocks = NodeClocks(
      nodeCount: scenario.nodes, skew: scenario.plan.share(.skew), streams: streams)
    conditions = NetworkConditions(
      plan: scenario.plan, model: .regions, nodeCount: scenario.nodes, exempt: Self.anchors,
      begin: SeedTimes.troubleBegins, end: SeedTimes.troubleEnds, streams: streams)
    chance = streams.stream(.faults, node: 5)
    workChance = streams.stream(.workload)
    disks = streams.stream(.disks)
    configuration = Self.configuration()
    codec = SeedCodec(book: book)
    outcome.load = Array(repeating: 0, count: scenario.nodes)
    makeNodes()
    plan()
  }

  /// The run of a scenario, to its end or to the first invariant that does not hold.
  static func run(_ scenario: SeedScenario) -> SeedOutcome {
    var network = SeedNetwork(scenario)
    while network.outcome.breach == nil, let event = network.queue.next(until: SeedTimes.end) {
      network.handle(event)
      if !network.unsent.isEmpty { network.sendSegments() }
    }
    if network.outcome.breach == nil { network.checkEnd() }
    network.outcome.events = network.queue.takenCount
    network.outcome.deliveries = network.conditions.counts
    return network.outcome
  }

  private static func configuration() -> GossipsubConfiguration {
    do {
      return try GossipsubConfiguration(parameters: .wide, kinds: [GossipTopicKind()])
    } catch {
      preconditionFailure("\(error)")
    }
  }

  private mutating func makeNodes() {
    for node in 0..<scenario.nodes {
      let isReachable = conditions.translation.isReachable(node)
      var random = streams.stream(.machines, node: node)
      let kademlia = machine(of: node, serves: isReachable)
      let router = SeedNode.Router(
        configuration: configuration, now: clocks.tick(of: node, at: 0), random: &random)
      nodes.append(SeedNode(kademlia: kademlia, router: router, isReachable: isReachable))
      randoms.append(random)
    }
  }

  func machine(of node: Int, serves: Bool) -> KademliaMachine {
    var settings = KademliaSettings.martlet
    settings.serves = serves
    let peer = PeerHandle(UInt32(node))
    return KademliaMachine(
      local: peer, key: KademliaKey(point: book.key(of: peer)), settings: settings)
  }

  /// Plans joins, lives and work.
  private mutating func plan() {
    var gone: Set<Int> = []
    for node in 0..<scenario.nodes {
      let time = node < Self.anchors ? node + 1 : 1_000 + chance.below(SeedTimes.joined - 1_000)
      queue.schedule(.life(UInt32(node), .returns), at: time)
      if states[node].contains(.dead) {
        // The dead were known once: they join, and go with the beginning of trouble.
        states[node].remove(.dead)
        gone.insert(node)
        let end = SeedTimes.troubleBegins + chance.below(SeedTimes.joined)
        queue.schedule(.life(UInt32(node), .leaves), at: end)
      }
      states[node].insert(.away)
    }
    let lives = NodeLives(
      plan: scenario.plan, nodeCount: scenario.nodes, exempt: Self.anchors,
      begin: SeedTimes.troubleBegins, end: SeedTimes.troubleEnds, streams: streams)
    for entry in lives.entries where !gone.contains(entry.node) {
      queue.schedule(.life(UInt32(entry.node), entry.event), at: entry.time)
    }
    planWork()
  }

  private mutating func handle(_ event: Event) {
    outcome.digest.add(queue.now)
    switch event {
    case .dial(let from, let to, let identity): receiveDial(from: from, to: to, identity)
    case .dialled(let from, let to, let identity): receiveAnswer(from: from, to: to, identity)
    case .dialGivenUp(let from, let to, let since): giveUpDial(from: from, to: to, since: since)
    case .message(let message, let from, let to, let identity):
      receive(message, from: from, to: to, identity)
    case .segment(let bytes, let from, let to, let identity):
      receive(segment: bytes, from: from, to: to, identity)
    case .written(let node, let incarnation, let call):
      guard isRunning(node, incarnation) else { return }
      finishCall(call, of: node, with: KademliaResponse())
    case .kademliaWake(let node, let incarnation, let time):
      guard isRunning(node, incarnation), nodes[Int(node)].kademliaWake == time else { return }
      nodes[Int(node)].kademliaWake = .max
      countSpin(node)
      tell(node, .tick)
    case .routerWake(let node, let incarnation, let time):
      guard isRunning(node, incarnation), nodes[Int(node)].routerWake == time else { return }
      nodes[Int(node)].routerWake = .max
      tell(node, gossip: .tick)
      checkMesh(of: node)
    case .upkeep(let node, let incarnation):
      guard nodes[Int(node)].incarnation == incarnation else { return }
      keepUp(node)
    case .life(let node, let event): live(node, event)
    case .work(let work): carryOut(work)
    }
  }

  /// Whether this run of the node still goes on and the node is there.
  func isRunning(_ node: UInt32, _ incarnation: UInt32) -> Bool {
    nodes[Int(node)].incarnation == incarnation && states.isUp(Int(node))
  }

  /// Notes the first invariant that does not hold.
  mutating func fail(_ invariant: Invariant, _ node: UInt32, _ detail: String) {
    guard outcome.breach == nil else { return }
    outcome.breach = Breach(
      invariant: invariant, time: queue.now, node: Int(node), detail: detail)
  }

  /// Whether a planted mistake happens now: once in `period` times.
  mutating func errs(_ bug: PlantedBug, every period: Int = 1) -> Bool {
    guard scenario.bug == bug else { return false }
    mistakes += 1
    return mistakes % period == 0
  }
}

/// What passes between two nodes.
enum SeedMessage: Sendable {
  case ask(KademliaRequest, call: UInt32)
  case answer(KademliaResponse, call: UInt32)
  case refusal(call: UInt32)
  case gossip(GossipItem<UInt64>)
  case areYouThere
  case iAmHere
  /// There is no such connection.
  case reset
}

extension SharedBook {
  /// The same keys in `count` groups, so that limits on groups have something to do.
  func regrouped(into count: Int) -> SharedBook {
    let all = (0..<self.count).map { PeerHandle(UInt32($0)) }
    return SharedBook(
      keys: all.map(key), groups: all.map { 1 + addressGroup(of: $0) % UInt32(max(1, count)) })
  }
}
