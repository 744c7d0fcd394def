import Primitives

@testable import Peering

/// Routers on a random graph with links of 20 to 200 ms, driven by one seed.
struct GossipWorld {
  typealias Machine = GossipsubMachine<UInt32>

  /// What a node does with what it should send.
  enum Conduct {
    case honest
    /// Takes part in meshes and forwards nothing of others.
    case silent
  }

  private struct Entry {
    let at: UInt64
    let number: UInt64
    let node: UInt32
    let event: GossipsubEvent<UInt32>
  }

  private(set) var machines: [Machine] = []
  var conduct: [Conduct]
  var directory = AddressGroups()
  var random: SplitMix64
  private(set) var now: UInt64 = 0
  private var queue: [Entry] = []
  private var entries: UInt64 = 0
  private(set) var links: [[PeerHandle]]
  /// When each node got a message, in milliseconds.
  private(set) var arrivals: [UInt32: [UInt32: UInt64]] = [:]
  private(set) var copies = 0
  /// The largest mesh right after a heartbeat.
  private(set) var meshMax = 0
  static let topic = GossipTopic(0)
  private static let millisecond: UInt64 = 1_000_000

  init(
    nodes: Int, dials: Int, parameters: GossipsubParameters, kind: GossipTopicKind, seed: UInt64
  ) throws {
    random = SplitMix64(seed: seed)
    conduct = Array(repeating: .honest, count: nodes)
    links = Array(repeating: [], count: nodes)
    let configuration = try GossipsubConfiguration(parameters: parameters, kinds: [kind])
    for _ in 0..<nodes {
      machines.append(Machine(configuration: configuration, now: .zero, random: &random))
    }
    for node in 0..<nodes {
      schedule(.join(Self.topic, kind: 0), at: 0, for: node)
      schedule(.tick, at: machines[node].nextWake.nanoseconds, for: node)
      for _ in 0..<dials { link(node, Int.random(in: 0..<nodes, using: &random)) }
    }
  }

  mutating func link(_ left: Int, _ right: Int) {
    let handle = PeerHandle(UInt32(right))
    guard left != right, !links[left].contains(handle) else { return }
    links[left].append(handle)
    links[right].append(PeerHandle(UInt32(left)))
    schedule(.connected(handle, weDialled: true, version: .v12), at: now, for: left)
    schedule(
      .connected(PeerHandle(UInt32(left)), weDialled: false, version: .v12), at: now, for: right)
  }

  mutating func schedule(_ event: GossipsubEvent<UInt32>, at time: UInt64, for node: Int) {
    entries += 1
    queue.append(Entry(at: time, number: entries, node: UInt32(node), event: event))
    var child = queue.count - 1
    while child > 0, Self.before(queue[child], queue[(child - 1) / 2]) {
      queue.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  private static func before(_ left: Entry, _ right: Entry) -> Bool {
    (left.at, left.number) < (right.at, right.number)
  }

  private mutating func next() -> Entry? {
    guard let first = queue.first else { return nil }
    let last = queue.removeLast()
    guard !queue.isEmpty else { return first }
    queue[0] = last
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < queue.count {
        if Self.before(queue[child], queue[least]) { least = child }
      }
      guard least != parent else { return first }
      queue.swapAt(parent, least)
      parent = least
    }
  }

  /// Runs for a time.
  mutating func run(milliseconds: UInt64) {
    let end = now + milliseconds * Self.millisecond
    while let first = queue.first, first.at <= end, let entry = next() {
      now = entry.at
      handle(entry.event, at: Int(entry.node))
    }
    now = end
  }

  private mutating func handle(_ event: GossipsubEvent<UInt32>, at node: Int) {
    var effects: [GossipsubEffect<UInt32>] = []
    if case .received(.message, _) = event { copies += 1 }
    machines[node].handle(
      event, now: Tick(nanoseconds: now), random: &random, directory: directory,
      effects: &effects)
    if case .tick = event {
      schedule(.tick, at: machines[node].nextWake.nanoseconds, for: node)
      if node < conduct.count, conduct[node] == .honest {
        meshMax = max(meshMax, machines[node].mesh(of: Self.topic).count)
      }
    }
    for effect in effects { carryOut(effect, of: node, after: event) }
  }

  private mutating func carryOut(
    _ effect: GossipsubEffect<UInt32>, of node: Int, after event: GossipsubEvent<UInt32>
  ) {
    switch effect {
    case .send(let peer, let item):
      if conduct[node] == .silent, Self.passesOn(item), !Self.isPublication(event) { return }
      let delay = UInt64.random(in: 20...200, using: &random) * Self.millisecond
      schedule(
        .received(item, from: PeerHandle(UInt32(node))), at: now + delay, for: Int(peer.index))
    case .validate(let message, _):
      schedule(.validated(message.id, .accept), at: now + Self.millisecond, for: node)
    case .deliver(let message, _):
      arrivals[message.payload, default: [:]][UInt32(node)] = now / Self.millisecond
    case .connect, .wantsPeers, .refused: break
    }
  }

  private static func passesOn(_ item: GossipItem<UInt32>) -> Bool {
    switch item {
    case .message, .ihave: true
    case .subscribe, .unsubscribe, .iwant, .graft, .prune, .idontwant: false
    }
  }

  private static func isPublication(_ event: GossipsubEvent<UInt32>) -> Bool {
    if case .publish = event { true } else { false }
  }

  /// A node publishes, at once.
  mutating func publish(_ number: UInt32, at node: Int, bytes: UInt32 = 100) {
    let sent = GossipMessage(
      id: messageID(number), topic: Self.topic, byteCount: bytes, payload: number)
    arrivals[number, default: [:]][UInt32(node)] = now / Self.millisecond
    handle(.publish(sent), at: node)
  }

  /// The share of nodes that have a message.
  func coverage(_ number: UInt32) -> Double {
    Double(arrivals[number]?.count ?? 0) / Double(machines.count)
  }

  func mesh(of node: Int) -> [PeerHandle] { machines[node].mesh(of: Self.topic) }
}
