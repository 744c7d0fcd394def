/// What a Kademlia node keeps, sends and believes at most, and how long
/// (docs/specs/kademlia.md lists each beside the value of go-libp2p-kad-dht).
package enum KademliaLimits {
  // MARK: Routing

  /// k: peers in a bucket, in an answer and in a lookup's result (libp2p/specs kad-dht, "k").
  package static let bucketPeersMax = 20
  /// Buckets by common prefix length. Nobody grinds an id that shares 63 bits, so the last bucket
  /// takes all deeper ones.
  package static let bucketsMax = 64
  /// Peers of one address group in the table (go-libp2p-kad-dht amino/defaults.go).
  package static let peersOfGroupInTableMax = 3
  /// Peers of one address group in one bucket (go-libp2p-kad-dht amino/defaults.go).
  package static let peersOfGroupInBucketMax = 2
  /// Peers of one address group in one answer; with more, all of that group are dropped.
  package static let peersOfGroupInAnswerMax = 3
  /// Unanswered requests in a row after which a newcomer may take an entry's place.
  package static let failuresUntilReplaceable = 2
  /// Unanswered requests in a row after which an entry leaves: one lost stream is no death.
  package static let failuresMax = 4
  /// The last peers a node knows stay however often they fail: a node that was cut off comes back
  /// through them.
  package static let lastPeersKept = 8
  /// An entry without a useful answer for this long is asked again before it is trusted.
  package static let entryFreshness: Duration = .seconds(60 * 60)
  /// Table peers handed to the shell to be kept over a restart.
  package static let anchorsMax = 16

  // MARK: Lookups

  /// α: requests of one lookup that hold a slot (go-libp2p-kad-dht; the Kademlia paper has 3).
  package static let slotsPerLookup = 10
  /// d: paths of a read that share no peer (Baumgart and Mies, S/Kademlia 2007, §4.4).
  package static let disjointPaths = 3
  /// Candidates a path remembers: k live ones with 60 % of them dead.
  package static let candidatesMax = 64
  /// Peers that one answer named, none of which answers, until the rest is forgotten. An honest
  /// answer in a network with 30 % dead has six dead before one alive once in 1,400.
  package static let referralsLostMax = 6
  /// Requests one lookup may send; at a million nodes with 30 % dead it needs about fifty.
  package static let requestsPerLookupMax = 384
  /// Until answers are measured, a request holds its slot this long.
  package static let slotTimeoutStart: Duration = .seconds(1)
  /// A slot is never given up earlier, so that a group on one network does not ask everyone.
  package static let slotTimeoutMin: Duration = .milliseconds(50)
  /// A lookup never ends earlier without one of the closest: a long terrestrial round trip.
  package static let answerTimeoutMin: Duration = .milliseconds(250)
  /// A slot is never held longer, whatever the measured round trips.
  package static let slotTimeoutMax: Duration = .seconds(3)
  /// Answer timeouts that a lookup with nothing else to do waits for a late answer.
  package static let patienceFactor = 3
  /// After this an unanswered request is given up; until then a late answer counts.
  package static let requestTimeout: Duration = .seconds(10)
  /// A whole operation ends with what it has.
  package static let operationTimeout: Duration = .seconds(60)

  // MARK: Regions

  /// Honest peers expected inside a region: fewer than k of them by chance in 1 % of keys.
  package static let regionPeers = 32
  /// A level of a region has room for this many times the peers it should hold …
  package static let levelSlackFactor = 3
  /// … and for this many more: twenty Sybils beside the key fit without filling it.
  package static let levelSlackPeers = 24
  /// Peers of a region that are stored to or read from: the rooms of all levels, rounded up.
  package static let regionPeersMax = 320
  /// Two size estimates of k peers each differ by less than this factor in practice.
  package static let regionDisagreement: UInt64 = 16
  /// Sub-regions walked one by one so that Sybils beside the key hide nobody: the last holds a
  /// quarter of a peer by expectation.
  package static let regionWalks = 7
  /// Slots of one level's walk; the seven levels together hold few more than two lookups.
  package static let regionWalkSlots = 4
  /// Slots while a region is stored to or read.
  package static let contactSlots = 20
  /// Peers that must answer a region's walk: each names the k closest it knows.
  package static let regionWalkPeers = 6
  /// Lookups whose density the size estimate remembers.
  package static let sizeSamplesMax = 8

  /// From this many lookups on their median is trusted over the table's own density.
  package static let sizeSamplesTrusted = 3

  // MARK: Server

  /// A provider record counts this long (libp2p/specs kad-dht, "Content provider advertisement").
  package static let providerValidity: Duration = .seconds(48 * 60 * 60)
  /// A provider says so again after this long (same section).
  package static let republishInterval: Duration = .seconds(22 * 60 * 60)
  /// Providers kept of one key; a popular key needs no more to be found.
  package static let providersOfKeyMax = 64
  /// Providers in one answer.
  package static let providersInAnswerMax = 20
  /// Provider records kept in all: about 6 MiB.
  package static let providerRecordsMax = 100_000
  /// Records that one admitted peer may place here.
  package static let providerRecordsOfPeerMax = 4_096
  /// Records that one peer without stake or puzzle may place here.
  package static let providerRecordsOfStrangerMax = 64
  /// Records of all peers without stake or puzzle together: half, so that ids which cost nothing
  /// cannot crowd out the others.
  package static let providerRecordsOfStrangersMax = providerRecordsMax / 2
  /// Records forgotten by one event, so that none takes long.
  package static let recordsExpiredAtOnce = 256
  /// A value record counts this long (go-libp2p-kad-dht: 48 h).
  package static let valueValidity: Duration = .seconds(48 * 60 * 60)
  /// Bytes of one value: a signed record or an RSA key stays far below.
  package static let valueBytesMax = 8 * 1_024
  /// Values kept in all: 32 MiB at most.
  package static let valuesMax = 4_096
  /// Values that one peer may place here.
  package static let valuesOfPeerMax = 128
  /// Bytes of a key: a name before a peer id, or a multihash.
  package static let keyBytesMax = 256

  // MARK: Client

  /// Operations under way; more are refused.
  package static let operationsMax = 256
  /// Requests under way over all operations.
  package static let requestsMax = 4_096
  /// Keys this node says it provides.
  package static let providedKeysMax = 65_536
  /// Providers one read gives back.
  package static let providersFoundMax = 256
  /// Buckets are refreshed and stale entries asked this often (go-libp2p-kad-dht: 10 min).
  package static let refreshInterval: Duration = .seconds(10 * 60)
  /// Buckets refreshed by one round; deeper ones are filled by the lookup of our own key.
  package static let refreshedBucketsMax = 16

  /// Operations of maintenance under way, so that it never crowds out the user's.
  package static let maintenanceOperationsMax = 4
  /// Stale entries asked in one round.
  package static let checksPerRound = 32
  /// Random keys drawn to hit a bucket where bare points cannot be sent: enough for the first six.
  package static let refreshKeyDraws = 128

  // MARK: Wire

  /// Bytes of one message (go-libp2p-kad-dht: 4 MiB; k peers with all addresses need 64 KiB).
  package static let messageBytesMax = 256 * 1_024
  /// Peers read of one message; the rest is dropped.
  package static let peersInMessageMax = 64
  /// Addresses read of one peer; the rest is dropped.
  package static let addressesOfPeerMax = 16
  /// Bytes of one address: relayed ones with two identities stay below.
  package static let addressBytesMax = 512
}
