public import ContentStore
public import Cryptography
public import Peering
public import Primitives

/// What an embedded content node needs of a network: other nodes' blocks, peers, keys and names.
///
/// A node without one is offline: it serves what its store holds, and every command that needs
/// others is refused. Implementations throw `ContentNetworkError` for what a caller may act on;
/// other errors are shown as they describe themselves.
public protocol ContentNetwork: Sendable {
  /// Who this node is, and where others reach it.
  func identity() async throws -> ContentNodeIdentity

  /// Returns the block that `cid` names from another node, checked against it.
  ///
  /// Returns when the block came or the calling task was cancelled; throws
  /// `ContentError.missingBlock` once it was asked for long enough. The block is not stored.
  func fetch(_ cid: CID) async throws -> Bytes

  /// Tells others that this node has what is below `roots`; returns once that is queued.
  func provide(_ roots: [CID]) async throws

  /// The peers that are connected now.
  func peers() async throws -> [ContentPeer]

  /// The addresses of all peers that are known, in the order of their names.
  func knownAddresses() async throws -> [ContentPeerAddresses]

  /// Connects to the peer that `address` names at its end.
  func connect(to address: Multiaddr) async throws

  /// Closes the connections to the peer that `address` names at its end.
  func disconnect(from address: Multiaddr) async throws

  /// Measures one round trip to a peer.
  func ping(_ peer: PeerID) async throws -> Duration

  /// The bytes that went over the network since the node was started.
  func bandwidth() async throws -> ContentBandwidth

  /// The peers that a node without any asks first.
  func bootstrapAddresses() async throws -> [Multiaddr]

  /// The keys that names can be published under, `self` first.
  func keys() async throws -> [ContentKey]

  /// Makes a key of the type `ed25519` or `rsa` (Kubo's words; nil for the usual one).
  func makeKey(named name: String, type: String?) async throws -> ContentKey

  /// Renames a key; `force` takes the place of one that has the new name.
  func renameKey(_ name: String, to newName: String, force: Bool) async throws -> RenamedContentKey

  /// Removes a key.
  func removeKey(named name: String) async throws -> ContentKey

  /// Stores a private key in libp2p's protobuf form.
  func importKey(named name: String, _ privateKey: Bytes) async throws -> ContentKey

  /// Returns a private key in libp2p's protobuf form.
  func exportKey(named name: String) async throws -> Bytes

  /// Publishes a path (`/ipfs/…` or `/ipns/…`) under a key.
  func publish(_ path: String, _ settings: NamePublication) async throws -> PublishedName

  /// Returns the path that `name` (a key's CID or peer id, with or without `/ipns/`) stands for;
  /// `isRecursive` goes on until that is no name.
  func resolve(_ name: String, isRecursive: Bool, usesCache: Bool) async throws -> String
}

/// Why the network did not do what it was asked for.
public enum ContentNetworkError: Error, Equatable, Sendable {
  /// The node has no network.
  case offline
  /// No key has this name.
  case noSuchKey(String)
  /// A key has this name already.
  case keyExists(String)
  /// A key of this name cannot be made, renamed or removed.
  case keyNameRefused(String)
  /// Keys of this type are not made here.
  case unsupportedKeyType(String)
  /// Nothing was published under this name, as far as others know.
  case unresolved(name: String)
  /// The address has no peer at its end.
  case addressWithoutPeer(String)
  /// The peer could not be reached.
  case unreachable(peer: String, reason: String)
}

extension ContentNetworkError: CustomStringConvertible {
  /// One line; Kubo's own words where it has some.
  public var description: String {
    switch self {
    case .offline: "this action must be run in online mode, try running 'ipfs daemon' first"
    case .noSuchKey(let name): "no key by the given name was found: \(name)"
    case .keyExists(let name): "key with name '\(name)' already exists"
    case .keyNameRefused(let name): "cannot use the key name '\(name)'"
    case .unsupportedKeyType(let type): "unrecognized key type: \(type)"
    case .unresolved(let name): "could not resolve name: \(name)"
    case .addressWithoutPeer(let address): "\(address): the address names no peer"
    case .unreachable(let peer, let reason): "connect \(peer) failure: \(reason)"
    }
  }
}

