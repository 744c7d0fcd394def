import Peering
import Primitives

/// What a network of gossip routers is made of.
package struct GossipSettings: Sendable {
  /// Nodes, dead and silent ones among them.
  package var nodes: Int
  /// The run's seed.
  package var seed: UInt64
  /// Dead and silent nodes.
  package var plan = FaultPlan()
  /// How long messages take.
  package var links = LinkModel.plain
  /// Connections that each node dials: with as many dialled to it, three meshes' worth of peers.
  package var dialled = 10

  /// A network of `nodes`.
  package init(nodes: Int, seed: UInt64) {
    self.nodes = nodes
    self.seed = seed
  }
}

/// Many gossip routers of one topic that pass typed messages.
///
/// Connections and subscriptions are there from the start; meshes are formed by GRAFT and PRUNE.
package struct GossipNetwork: Sendable {
  typealias Router = GossipsubMachine<UInt32>

  enum Event: Sendable {
    case item(GossipItem<UInt32>, from: UInt32, to: UInt32)
    case wake(UInt32, time: Int)
  }

  static let topic = GossipTopic(0)
  /// Connections that a node may have at most, dialled by whomever.
  static let connectionsMax = 40

  let settings: GossipSettings
  let streams: ChanceStreams
  let book: SharedBook
  /// Who is dead or silent.
  package let states: NodeStates
  var routers: ContiguousArray<Router> = []
  var randoms: ContiguousArray<SplitMix64> = []
  var queue = EventQueue<Event>()
  var conditions: NetworkConditions
  /// Copies of messages that reached honest nodes.
  var copies = 0
  /// First arrivals at honest nodes since `takeDeliveries`: the message and the millisecond.
  var deliveries: [(payload: UInt32, time: Int)] = []
  var digest = RunDigest()
  private var effects: Router.Effects = []

  /// Routers that have joined the topic and know their peers, before the first heartbeat.
  package init(_ settings: GossipSettings) {
    self.settings = settings
    streams = ChanceStreams(seed: settings.seed)
    book = SharedBook(nodeCount: settings.nodes, streams: streams)
    states = NodeStates(nodeCount: settings.nodes, plan: settings.plan, streams: streams)
    conditions = NetworkConditions(
      plan: settings.plan, model: settings.links, nodeCount: settings.nodes, exempt: 0,
      begin: 0, end: 0, streams: streams)
    start()
    connect()
  }

  /// One topic without validation: what spreads here is the protocol's matter, not the payload's.
  private static func configuration() -> GossipsubConfiguration {
    do {
      return try GossipsubConfiguration(
        parameters: .wide, kinds: [GossipTopicKind(validates: false)])
    } catch {
      preconditionFailure("\(error)")
    }
  }

  private mutating func start() {
    let configuration = Self.configuration()
    routers.reserveCapacity(settings.nodes)
    randoms.reserveCapacity(settings.nodes)
    for node in 0..<settings.nodes {
      var random = streams.stream(.machines, node: node)
      routers.append(Router(configuration: configuration, now: .zero, random: &random))
      randoms.append(random)
      tell(UInt32(node), .join(Self.topic, kind: 0))
      let time = routers[node].nextWake.millisecondsRoundedUp
      if states.isUp(node) { queue.schedule(.wake(UInt32(node), time: time), at: time) }
    }
  }

  /// Every living node dials others of chance.
  private mutating func connect() {
    var random = streams.stream(.topology)
    var degrees = ContiguousArray<UInt8>(repeating: 0, count: settings.nodes)
    let triesMax = 4 * settings.dialled
    for node in 0..<settings.nodes where states.isUp(node) {
      var dialled = 0
      for _ in 0..<triesMax where dialled < settings.dialled {
        let other = random.below(settings.nodes)
        guard other != node, states.isUp(other), degrees[node] < Self.connectionsMax,
          degrees[other] < Self.connectionsMax
        else { continue }
        adopt(node, other, weDialled: true)
        adopt(other, node, weDialled: false)
        degrees[node] += 1
        degrees[other] += 1
        dialled += 1
      }
    }
  }

  private mutating func adopt(_ node: Int, _ other: Int, weDialled: Bool) {
    routers[node].adopt(
      PeerHandle(UInt32(other)), weDialled: weDialled, version: .v12, topic: Self.topic,
      inMesh: false, now: .zero, directory: book)
  }

  /// Events that happened.
  package var events: Int { queue.takenCount }

  /// Runs until `end`.
  package mutating func run(until end: Int) {
    while let event = queue.next(until: end) { handle(event) }
  }

  /// Lets a node publish a message that the run calls `payload`.
  package mutating func publish(_ payload: UInt32, at node: Int, byteCount: UInt32) {
    let id = GossipMessageID(high: settings.seed, low: UInt64(payload))
    let message = GossipMessage(
      id: id, topic: Self.topic, byteCount: byteCount, author: PeerHandle(UInt32(node)),
      payload: payload)
    tell(UInt32(node), .publish(message))
  }

  private mutating func handle(_ event: Event) {
    switch event {
    case .item(let item, let sender, let receiver):
      digest.add(UInt64(sender) << 32 | UInt64(receiver))
      if case .message = item, states.isHonest(Int(receiver)) { copies += 1 }
      tell(receiver, .received(item, from: PeerHandle(sender)))
    case .wake(let node, let time):
      digest.add(UInt64(node) << 32 | UInt64(time))
      tell(node, .tick)
      let next = max(queue.now + 1, routers[Int(node)].nextWake.millisecondsRoundedUp)
      queue.schedule(.wake(node, time: next), at: next)
    }
  }

  private mutating func tell(_ node: UInt32, _ event: GossipsubEvent<UInt32>) {
    var pending: Router.Effects = []
    swap(&pending, &effects)
    routers[Int(node)].handle(
      event, now: Tick(milliseconds: queue.now), random: &randoms[Int(node)], directory: book,
      effects: &pending)
    for effect in pending {
      switch effect {
      case .send(let peer, let item): send(item, from: node, to: peer.index)
      case .deliver(let message, _):
        if states.isHonest(Int(node)) { deliveries.append((message.payload, queue.now)) }
      case .validate, .connect, .wantsPeers, .refused: break
      }
    }
    pending.removeAll(keepingCapacity: true)
    swap(&pending, &effects)
  }

  private mutating func send(_ item: GossipItem<UInt32>, from node: UInt32, to peer: UInt32) {
    if states[Int(node)].contains(.silent), item.carriesNews { return }
    let delivery = conditions.send(from: Int(node), to: Int(peer), now: queue.now)
    if let first = delivery.first {
      queue.schedule(.item(item, from: node, to: peer), after: first)
    }
    if let second = delivery.second {
      queue.schedule(.item(item, from: node, to: peer), after: second)
    }
  }
}

extension GossipItem {
  /// Whether a silent node keeps it to itself: messages, and word that it has some.
  var carriesNews: Bool {
    switch self {
    case .message, .ihave: true
    case .subscribe, .unsubscribe, .iwant, .graft, .prune, .idontwant: false
    }
  }
}
