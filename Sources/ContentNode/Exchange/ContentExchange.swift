package import ContentStore
package import Cryptography
package import Networking
import Peering
package import Persistence
import Primitives
package import Telemetry

/// What is to be fetched.
package struct ContentFetch: Sendable {
  /// Where.
  package var path: ContentPath
  /// How much of what is there.
  package var scope: DagScope
  /// Which bytes of a file, in the scope `entity`.
  package var bytes: EntityBytes
  /// Subtrees that need not come: they are known to be here.
  package var held: [CID] = []

  /// Everything below a path unless told otherwise.
  package init(_ path: ContentPath, scope: DagScope = .all, bytes: EntityBytes = .all) {
    self.path = path
    self.scope = scope
    self.bytes = bytes
  }

  var request: ArchiveRequest {
    ArchiveRequest(path, scope: scope, bytes: bytes, held: held)
  }
}

/// Whether a peer is given the block that a CID names; must be quick. What is not for it is to that
/// peer as if it were not there.
package typealias ServingRule = @Sendable (CID, PeerID) -> Bool

/// What was fetched; all of it is in the store.
package struct FetchedContent: Sendable {
  /// What came from others and what was here.
  package let counts: FetchCounts
  /// Where the path led.
  package let resolved: ResolvedPath?
}

/// Why content was not fetched.
package enum ContentFetchError: Error, Sendable {
  /// Nobody who could be asked has the block.
  case unavailable(CID)
  /// No peer could be reached that speaks a protocol for content.
  case noPeers(CID, reasons: [any Error])
}

/// Fetches content from other nodes and serves it to them: archives between our own nodes, bitswap
/// with foreign ones. Everything that comes is checked block by block and goes into the store.
package final class ContentExchange: Sendable {
  /// The host that carries it.
  package let host: PeerHost
  /// Where blocks come from and go.
  package let store: BlockStore
  /// The exchange with foreign nodes.
  package let bitswap: BitswapShell
  /// The exchange with our own.
  package let archives: ArchiveExchange
  /// Tables that know who provides what: our own network's, and that of IPFS.
  package let tables: [KademliaShell]
  /// What the exchange costs and brings.
  package let metrics: MetricsRegistry
  let pool: ComputePool
  /// Faults of peers that sent archives, by peer.
  let faults = Lock<[PeerID: Int]>([:])

  /// An exchange over `store`; providers are looked for in `tables`. `serves` says what whom is
  /// given, everything to everybody where it is nil.
  package init(
    host: PeerHost, store: BlockStore, tables: [KademliaShell] = [],
    metrics: MetricsRegistry = MetricsRegistry(),
    timeouts: ExchangeTimeouts = ExchangeTimeouts(), serves: ServingRule? = nil
  ) {
    self.metrics = metrics
    self.host = host
    self.store = store
    self.tables = tables
    pool = ComputePool(
      named: "content", threads: ExchangeLimits.threads, queueMax: ExchangeLimits.jobsMax)
    archives = ArchiveExchange(
      host: host, store: store, pool: pool, metrics: metrics, timeouts: timeouts, serves: serves)
    bitswap = BitswapShell(
      host: host, store: store, pool: pool, timeouts: timeouts, serves: serves
    ) { [tables] cid in
      await Self.providers(of: cid, in: tables)
    }
  }

  /// Begins to serve.
  package func start() async {
    await archives.start()
    await bitswap.start()
  }

  /// Ends the threads, once nothing is under way any more; blocks until they are gone.
  package func stop() { pool.stop() }

  /// How often peers sent what they were not asked for, over either protocol.
  package var misconduct: [PeerID: Int] {
    get async {
      await bitswap.misconduct.merging(faults.withLock { $0 }) { $0 + $1 }
    }
  }

  func blame(_ peer: PeerID) {
    faults.withLock { faults in
      if faults[peer] == nil, faults.count >= ExchangeLimits.reportedPeersMax { return }
      faults[peer, default: 0] += 1
    }
  }

  // MARK: Who has it

  private static func providers(of cid: CID, in tables: [KademliaShell]) async -> [PeerID] {
    let key = KademliaKey(cid.multihash.bytes)
    var found: [PeerID] = []
    for table in tables {
      let named = await table.findProviders(of: key, wanted: ExchangeLimits.providersWanted)
      found += named.filter { !found.contains($0) }
    }
    return found
  }

  /// Connects to peers at addresses, all at once; returns who was reached, in the order of the
  /// addresses, and why others were not.
  func reach(_ addresses: [Multiaddr]) async -> (peers: [PeerID], faults: [any Error]) {
    await withTaskGroup(of: (Int, Result<PeerID, any Error>).self) { group in
      for (place, address) in addresses.enumerated() {
        group.addTask { (place, await self.outcome(at: address)) }
      }
      var outcomes: [(Int, Result<PeerID, any Error>)] = []
      for await outcome in group { outcomes.append(outcome) }
      outcomes.sort { $0.0 < $1.0 }
      var reached: (peers: [PeerID], faults: [any Error]) = ([], [])
      for (_, outcome) in outcomes {
        switch outcome {
        case .success(let peer): if !reached.peers.contains(peer) { reached.peers.append(peer) }
        case .failure(let error): reached.faults.append(error)
        }
      }
      return reached
    }
  }

  private func outcome(at address: Multiaddr) async -> Result<PeerID, any Error> {
    guard let peer = address.peer else {
      return .failure(PeerError.addressNotUsable(address))
    }
    do {
      let connection = try await host.connect(to: peer, at: [address], insisting: true)
      await connection.waitUntilIdentified()
      return .success(peer)
    } catch {
      return .failure(error)
    }
  }

  /// Those who provide a block, as far as they can be reached.
  func reachProviders(of cid: CID) async -> [PeerID] {
    var reached: [PeerID] = []
    for peer in await Self.providers(of: cid, in: tables) where peer != host.peerID {
      guard let connection = try? await host.connect(to: peer) else { continue }
      await connection.waitUntilIdentified()
      reached.append(peer)
    }
    return reached
  }
}