/// Who a content node is.
public struct ContentNodeIdentity: Equatable, Sendable {
  /// The node's name.
  public var peer: PeerID
  /// Its public key in libp2p's protobuf form.
  public var publicKey: Bytes
  /// Where it listens, without its own name at the end.
  public var addresses: [Multiaddr]
  /// The protocols that it answers, such as `/ipfs/bitswap/1.2.0`.
  public var protocols: [String]

  /// Describes a node.
  public init(
    peer: PeerID, publicKey: Bytes, addresses: [Multiaddr] = [], protocols: [String] = []
  ) {
    self.peer = peer
    self.publicKey = publicKey
    self.addresses = addresses
    self.protocols = protocols
  }
}

/// A connected peer.
public struct ContentPeer: Equatable, Sendable {
  /// Which side opened the connection; the numbers are Kubo's.
  public enum Direction: Int, Sendable {
    case inbound = 1
    case outbound = 2
  }

  /// The peer's name.
  public var peer: PeerID
  /// Where it is, without its name at the end.
  public var address: Multiaddr
  /// Which side opened the connection.
  public var direction: Direction
  /// A round trip, where one was measured.
  public var latency: Duration?
  /// The protocols of the streams that are open.
  public var streams: [String]

  /// Describes a peer.
  public init(
    peer: PeerID, address: Multiaddr, direction: Direction, latency: Duration? = nil,
    streams: [String] = []
  ) {
    self.peer = peer
    self.address = address
    self.direction = direction
    self.latency = latency
    self.streams = streams
  }
}

/// What is known of where a peer is.
public struct ContentPeerAddresses: Equatable, Sendable {
  /// The peer's name.
  public var peer: PeerID
  /// Its addresses, without its name at the end.
  public var addresses: [Multiaddr]

  /// Pairs a peer with its addresses.
  public init(peer: PeerID, addresses: [Multiaddr]) {
    self.peer = peer
    self.addresses = addresses
  }
}

/// The traffic of a node.
public struct ContentBandwidth: Equatable, Sendable {
  /// Bytes received since the start.
  public var receivedByteCount: UInt64
  /// Bytes sent since the start.
  public var sentByteCount: UInt64
  /// Bytes received a second, of late.
  public var receivedBytesPerSecond: Double
  /// Bytes sent a second, of late.
  public var sentBytesPerSecond: Double

  /// Describes traffic.
  public init(
    receivedByteCount: UInt64, sentByteCount: UInt64, receivedBytesPerSecond: Double = 0,
    sentBytesPerSecond: Double = 0
  ) {
    self.receivedByteCount = receivedByteCount
    self.sentByteCount = sentByteCount
    self.receivedBytesPerSecond = receivedBytesPerSecond
    self.sentBytesPerSecond = sentBytesPerSecond
  }
}

/// A key that names can be published under.
public struct ContentKey: Equatable, Sendable {
  /// The name for people; `self` is the node's own.
  public var name: String
  /// The key's name in the network: a libp2p-key CID.
  public var id: CID

  /// Pairs a name with a key.
  public init(name: String, id: CID) {
    self.name = name
    self.id = id
  }
}

/// A key that has a new name.
public struct RenamedContentKey: Equatable, Sendable {
  /// The key under its new name.
  public var key: ContentKey
  /// Whether it took the place of another key.
  public var hasReplaced: Bool

  /// Describes what became of a key.
  public init(key: ContentKey, hasReplaced: Bool) {
    self.key = key
    self.hasReplaced = hasReplaced
  }
}

/// How a name is published.
public struct NamePublication: Equatable, Sendable {
  /// The name of the key; `self` is the node's own.
  public var keyName = "self"
  /// How long the record is valid; nil for the usual time.
  public var lifetime: Duration?
  /// How long others may keep it without asking; nil for the usual time.
  public var timeToLive: Duration?
  /// Whether a node that reaches nobody keeps the record until it does.
  public var allowsOffline = false

  /// The usual publication.
  public init() {}
}

/// What was published.
public struct PublishedName: Equatable, Sendable {
  /// The key's name in the network.
  public var name: CID
  /// The path that it stands for now.
  public var path: String

  /// Pairs a name with a path.
  public init(name: CID, path: String) {
    self.name = name
    self.path = path
  }
}
