package import Primitives

/// What stands behind an identity that would serve; decided by the shell from chain state and the
/// id itself, never by the peer's word.
package enum KademliaAdmission: UInt8, Sendable {
  /// Nothing: such an id costs 50 µs to make.
  case none = 0
  /// The id solves the static puzzle (S/Kademlia §4.1).
  case puzzle = 1
  /// The id has a stake on the chain.
  case staked = 2
}

/// How one Kademlia network differs from another.
package struct KademliaSettings: Equatable, Sendable {
  /// Whether this node answers and may stand in others' tables; a client must not name the
  /// protocol in identify.
  package var serves: Bool
  /// Whether ids without stake or puzzle are kept out of the table and out of lookups' results.
  package var requiresAdmission: Bool
  /// Whether bare points may be sent: true under `/martlet/kad/1.0.0`. Regions need it.
  package var sendsPoints: Bool
  /// Paths of a read that share no peer.
  package var disjointPaths: Int
  /// Whether stores and reads cover a region of the key space rather than the closest k.
  package var usesRegions: Bool

  /// Our own network.
  package static let martlet = KademliaSettings(
    serves: true, requiresAdmission: true, sendsPoints: true,
    disjointPaths: KademliaLimits.disjointPaths, usesRegions: true)
  /// The network of IPFS, by its own rules.
  package static let ipfs = KademliaSettings(
    serves: true, requiresAdmission: false, sendsPoints: false,
    disjointPaths: KademliaLimits.disjointPaths, usesRegions: false)
}

/// What a node wants of the network.
package enum KademliaOperation: Equatable, Sendable {
  /// The k closest peers.
  case findNode(KademliaKey)
  /// Who provides a key; ends early with `wanted` of them.
  case findProviders(KademliaKey, wanted: Int)
  /// Tell the key's region that this node provides it, now and every 22 hours.
  case provide(KademliaKey)
  /// The best valid value of a key.
  case getValue(KademliaKey)
  /// Store a value in the key's region.
  case putValue(KademliaRecord)
  /// Find our own neighbourhood, then fill the buckets before it.
  case bootstrap
}

/// What happens to a Kademlia node.
package enum KademliaEvent: Sendable {
  /// Maintenance begins: bootstrap now, refresh and republish from then on.
  case begin(anchors: [PeerHandle])
  /// identify has shown that a connected peer speaks this network's protocol. Nothing else puts a
  /// peer into the table.
  case identified(PeerHandle, admission: KademliaAdmission)
  /// identify has shown that a peer no longer speaks it, or the deny list has it now.
  case withdrawn(PeerHandle)
  /// A peer asks; `call` is the shell's number for the stream to answer on.
  case request(KademliaRequest, from: PeerHandle, admission: KademliaAdmission, call: UInt32)
  /// The answer to our request; an empty one after the bytes of an ADD_PROVIDER were written.
  case response(KademliaResponse, call: UInt32, admission: KademliaAdmission)
  /// Our request could not be sent or answered: no dial, no such protocol, stream reset.
  case failed(call: UInt32)
  /// The shell wants something; `id` is its own number.
  case start(KademliaOperation, id: UInt32)
  /// The shell no longer wants it.
  case cancel(id: UInt32)
  /// A key is no longer provided by this node.
  case stopProviding(DistanceKey)
  /// The moment that `wake` named has come.
  case tick
}

/// What a Kademlia node wants done.
package enum KademliaEffect: Equatable, Sendable {
  /// Dial if need be, wait for identify, send; report `response` or `failed` with `call`.
  case send(KademliaRequest, to: PeerHandle, call: UInt32)
  /// Nobody waits for this request any more; its stream may be reset.
  case abandon(call: UInt32)
  /// Answer a peer's request.
  case reply(KademliaResponse, to: PeerHandle, call: UInt32)
  /// Do not answer; reset the stream. The peer's score may suffer for `isMisconduct`.
  case refuse(KademliaRefusal, to: PeerHandle, call: UInt32)
  /// Providers that a read has found so far, each named once.
  case found([PeerHandle], id: UInt32)
  /// An operation is over.
  case finished(KademliaOutcome, id: UInt32)
  /// A peer entered the table.
  case inserted(PeerHandle)
  /// A peer left the table.
  case removed(PeerHandle)
  /// Worth keeping over a restart, best first.
  case anchors([PeerHandle])
  /// Send `tick` at this moment; an earlier one replaces a later one.
  case wake(at: Tick)
}

