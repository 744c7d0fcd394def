import ContentStore
import Primitives
import Testing

/// How a peer of the world behaves.
private enum Behaviour: CaseIterable {
  case honest, slow, silent, lying, lossy
}

/// One client and several servers on a virtual clock.
private struct BitswapWorld {
  struct Event {
    let at: Tick
    let order: Int
    let message: BitswapMessage
    let peer: BitswapPeer
    /// Whether the client gets it.
    let isAnswer: Bool
  }

  var client = BitswapClientMachine()
  var servers: [BitswapPeer: (machine: BitswapServerMachine, behaviour: Behaviour)] = [:]
  var store: [CID: Bytes] = [:]
  var queue: [Event] = []
  var now = Tick.zero
  var random: SplitMix64
  var delivered: Set<CID> = []
  var unavailable: [CID] = []
  var misbehaved: [BitswapPeer] = []
  private var sent = 0

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  mutating func post(_ message: BitswapMessage, _ peer: BitswapPeer, isAnswer: Bool) {
    let behaviour = servers[peer]?.behaviour ?? .honest
    var delay = Duration.milliseconds(Int(random.next() % 50) + 1)
    if isAnswer {
      switch behaviour {
      case .silent: return
      case .lossy: if random.next() % 2 == 0 { return }
      case .slow: delay = .milliseconds(Int(random.next() % 3_000))
      case .honest, .lying: break
      }
    }
    sent += 1
    queue.append(
      Event(
        at: now.advanced(by: delay), order: sent, message: message, peer: peer, isAnswer: isAnswer))
  }

  mutating func ask(_ event: BitswapClientEvent, _ session: BitswapSessionID) {
    for effect in client.handle(event, now: now) {
      switch effect {
      case .send(let wants, let peer): post(BitswapMessage(wants: wants), peer, isAnswer: false)
      case .deliver(let block, _): delivered.insert(block.cid)
      case .search: ask(.searchEnded(session), session)
      case .unavailable(let cid, _): unavailable.append(cid)
      case .misconduct(_, let peer): misbehaved.append(peer)
      }
    }
  }

  /// The client's name at all servers.
  static let me = BitswapPeer(0)

  private mutating func serve(_ event: BitswapServerEvent, _ peer: BitswapPeer) {
    for effect in servers[peer]?.machine.handle(event) ?? [] {
      switch effect {
      case .lookUp(let cids, _):
        serve(.looked(cids, has: Set(cids.filter { store[$0] != nil }), for: Self.me), peer)
      case .read(let cids, _, let reserved):
        let blocks = store.filter { cids.contains($0.key) }
        serve(.read(cids, blocks, for: Self.me, reserved: reserved), peer)
      case .send(var message, _):
        let byteCount = message.blockByteCount
        if servers[peer]?.behaviour == .lying, let cid = message.blocks.first?.named()?.cid {
          message.blocks = []
          message.append(Bytes("lie".utf8), as: cid)
        }
        post(message, peer, isAnswer: true)
        serve(.sent(Self.me, byteCount: byteCount), peer)
      }
    }
  }

  /// Lets the next thing happen; false when nothing will.
  mutating func step(_ session: BitswapSessionID) -> Bool {
    let next = queue.indices.min {
      (queue[$0].at, queue[$0].order) < (queue[$1].at, queue[$1].order)
    }
    if let wake = client.nextWake, next.map({ wake < queue[$0].at }) ?? true {
      now = max(now, wake)
      ask(.tick, session)
      return true
    }
    guard let next else { return false }
    let event = queue.remove(at: next)
    now = event.at
    if event.isAnswer {
      let blocks = event.message.blocks.compactMap { $0.named() }
      ask(.received(blocks, event.message.presences, from: event.peer), session)
    } else {
      serve(.received(event.message, from: Self.me), event.peer)
    }
    return true
  }
}

@Suite("Bitswap among peers of all kinds")
struct BitswapWorldTests {
  private static let session = BitswapSessionID(1)

  @Test(
    "with one honest peer among liars, silent, slow and lossy ones everything comes",
    arguments: 1...40 as ClosedRange<UInt64>)
  func everythingComes(seed: UInt64) {
    var world = BitswapWorld(seed: seed)
    let blocks = (0..<60).map { ContentBlock(hashing: Bytes("block \($0)".utf8), codec: .raw) }
    for block in blocks { world.store[block.cid] = block.bytes }
    let peers = (1...6).map { BitswapPeer($0) }
    let honest = peers[Int(world.random.next() % 6)]
    for peer in peers {
      let behaviour =
        peer == honest
        ? .honest : Behaviour.allCases[Int(world.random.next() % UInt64(Behaviour.allCases.count))]
      world.servers[peer] = (BitswapServerMachine(), behaviour)
      world.ask(.connected(peer), Self.session)
    }
    world.ask(.begin(Self.session, peers: peers), Self.session)
    var steps = 0
    while world.delivered.count < blocks.count, steps < 20_000 {
      let missing = blocks.map(\.cid).filter { !world.delivered.contains($0) }
      world.ask(.want(Self.session, Array(missing.prefix(32))), Self.session)
      guard world.step(Self.session) else { break }
      steps += 1
    }
    #expect(world.delivered == Set(blocks.map(\.cid)), "seed \(seed)")
    #expect(world.unavailable.isEmpty)
    #expect(world.misbehaved.allSatisfy { world.servers[$0]?.behaviour == .lying })
  }

  @Test("what nobody has is said to be unavailable, whoever answers and whoever does not")
  func nobodyHasIt() {
    var world = BitswapWorld(seed: 3)
    let cid = ContentBlock(hashing: [1], codec: .raw).cid
    for (number, behaviour) in Behaviour.allCases.enumerated() {
      let peer = BitswapPeer(UInt32(number) + 1)
      world.servers[peer] = (BitswapServerMachine(), behaviour)
      world.ask(.connected(peer), Self.session)
    }
    world.ask(.begin(Self.session, peers: [BitswapPeer(1), BitswapPeer(3)]), Self.session)
    world.ask(.want(Self.session, [cid]), Self.session)
    var steps = 0
    while world.unavailable.isEmpty, steps < 1_000, world.step(Self.session) { steps += 1 }
    #expect(world.unavailable == [cid])
  }
}
