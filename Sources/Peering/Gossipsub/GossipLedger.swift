import Primitives

/// What gossip leaves open: promises to deliver, questions asked, copies not wanted.
struct GossipLedger: Sendable {
  /// A peer advertised a message and was asked for it.
  private struct Promise: Sendable {
    let id: GossipMessageID
    let peer: PeerHandle
    let due: Tick
  }

  /// A message that was asked for.
  private struct Request: Sendable {
    /// Peers that were asked since `began`.
    var count: UInt8 = 0
    var began: Tick
    /// Until when those that were asked last may still answer.
    var expires: Tick
    /// They are not asked again meanwhile: who advertises and does not send keeps nobody else out.
    var last = [3 of PeerHandle?](repeating: nil)

    func asked(_ peer: PeerHandle) -> Bool {
      last.indices.contains { last[$0] == peer }
    }
  }

  private struct Unwanted: Hashable, Sendable {
    let id: GossipMessageID
    let peer: PeerHandle
  }

  private var promises = GossipQueue<Promise>()
  private var requests: [GossipMessageID: Request] = [:]
  private var unwanted: Set<Unwanted> = []
  private var unwantedOrder = GossipQueue<(entry: Unwanted, until: UInt32)>()

  var promiseCount: Int { promises.count }
  var requestCount: Int { requests.count }
  var unwantedCount: Int { unwanted.count }

  // MARK: Promises

  /// Watches whether `peer` delivers.
  mutating func promise(_ id: GossipMessageID, by peer: PeerHandle, due: Tick) {
    guard promises.count < GossipsubLimits.promisesMax else { return }
    promises.append(Promise(id: id, peer: peer, due: due))
  }

  /// The next peer whose promise is due and whose message nobody delivered.
  mutating func nextBroken(at now: Tick, isKept: (GossipMessageID) -> Bool) -> PeerHandle? {
    while let promise = promises.first, promise.due <= now {
      _ = promises.popFirst()
      if !isKept(promise.id) { return promise.peer }
    }
    return nil
  }

  // MARK: Requests

  /// Whether a peer may be asked for a message: not while enough others were asked just now.
  func mayAsk(
    _ peer: PeerHandle, for id: GossipMessageID, patience: Duration, now: Tick
  ) -> Bool {
    guard let request = requests[id], now < request.expires else {
      return requests.count < GossipsubLimits.requestedMax || requests[id] != nil
    }
    guard !request.asked(peer) else { return false }
    return request.count < GossipsubLimits.requestsPerMessageMax
      || patience <= now.duration(since: request.began)
  }

  /// Notes that a peer was asked for a message, and may answer until `due`.
  mutating func ask(
    _ peer: PeerHandle, for id: GossipMessageID, patience: Duration, due: Tick, now: Tick
  ) {
    var request = requests[id] ?? Request(began: now, expires: due)
    if request.expires <= now { request = Request(began: now, expires: due) }
    if patience <= now.duration(since: request.began) { (request.count, request.began) = (0, now) }
    request.last[Int(request.count) % request.last.count] = peer
    request.count &+= 1
    request.expires = due
    requests[id] = request
  }

  /// A message came.
  mutating func settle(_ id: GossipMessageID) {
    if !requests.isEmpty { requests[id] = nil }
  }

  // MARK: IDONTWANT

  /// Notes that `peer` needs no copy before the heartbeat `until`; false if that is known or full.
  mutating func refuse(_ id: GossipMessageID, by peer: PeerHandle, until: UInt32) -> Bool {
    guard unwanted.count < GossipsubLimits.unwantedMax else { return false }
    let entry = Unwanted(id: id, peer: peer)
    guard unwanted.insert(entry).inserted else { return false }
    unwantedOrder.append((entry, until))
    return true
  }

  /// Whether `peer` needs no copy.
  func isUnwanted(_ id: GossipMessageID, by peer: PeerHandle) -> Bool {
    !unwanted.isEmpty && unwanted.contains(Unwanted(id: id, peer: peer))
  }

  /// The peer of an IDONTWANT that has run out; call until nil.
  mutating func nextExpired(at heartbeat: UInt32) -> PeerHandle? {
    guard let first = unwantedOrder.first, first.until <= heartbeat else { return nil }
    _ = unwantedOrder.popFirst()
    unwanted.remove(first.entry)
    return first.entry.peer
  }

  /// Drops what is over.
  mutating func sweep(now: Tick) {
    if !requests.isEmpty { requests = requests.filter { $0.value.expires > now } }
    if unwanted.isEmpty { unwanted = [] }
  }
}
