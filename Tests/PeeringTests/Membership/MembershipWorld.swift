import Peering
import Primitives
import Simulator

/// A group on a virtual clock: latency, loss, partitions and crashes, all from one seed.
struct MembershipWorld {
  struct Seen: Equatable {
    let observer: Int
    let member: Int
    let status: SWIMStatus
    let at: Tick
  }

  private struct Happening {
    let node: Int
    let sender: Int
    let message: SWIMMessage<PeerHandle>?
  }

  private(set) var now = Tick.zero
  var nodes: [SWIMMachine] = []
  var isRunning: [Bool] = []
  /// Nodes of different numbers do not hear each other.
  var side: [Int] = []
  var lossPercent = 0
  var seen: [Seen] = []
  var joined = 0
  var failedJoins: [SWIMRefusal?] = []
  private(set) var messages = 0
  private(set) var claimsMax = 0
  private var random: SplitMix64
  private var queue = TimeQueue()
  private var happenings: [Happening] = []
  private var freePlaces: [Int] = []
  private var scheduled: [Tick] = []
  private let secret: UInt64

  init(seed: UInt64) {
    random = SplitMix64(seed: seed)
    secret = random.next()
  }

  func notary(of node: Int) -> SimulatedNotary {
    SimulatedNotary(local: PeerHandle(UInt32(node)), secret: secret)
  }

  /// Adds nodes; the first founds the group, the others join it through the first ones.
  mutating func add(_ count: Int, joining seeds: [Int]? = nil) {
    for _ in 0..<count {
      let index = nodes.count
      nodes.append(
        SWIMMachine(
          local: PeerHandle(UInt32(index)), notary: notary(of: index), random: &random))
      isRunning.append(true)
      side.append(0)
      scheduled.append(Tick(nanoseconds: .max))
      if index == 0 && seeds == nil {
        nodes[0].found(now: now, random: &random)
        reschedule(0)
      } else {
        let via = seeds ?? [0]
        deliver(.join(via: via.map { PeerHandle(UInt32($0)) }), to: index)
      }
    }
  }

  mutating func deliver(_ event: SWIMEvent, to node: Int) {
    var effects: [SWIMEffect] = []
    nodes[node].handle(
      event, now: now, random: &random, notary: notary(of: node), effects: &effects)
    for effect in effects { perform(effect, of: node) }
    reschedule(node)
  }

  private mutating func perform(_ effect: SWIMEffect, of node: Int) {
    switch effect {
    case .send(let message, let target): send(message, from: node, to: Int(target.index))
    case .changed(let member, let status):
      seen.append(Seen(observer: node, member: Int(member.index), status: status, at: now))
    case .joined: joined += 1
    case .joinFailed(let reason): failedJoins.append(reason)
    case .refuted, .turnedAway, .departed: break
    }
  }

  mutating func send(_ message: SWIMMessage<PeerHandle>, from node: Int, to target: Int) {
    messages += 1
    claimsMax = max(claimsMax, message.verb == .gossip ? message.claims.count : 0)
    guard target < nodes.count, side[node] == side[target],
      Int.random(in: 0..<100, using: &random) >= lossPercent
    else { return }
    let delay = UInt64.random(in: 5_000_000...60_000_000, using: &random)
    push(Happening(node: target, sender: node, message: message), after: delay)
  }

  private mutating func reschedule(_ node: Int) {
    guard let wake = nodes[node].nextWake, wake < scheduled[node] else { return }
    scheduled[node] = max(wake, now)
    push(
      Happening(node: node, sender: node, message: nil),
      after: UInt64(max(wake, now).nanoseconds - now.nanoseconds))
  }

  private mutating func push(_ happening: Happening, after nanoseconds: UInt64) {
    let place: Int
    if let free = freePlaces.popLast() {
      place = free
      happenings[free] = happening
    } else {
      place = happenings.count
      happenings.append(happening)
    }
    queue.push(time: now.nanoseconds + nanoseconds, place: place)
  }

  /// Runs until the moment `duration` from now.
  mutating func run(_ duration: Duration) {
    let end = now.advanced(by: duration)
    while let next = queue.first, next.time <= end.nanoseconds {
      queue.removeFirst()
      now = Tick(nanoseconds: next.time)
      let happening = happenings[next.place]
      freePlaces.append(next.place)
      guard isRunning[happening.node] else { continue }
      if let message = happening.message {
        let sender = PeerHandle(UInt32(happening.sender))
        deliver(.received(message, from: sender), to: happening.node)
      } else if scheduled[happening.node] <= now {
        scheduled[happening.node] = Tick(nanoseconds: .max)
        wake(happening.node)
      }
    }
    now = end
  }

  private mutating func wake(_ node: Int) {
    guard let wake = nodes[node].nextWake else { return }
    if wake <= now { deliver(.tick, to: node) } else { reschedule(node) }
  }

  /// Live nodes that were declared dead, and by whom.
  var falseDeaths: [Seen] { seen.filter { $0.status == .dead && isRunning[$0.member] } }

  /// How many running nodes, besides `node` itself, hold it for this status.
  func observers(of node: Int, as status: SWIMStatus) -> Int {
    nodes.indices.filter { index in
      index != node && isRunning[index]
        && nodes[index].member(PeerHandle(UInt32(node)))?.status == status
    }.count
  }
}

/// A heap of moments; equal moments keep their order.
struct TimeQueue {
  struct Entry {
    let time: UInt64
    let order: UInt64
    let place: Int
  }

  private var heap: [Entry] = []
  private var order: UInt64 = 0

  var first: Entry? { heap.first }

  private func precedes(_ left: Int, _ right: Int) -> Bool {
    heap[left].time != heap[right].time
      ? heap[left].time < heap[right].time : heap[left].order < heap[right].order
  }

  mutating func push(time: UInt64, place: Int) {
    heap.append(Entry(time: time, order: order, place: place))
    order += 1
    var child = heap.count - 1
    while child > 0, precedes(child, (child - 1) / 2) {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func removeFirst() {
    heap.swapAt(0, heap.count - 1)
    heap.removeLast()
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2]
      where child < heap.count && precedes(child, least) { least = child }
      guard least != parent else { return }
      heap.swapAt(parent, least)
      parent = least
    }
  }
}
