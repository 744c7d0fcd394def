package import ContentStore
package import Cryptography
import Networking
package import Peering
package import Primitives
import Telemetry

/// The network of a content node: a host of libp2p with bitswap and archives, names and keys, and
/// what it tells others that it has.
package final class PeerContentNetwork: ContentNetwork {
  /// The exchange of blocks.
  package let exchange: ContentExchange
  /// Names.
  package let names: ContentNames
  /// What others are told.
  package let announcer: ContentAnnouncer
  let host: PeerHost
  let identityKey: PublicKey
  private let bootstraps: [Multiaddr]
  private let sample: Lock<(at: Tick, total: Traffic)>

  /// A network of a host that runs; `identity` is the host's own key.
  package init(
    exchange: ContentExchange, names: ContentNames, announcer: ContentAnnouncer,
    identity: PublicKey, bootstraps: [Multiaddr] = []
  ) {
    self.exchange = exchange
    self.names = names
    self.announcer = announcer
    host = exchange.host
    identityKey = identity
    self.bootstraps = bootstraps
    sample = Lock((host.loop.now, Traffic()))
  }

  /// Joins the tables' networks, then announces and publishes again until the task is cancelled.
  package func run() async {
    for table in exchange.tables { _ = try? await table.bootstrap(from: bootstraps) }
    await withDiscardingTaskGroup { group in
      group.addTask { await self.announcer.run() }
      group.addTask { await self.names.run(on: self.host.loop) }
    }
  }

  // MARK: Content

  /// Who this node is, and where others reach it.
  package func identity() async throws -> ContentNodeIdentity {
    ContentNodeIdentity(
      peer: host.peerID, publicKey: identityKey.protobuf,
      addresses: await host.ownAddresses().map(\.withoutOwner),
      protocols: await host.protocolIDs.sorted())
  }

  /// A block from whoever has it, checked and not stored.
  package func fetch(_ cid: CID) async throws -> Bytes {
    try await exchange.block(cid)
  }

  /// Queues roots to be announced.
  package func provide(_ roots: [CID]) async throws {
    await announcer.announce(roots)
  }

  // MARK: Peers

  /// The peers that are connected now.
  package func peers() async throws -> [ContentPeer] {
    var peers: [ContentPeer] = []
    for handle in await host.connectedHandles() {
      guard let peer = await host.book.peer(of: handle),
        let connection = await host.connection(with: peer),
        let address = connection.remoteAddress.multiaddr
      else { continue }
      let streams = await connection.liveTraffic.streams.map(\.protocolID)
      peers.append(
        ContentPeer(
          peer: peer, address: address, direction: connection.isOutgoing ? .outbound : .inbound,
          streams: streams.sorted()))
    }
    return peers
  }

  /// The addresses of all peers in the book.
  package func knownAddresses() async throws -> [ContentPeerAddresses] {
    let book = await host.book
    let known = book.allHandles.compactMap { book.record(of: $0) }
    return known.filter { $0.peer != host.peerID && !$0.addresses.isEmpty }
      .map { ContentPeerAddresses(peer: $0.peer, addresses: $0.addresses.map(\.address)) }
      .sorted { $0.peer.bytes.lexicographicallyPrecedes($1.peer.bytes) }
  }

  /// Connects to the peer that an address names.
  package func connect(to address: Multiaddr) async throws {
    let peer = try Self.peer(of: address)
    do {
      _ = try await host.connect(to: peer, at: [address], insisting: true)
    } catch {
      throw ContentNetworkError.unreachable(peer: "\(peer)", reason: "\(error)")
    }
  }

  /// Closes the connection with a peer.
  package func disconnect(from address: Multiaddr) async throws {
    let peer = try Self.peer(of: address)
    guard let connection = await host.connection(with: peer) else {
      throw ContentNetworkError.unreachable(peer: "\(peer)", reason: "not connected")
    }
    await connection.close()
  }

  private static func peer(of address: Multiaddr) throws -> PeerID {
    guard let peer = address.peer else {
      throw ContentNetworkError.addressWithoutPeer("\(address)")
    }
    return peer
  }

  /// One round trip to a peer.
  package func ping(_ peer: PeerID) async throws -> Duration {
    do {
      return try await host.connect(to: peer).echo(count: 1).first ?? .zero
    } catch {
      throw ContentNetworkError.unreachable(peer: "\(peer)", reason: "\(error)")
    }
  }

  /// The bytes of all connections; rates are those since it was asked last.
  package func bandwidth() async throws -> ContentBandwidth {
    let total = await host.bandwidth().total
    let now = host.loop.now
    let last = sample.withLock { sample in
      defer { sample = (now, total) }
      return sample
    }
    let seconds = max(now.duration(since: last.at) / .seconds(1), 0.001)
    return ContentBandwidth(
      receivedByteCount: total.received, sentByteCount: total.sent,
      receivedBytesPerSecond: Double(total.received &- last.total.received) / seconds,
      sentBytesPerSecond: Double(total.sent &- last.total.sent) / seconds)
  }

  /// Where the tables begin.
  package func bootstrapAddresses() async throws -> [Multiaddr] { bootstraps }
}
