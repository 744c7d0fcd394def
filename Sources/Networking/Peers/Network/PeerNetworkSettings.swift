package import Cryptography
package import Peering
import Primitives

/// How one node is a member of a network.
package struct PeerNetworkSettings: Sendable {
  /// When a node answers others' questions about the network.
  package enum Serving: Sendable {
    case always
    /// Where the others are on this machine or site, or when they say that they can reach it.
    case whenReachable
    case never
  }

  /// The network's name, for people.
  package var name: String
  /// The chain whose services are looked for.
  package var chainID: Digest
  /// The Kademlia network's name on the wire.
  package var kademliaProtocol: String
  /// Peers to begin with.
  package var bootstraps: [Multiaddr]
  /// Peers whose identity counts as much as a stake: nobody else can take their place in tables.
  package var trusted: Set<PeerID>
  /// Whether peers are looked for on the local network.
  package var usesLocalDiscovery: Bool
  /// Whether only those on this machine are, over the loopback interface.
  package var discoversOwnMachineOnly = false
  /// When this node answers others.
  package var serving = Serving.whenReachable
  /// What this node relays for others; nil for nothing.
  package var relay: RelayServerLimits?
  /// Peers of an earlier run, dialled beside the bootstraps.
  package var anchors: [Multiaddr] = []
  /// Takes the peers to begin with at the next start; called off the loop's turn, one at a time.
  package var keepAnchors: (@Sendable ([Multiaddr]) async -> Void)?
  /// Servers of different networks that must agree on whether this node is reachable.
  package var reachabilityServersNeeded = ReachabilityLimits.serversNeeded
  /// Whether addresses of this machine and site are dialled for others, and punched to.
  package var dialsLocalAddresses = false

  /// A member of the network that a file describes.
  package init(_ file: NetworkFile) {
    name = file.name
    chainID = file.chainID
    kademliaProtocol = file.kademliaProtocol
    bootstraps = file.bootstraps
    trusted = Set(file.coordinators + file.bootstraps.compactMap(\.peer))
    usesLocalDiscovery = file.usesLocalDiscovery
  }

  /// A member of a chain's usual network that knows one coordinator, and meets the others through
  /// it.
  package init(chainID: Digest, coordinator: PeerID) {
    name = ""
    self.chainID = chainID
    kademliaProtocol = NetworkFile.kademliaProtocol(of: chainID)
    bootstraps = []
    trusted = [coordinator]
    usesLocalDiscovery = false
  }
}

/// Limits and pauses of a member (docs/specs/peer-network.md, "Schedule").
enum PeerNetworkLimits {
  /// The pause before a bootstrap is dialled again; it doubles.
  static let bootstrapPauseFirst: Duration = .milliseconds(250)
  /// However long a bootstrap has been away: it costs one packet.
  static let bootstrapPauseMax: Duration = .seconds(60)
  /// A known address is given this long before others are asked for a better one.
  static let dialPatience: Duration = .seconds(4)
  /// How long a search waits for a first peer to ask.
  static let firstPeerPatience: Duration = .seconds(3)
  /// Providers asked for at once.
  static let providersWanted = 20
  /// A relayed connection is upgraded within this time or stays relayed: three punches.
  static let punchPatience: Duration = .seconds(15)
  static let punchPoll: Duration = .milliseconds(100)

  /// Anchors kept: those of the table, and the trusted peers that are connected.
  static let anchorsMax = 32
  /// Addresses kept of one anchor.
  static let addressesPerAnchorMax = 2
  /// The first look, soon after the start, and the pause between the later ones.
  static let anchorsFirst: Duration = .seconds(1)
  static let anchorsPause: Duration = .seconds(10)

  /// While a node knows fewer peers than a bucket holds, each newcomer may be one that keeps
  /// records: they are said again so long after it came.
  static let advertisePause: Duration = .seconds(5)
  static let peersForCalm = KademliaLimits.bucketPeersMax
  /// Services that one node advertises.
  static let servicesMax = 16

  /// How often servers are asked about our addresses until the verdict, and after it: their
  /// answers count for half an hour.
  static let reachabilityFirst: Duration = .seconds(5)
  static let reachabilityPause: Duration = .seconds(30)
  static let reachabilityRenewal: Duration = .seconds(15 * 60)
  /// Servers asked in one round.
  static let reachabilityServers = 6
  /// Relays that an unreachable node asks to reach it.
  static let relaysWanted = 2
}

/// How a peer came to be known.
package enum PeerRoute: Equatable, Sendable {
  /// Settings or an earlier run named it.
  case known
  /// It was found on the local network.
  case localDiscovery
  /// Peers of the network knew where it is.
  case lookup
  /// It found us first, and called.
  case call
  /// It had told others that it offers a service.
  case advertisement

  /// As a person reads it.
  package var words: String {
    switch self {
    case .known: "a known address"
    case .localDiscovery: "local discovery"
    case .lookup: "DHT"
    case .call: "its own call"
    case .advertisement: "DHT provider record"
    }
  }
}
