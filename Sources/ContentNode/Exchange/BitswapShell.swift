package import ContentStore
package import Cryptography
import Glibc
package import Networking
import Peering
package import Persistence
import Primitives

/// Finds peers that provide a block; they are connected, or can be.
package typealias ProviderSearch = @Sendable (CID) async -> [PeerID]

/// Runs bitswap on a host: serves the blocks of a store to others, and asks them for blocks. Lives
/// on the host's loop.
package actor BitswapShell {
  /// A peer that speaks bitswap.
  struct Link {
    let peer: PeerID
    /// What is to be sent, the oldest first, and the bytes of blocks in it.
    var queue: [BitswapMessage] = []
    var queuedBytes = 0
    /// Whether a task sends it.
    var isSpeaking = false
    var writer: UnsafeContinuation<Void, Never>?
  }

  /// The loop everything of the shell runs on.
  package nonisolated let loop: EventLoop
  nonisolated package var unownedExecutor: UnownedSerialExecutor {
    loop.asUnownedSerialExecutor()
  }

  nonisolated let host: PeerHost
  nonisolated let store: BlockStore
  nonisolated let pool: ComputePool
  nonisolated let timeouts: ExchangeTimeouts
  nonisolated let serves: ServingRule?
  private let search: ProviderSearch
  var server = BitswapServerMachine()
  var client = BitswapClientMachine()
  var links: [BitswapPeer: Link] = [:]
  var numbers: [PeerID: BitswapPeer] = [:]
  private var lastNumber: UInt32 = 0
  private var inboxes: [BitswapSessionID: BlockInbox] = [:]
  private var lastSession: UInt32 = 0
  private var wakeTimer = WakeTimer()
  /// How often each peer misbehaved.
  package private(set) var misconduct: [PeerID: Int] = [:]

  /// Bitswap over `store`; blocking work runs on `pool`.
  package init(
    host: PeerHost, store: BlockStore, pool: ComputePool,
    timeouts: ExchangeTimeouts = ExchangeTimeouts(), serves: ServingRule? = nil,
    search: @escaping ProviderSearch = { _ in [] }
  ) {
    loop = host.loop
    self.host = host
    self.store = store
    self.pool = pool
    self.timeouts = timeouts
    self.serves = serves
    self.search = search
  }

  /// Serves the protocols, and knows from now on who speaks them.
  package func start() async {
    for version in BitswapVersion.allCases { await host.serve(servedProtocol(version)) }
    await host.observe { [weak self] event in
      self?.assumeIsolated { $0.observed(event) }
    }
    for handle in await host.connectedHandles() { observed(.identified(handle)) }
  }

  /// What asking others has brought.
  package var clientCounts: BitswapClientCounts { client.counts }

  // MARK: Peers

  private func observed(_ event: PeerEvent) {
    switch event {
    case .connected: break
    case .identified(let handle):
      guard let record = host.assumeIsolated({ $0.book.record(of: handle) }),
        record.protocols.contains(where: { BitswapVersion(rawValue: $0) != nil })
      else { return }
      _ = number(of: record.peer)
    case .disconnected(let handle):
      guard let peer = host.assumeIsolated({ $0.book.peer(of: handle) }) else { return }
      forget(peer)
    }
  }

  /// The number of a peer, which counts as connected from now on.
  func number(of peer: PeerID) -> BitswapPeer {
    if let number = numbers[peer] { return number }
    lastNumber &+= 1
    let number = BitswapPeer(lastNumber)
    numbers[peer] = number
    links[number] = Link(peer: peer)
    handle(.connected(number))
    return number
  }

  func forget(_ peer: PeerID) {
    guard let number = numbers.removeValue(forKey: peer) else { return }
    let link = links.removeValue(forKey: number)
    link?.writer?.resume()
    handle(.disconnected(number))
    _ = perform(server.handle(.disconnected(number)))
  }

  // MARK: Asking

  /// Begins a session whose blocks come into the inbox; `peers` probably have them.
  func begin(peers: [PeerID]) -> (id: BitswapSessionID, inbox: BlockInbox) {
    lastSession &+= 1
    let id = BitswapSessionID(lastSession)
    let inbox = BlockInbox(loop: loop)
    inboxes[id] = inbox
    handle(.begin(id, peers: peers.map { number(of: $0) }))
    return (id, inbox)
  }

  /// Wants blocks for a session, but for those that came already and wait to be taken.
  func want(_ cids: [CID], _ id: BitswapSessionID) {
    guard let inbox = inboxes[id] else { return }
    handle(.want(id, cids.filter { !inbox.holds($0) }))
  }

  /// A session is over.
  func end(_ id: BitswapSessionID) {
    inboxes[id] = nil
    handle(.end(id))
  }

  func handle(_ event: BitswapClientEvent) {
    for effect in client.handle(event, now: loop.now) { perform(effect) }
    wakeTimer.set(at: client.nextWake, on: loop) { [weak self] in
      self?.assumeIsolated { $0.handle(.tick) }
    }
  }

  private func perform(_ effect: BitswapClientEffect) {
    switch effect {
    case .send(let wants, let peer): enqueue(BitswapMessage(wants: wants), to: peer)
    case .deliver(let block, let id): inboxes[id]?.deliver(block)
    case .search(let cid, let id):
      let began = host.assumeIsolated { host in
        host.begin { await self.lookFor(cid, id) }
      }
      if !began { loop.execute { self.assumeIsolated { $0.handle(.searchEnded(id)) } } }
    case .unavailable(let cid, let id): inboxes[id]?.fail(cid)
    case .misconduct(_, let peer): report(peer)
    }
  }

  private func report(_ number: BitswapPeer) {
    guard let peer = links[number]?.peer else { return }
    if misconduct[peer] == nil, misconduct.count >= ExchangeLimits.reportedPeersMax { return }
    misconduct[peer, default: 0] += 1
  }

  private func lookFor(_ cid: CID, _ id: BitswapSessionID) async {
    let found = await search(cid)
    var reached: [BitswapPeer] = []
    for peer in found where (try? await host.connect(to: peer)) != nil {
      reached.append(number(of: peer))
    }
    handle(.suggest(id, reached))
    handle(.searchEnded(id))
  }
}
