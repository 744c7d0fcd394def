package import Primitives

/// Client and server of one Kademlia network (libp2p/specs kad-dht; differences:
/// docs/specs/kademlia.md). One event in, effects out; peers are handles, so that the same machine
/// runs a million times in a simulation and once over real streams.
package struct KademliaMachine: Sendable {
  /// The protocol of our own network.
  package static let martletProtocolID = "/martlet/kad/1.0.0"
  /// The protocol of IPFS, spoken only for the IPFS feature.
  package static let ipfsProtocolID = "/ipfs/kad/1.0.0"

  /// The rules of this network.
  package var settings: KademliaSettings
  /// This node.
  package let local: PeerHandle
  /// This node's id and point.
  package let key: KademliaKey
  /// Who this node knows.
  package var table: RoutingTable
  /// Provider records kept for others.
  package internal(set) var providerStore = ProviderStore()
  /// Values kept for others.
  package internal(set) var valueStore = ValueStore()
  /// How many peers the network seems to have.
  package internal(set) var size = NetworkSize()
  /// Round trips of all requests.
  package internal(set) var roundTrips = RoundTripEstimate()

  var operations: [RunningOperation] = []
  var calls: [Call] = []
  var nextCall: UInt32 = 0
  var nextSerial: UInt32 = 0
  var provided = ProvidedKeys()
  var maintenance: Maintenance?
  /// Buckets still to be refreshed, the next one last.
  var bucketsDue: [UInt8] = []
  var wakeAt: Tick?

  /// A node that knows nobody yet. `key` is its peer id; a simulation without ids gives a point.
  package init(local: PeerHandle, key: KademliaKey, settings: KademliaSettings) {
    self.settings = settings
    self.local = local
    self.key = key
    table = RoutingTable(local: local, key: key.point)
  }

  /// The network's size as far as this node can tell.
  package func networkPeers(directory: some PeerDirectory) -> Double {
    size.peers(table: table, directory: directory)
  }

  /// Takes one event and appends what is to be done.
  package mutating func handle(
    _ event: KademliaEvent, now: Tick, random: inout SplitMix64,
    directory: some PeerDirectory, effects: inout [KademliaEffect]
  ) {
    switch event {
    case .begin(let anchors):
      begin(anchors: anchors, now: now, directory: directory, effects: &effects)
    case .identified(let peer, let admission):
      identified(peer, admission: admission, now: now, directory: directory, effects: &effects)
    case .withdrawn(let peer):
      if table.remove(peer, directory: directory) { effects.append(.removed(peer)) }
    case .request(let request, let peer, let admission, let call):
      serve(
        request, from: peer, admission: admission, call: call, now: now, directory: directory,
        effects: &effects)
      return
    case .response(let response, let call, let admission):
      answered(
        response, call: call, admission: admission, now: now, directory: directory,
        effects: &effects)
    case .failed(let call):
      failed(call: call, now: now, directory: directory, effects: &effects)
    case .start(let operation, let id):
      start(operation, id: id, now: now, directory: directory, effects: &effects)
    case .cancel(let id):
      operations.removeAll { $0.id == id }
    case .stopProviding(let point):
      provided.remove(point)
    case .tick:
      tick(now: now, directory: directory, effects: &effects)
    }
    maintain(now: now, random: &random, directory: directory, effects: &effects)
    requestWake(now: now, effects: &effects)
  }

  private mutating func tick(
    now: Tick, directory: some PeerDirectory, effects: inout [KademliaEffect]
  ) {
    if let due = wakeAt, due <= now { wakeAt = nil }
    expireCalls(now: now, directory: directory, effects: &effects)
    for serial in operations.map(\.serial) {
      expire(serial: serial, now: now, directory: directory, effects: &effects)
    }
  }

  /// Asks for the earliest moment at which anything is due, unless one as early is coming.
  private mutating func requestWake(now: Tick, effects: inout [KademliaEffect]) {
    var next: Tick?
    func consider(_ moment: Tick?) {
      if let moment { next = min(next ?? moment, moment) }
    }
    consider(maintenance?.nextRound)
    consider(provided.nextDue)
    consider(calls.first?.sentAt.advanced(by: KademliaLimits.requestTimeout))
    for operation in operations {
      consider(operation.nextTimeout)
      consider(operation.startedAt.advanced(by: KademliaLimits.operationTimeout))
    }
    guard let next else { return }
    if let wakeAt, wakeAt <= next { return }
    wakeAt = next
    effects.append(.wake(at: max(now, next)))
  }
}

// MARK: - Peers

extension KademliaMachine {
  private mutating func identified(
    _ peer: PeerHandle, admission: KademliaAdmission, now: Tick, directory: some PeerDirectory,
    effects: inout [KademliaEffect]
  ) {
    if settings.requiresAdmission, admission == .none { return }
    let wasEmpty = table.count == 0
    switch table.insert(peer, admission: admission, directory: directory) {
    case .inserted:
      effects.append(.inserted(peer))
    case .replaced(let old):
      effects.append(.removed(old))
      effects.append(.inserted(peer))
    case .known, .refused(.isLocal), .refused(.groupInTable), .refused(.groupInBucket):
      return
    case .refused(.bucketFull):
      checkOldest(besides: peer, now: now, directory: directory, effects: &effects)
      return
    }
    if wasEmpty, maintenance?.knowsNetwork == false {
      startInternal(.bootstrap, now: now, directory: directory, effects: &effects)
    }
  }

  /// A newcomer found no room: the entry of its bucket that has been silent longest must show that
  /// it lives (Kademlia, §2.2). If it does not, the next newcomer takes its place.
  private mutating func checkOldest(
    besides newcomer: PeerHandle, now: Tick, directory: some PeerDirectory,
    effects: inout [KademliaEffect]
  ) {
    let bucket = table.bucket(of: directory.key(of: newcomer))
    let oldest = table.entries(inBucket: bucket).min {
      ($0.answeredAtSeconds, $0.peer) < ($1.answeredAtSeconds, $1.peer)
    }
    guard let oldest, !oldest.isFresh(at: now) else { return }
    check(oldest.peer, now: now, effects: &effects)
  }

  /// Asks an entry for our own neighbours, to see that it lives.
  mutating func check(_ peer: PeerHandle, now: Tick, effects: inout [KademliaEffect]) {
    guard !calls.contains(where: { $0.peer == peer && $0.purpose == .check }) else { return }
    _ = send(.findNode(key), to: peer, purpose: .check, now: now, effects: &effects)
  }
}
