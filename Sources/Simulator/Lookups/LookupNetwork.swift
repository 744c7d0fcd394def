package import Peering
import Primitives

/// What a network of Kademlia nodes is made of.
package struct LookupSettings: Sendable {
  /// Honest nodes, dead ones among them.
  package var nodes: Int
  /// The run's seed.
  package var seed: UInt64
  /// Dead nodes; other kinds of trouble belong to seeds, not to measurements.
  package var plan = FaultPlan()
  /// How long messages take.
  package var links = LinkModel.plain
  /// The rules of the network.
  package var rules = KademliaSettings.martlet

  /// A network of `nodes` honest nodes.
  package init(nodes: Int, seed: UInt64) {
    self.nodes = nodes
    self.seed = seed
  }
}

/// Many Kademlia nodes that pass typed messages: the machine of production, one book for all, no
/// bytes and no connections. A message takes one link; handshakes are not counted.
package struct LookupNetwork: Sendable {
  /// What is still to happen.
  enum Event: Sendable {
    case request(KademliaRequest, from: UInt32, to: UInt32, call: UInt32)
    case response(KademliaResponse, from: UInt32, to: UInt32, call: UInt32)
    case wake(UInt32, time: Int)
    case begin(UInt32, anchors: [PeerHandle])
    case start(KademliaOperation, node: UInt32, id: UInt32)
  }

  /// The parts of the run.
  package let settings: LookupSettings
  /// All keys.
  package internal(set) var book: SharedBook
  /// Who is dead, who an attacker.
  package internal(set) var states: NodeStates
  /// One machine a node.
  package internal(set) var machines: ContiguousArray<KademliaMachine>
  /// Requests that each node answered.
  package internal(set) var load: ContiguousArray<UInt32>
  /// Operations that ended since `takeOutcomes`.
  var outcomes: [(node: UInt32, id: UInt32, outcome: KademliaOutcome)] = []
  /// The hash of the run.
  package internal(set) var digest = RunDigest()
  /// What the attacker's nodes say, if there is one.
  var attack: LookupAttack?

  let streams: ChanceStreams
  var queue = EventQueue<Event>()
  var conditions: NetworkConditions
  var randoms: ContiguousArray<SplitMix64>
  var wakes: WakeTimes
  private var effects: [KademliaEffect] = []

  /// Nodes with empty tables.
  package init(_ settings: LookupSettings) {
    self.settings = settings
    streams = ChanceStreams(seed: settings.seed)
    book = SharedBook(nodeCount: settings.nodes, streams: streams)
    states = NodeStates(nodeCount: settings.nodes, plan: settings.plan, streams: streams)
    conditions = NetworkConditions(
      plan: settings.plan, model: settings.links, nodeCount: settings.nodes, exempt: 0,
      begin: 0, end: 0, streams: streams)
    load = ContiguousArray(repeating: 0, count: settings.nodes)
    wakes = WakeTimes(count: settings.nodes)
    machines = []
    machines.reserveCapacity(settings.nodes)
    randoms = []
    randoms.reserveCapacity(settings.nodes)
    for node in 0..<settings.nodes {
      let peer = PeerHandle(UInt32(node))
      machines.append(
        KademliaMachine(
          local: peer, key: KademliaKey(point: book.key(of: peer)), settings: settings.rules))
      randoms.append(streams.stream(.machines, node: node))
    }
  }

  /// Milliseconds since the run's start.
  package var now: Int { queue.now }

  /// Events that happened.
  package var eventCount: Int { queue.takenCount }

  /// Runs until `end`, or until nothing is left to happen.
  package mutating func run(until end: Int) {
    while let event = queue.next(until: end) { handle(event) }
  }

  /// Runs until every started operation ended, or until `end`.
  package mutating func run(untilOutcomes count: Int, end: Int) {
    while outcomes.count < count, let event = queue.next(until: end) { handle(event) }
  }

  /// Starts an operation of a node at `time`.
  package mutating func start(_ operation: KademliaOperation, at node: Int, id: UInt32, time: Int) {
    queue.schedule(.start(operation, node: UInt32(node), id: id), at: time)
  }

  /// The operations that ended since the last call.
  package mutating func takeOutcomes() -> [(node: UInt32, id: UInt32, outcome: KademliaOutcome)] {
    defer { outcomes.removeAll(keepingCapacity: true) }
    return outcomes
  }

  private mutating func handle(_ event: Event) {
    digest.add(queue.now)
    switch event {
    case .request(let request, let sender, let receiver, let call):
      digest.add(UInt64(sender) << 32 | UInt64(receiver))
      guard states.isUp(Int(receiver)) else { return }
      serve(request, from: sender, to: receiver, call: call)
    case .response(let response, let sender, let receiver, let call):
      digest.add(UInt64(receiver) << 32 | UInt64(response.closer.count))
      guard states.isUp(Int(receiver)) else { return }
      let admission = admission(of: sender)
      tell(receiver, .identified(PeerHandle(sender), admission: admission))
      tell(receiver, .response(response, call: call, admission: admission))
    case .wake(let node, let time):
      guard wakes.ring(Int(node), at: time), states.isUp(Int(node)) else { return }
      digest.add(UInt64(node))
      tell(node, .tick)
    case .begin(let node, let anchors):
      tell(node, .begin(anchors: anchors))
    case .start(let operation, let node, let id):
      tell(node, .start(operation, id: id))
    }
  }

  private mutating func serve(
    _ request: KademliaRequest, from sender: UInt32, to receiver: UInt32, call: UInt32
  ) {
    load[Int(receiver)] &+= 1
    if states[Int(receiver)].contains(.sybil), let attack, attack.concerns(request) {
      let answer = attack.answer(to: request, by: receiver, book: book)
      return carry(.response(answer, from: receiver, to: sender, call: call))
    }
    let admission = admission(of: sender)
    tell(receiver, .identified(PeerHandle(sender), admission: admission))
    tell(
      receiver,
      .request(request, from: PeerHandle(sender), admission: admission, call: call))
  }

  /// Everybody has solved the puzzle, the attacker too: admission alone stops nobody here.
  func admission(of node: UInt32) -> KademliaAdmission { .puzzle }

  /// Hands an event to a machine and carries its effects out.
  mutating func tell(_ node: UInt32, _ event: KademliaEvent) {
    var pending: [KademliaEffect] = []
    swap(&pending, &effects)
    machines[Int(node)].handle(
      event, now: Tick(milliseconds: queue.now), random: &randoms[Int(node)], directory: book,
      effects: &pending)
    for effect in pending { carryOut(effect, of: node) }
    pending.removeAll(keepingCapacity: true)
    swap(&pending, &effects)
  }

  private mutating func carryOut(_ effect: KademliaEffect, of node: UInt32) {
    switch effect {
    case .send(let request, let peer, let call):
      carry(.request(request, from: node, to: peer.index, call: call))
      // The bytes of an ADD_PROVIDER are written, and nothing comes back.
      if !request.hasAnswer {
        queue.schedule(
          .response(KademliaResponse(), from: peer.index, to: node, call: call), after: 1)
      }
    case .reply(let response, let peer, let call):
      carry(.response(response, from: node, to: peer.index, call: call))
    case .wake(let tick):
      let time = max(queue.now, tick.millisecondsRoundedUp)
      if wakes.set(Int(node), at: time) { queue.schedule(.wake(node, time: time), at: time) }
    case .finished(let outcome, let id):
      outcomes.append((node, id, outcome))
    case .abandon, .refuse, .found, .inserted, .removed, .anchors:
      break
    }
  }

  private mutating func carry(_ event: Event) {
    let ends: (from: UInt32, to: UInt32)
    switch event {
    case .request(_, let from, let to, _), .response(_, let from, let to, _): ends = (from, to)
    case .wake, .begin, .start: return
    }
    let delivery = conditions.send(from: Int(ends.from), to: Int(ends.to), now: queue.now)
    if let first = delivery.first { queue.schedule(event, after: first) }
    if let second = delivery.second { queue.schedule(event, after: second) }
  }
}

extension Tick {
  static let nanosecondsPerMillisecond: UInt64 = 1_000_000

  /// The moment of a virtual millisecond.
  init(milliseconds: Int) {
    self.init(nanoseconds: UInt64(milliseconds) * Self.nanosecondsPerMillisecond)
  }

  /// The first virtual millisecond that is not before.
  var millisecondsRoundedUp: Int {
    let whole = nanoseconds / Self.nanosecondsPerMillisecond
    return Int(whole) + (nanoseconds % Self.nanosecondsPerMillisecond == 0 ? 0 : 1)
  }
}