/// Why a request was not answered.
package enum KademliaRefusal: Error, Equatable, Sendable {
  /// This node is a client.
  case notServing
  /// The provider named is not the sender.
  case providerIsNotSender
  /// The sender has this many records here already.
  case tooManyRecordsOfPeer(limit: Int)
  /// The key has this many providers already, all of them fresh.
  case tooManyProvidersOfKey(limit: Int)
  /// A peer without stake or puzzle stores here although the key is far from this node.
  case outsideRegion
  /// This node holds all it can.
  case storeFull(limit: Int)
  /// A key longer than any we know.
  case keyTooLong(bytes: Int, limit: Int)
  /// A value that its key's rules do not allow.
  case invalidRecord(KademliaRecordFault)
  /// A value older than the one held.
  case staleRecord(held: UInt64, offered: UInt64)

  /// Whether an honest peer never causes it.
  package var isMisconduct: Bool {
    switch self {
    case .providerIsNotSender, .keyTooLong, .invalidRecord: true
    case .notServing, .tooManyRecordsOfPeer, .tooManyProvidersOfKey, .outsideRegion, .storeFull,
      .staleRecord:
      false
    }
  }
}

extension KademliaRefusal {
  /// What was wrong and the refusal's name, as a lower-case sentence without a full stop.
  package var sentence: String {
    switch self {
    case .notServing: "this node serves nobody (notServing)"
    case .providerIsNotSender: "it named another provider than itself (providerIsNotSender)"
    case .tooManyRecordsOfPeer(let limit):
      "it has \(limit) records here already (tooManyRecordsOfPeer)"
    case .tooManyProvidersOfKey(let limit):
      "the key has \(limit) providers already (tooManyProvidersOfKey)"
    case .outsideRegion: "the key is far from this node, and it is a stranger (outsideRegion)"
    case .storeFull(let limit): "\(limit) records are kept here already (storeFull)"
    case .keyTooLong(let bytes, let limit):
      "a key of \(bytes) bytes is longer than \(limit) (keyTooLong)"
    case .invalidRecord(let fault): "the record is none: \(fault) (invalidRecord)"
    case .staleRecord(let held, let offered):
      "record \(offered) is older than \(held), which is held (staleRecord)"
    }
  }
}

/// What is wrong with a value record.
package enum KademliaRecordFault: Error, Equatable, Sendable {
  /// No validator knows the key's namespace.
  case unknownNamespace
  /// More bytes than a value may have.
  case tooLong(bytes: Int, limit: Int)
  /// The key that was asked for is not the key of the record.
  case otherKey
  /// A public key that does not hash to the peer id of its name.
  case keyMismatch
  /// Bytes that are no signed record.
  case malformed
  /// The signature is not by the owner in the name.
  case signatureMismatch
}

/// What an operation came to.
package struct KademliaOutcome: Equatable, Sendable {
  /// How it ended.
  package enum Ending: Equatable, Sendable {
    /// As it should.
    case complete
    /// The time or the requests that an operation may use were used up.
    case exhausted
    /// The table is empty: nobody to ask.
    case nobodyToAsk
    /// This many operations are under way already.
    case refused(limit: Int)
    /// The value to store breaks its key's rules.
    case invalidRecord(KademliaRecordFault)
  }

  /// How it ended.
  package var ending: Ending
  /// Peers that answered, closest first: at most k, or the region's.
  package var closest: [PeerHandle] = []
  /// Providers found.
  package var providers: [PeerHandle] = []
  /// The best valid value found.
  package var record: KademliaRecord?
  /// Peers that were told to store.
  package var stored = 0
  /// Requests sent.
  package var requests = 0
  /// Requests that gave up their slot without an answer.
  package var timeouts = 0
  /// Requests in a row that led to the closest peer found; 1 when our own table named it.
  package var hops = 0
  /// From start to end.
  package var elapsed: Duration = .zero

  /// An outcome so far.
  package init(ending: Ending) { self.ending = ending }
}
