package import Cryptography
package import Primitives

/// What happens to a rendezvous point.
package enum RendezvousServerEvent: Equatable, Sendable {
  /// A peer of this address group sent a message.
  case received(RendezvousMessage, from: PeerID, group: UInt32)
  /// The last connection with a peer is gone; its registrations stay until they expire.
  case disconnected(PeerID)
  /// Time has passed.
  case tick
}

/// What a rendezvous point does.
package enum RendezvousServerEffect: Equatable, Sendable {
  /// Answer the peer.
  case answer(RendezvousMessage)
  /// The message is none that a point takes: give the stream up.
  case refuse
}

/// Keeps who is registered where, and lists them (libp2p/specs rendezvous/README.md).
package struct RendezvousServerMachine: Sendable {
  /// One registration.
  struct Registration: Sendable {
    /// Grows with each registration of all peers.
    let number: UInt64
    let record: Bytes
    /// The same without its signature, for peers that read nothing else; empty where nobody does.
    let unsigned: Bytes
    let isSigned: Bool
    let group: UInt32
    let expires: Tick

    var byteCount: Int { record.count + unsigned.count }
  }

  /// What is known of a peer that is registered.
  struct Holder: Sendable {
    var count = 0
    var signedCount = 0
    /// The sequence number of its newest record.
    var sequence: UInt64 = 0
  }

  /// One namespace.
  struct Namespace: Sendable {
    var count = 0
    var log = RendezvousLog()
  }

  /// What it holds.
  package let limits: RendezvousServerLimits
  let secret: Bytes
  var registrations: [RendezvousKey: Registration] = [:]
  var holders: [PeerID: Holder] = [:]
  var namespaces: [String: Namespace] = [:]
  var groupCounts: [UInt32: Int] = [:]
  var byteCount = 0
  var log = RendezvousLog()
  var nextNumber: UInt64 = 1
  private var minute = (began: Tick.zero, requests: [PeerID: Int]())
  private var sweptAt = Tick.zero

  /// A point where nobody is registered; its cookies are bound to `secret`, 32 random bytes.
  package init(limits: RendezvousServerLimits = RendezvousServerLimits(), secret: Bytes) {
    self.limits = limits
    self.secret = secret
  }

  /// Registrations that are held.
  package var registrationCount: Int { registrations.count }

  /// Lines of all lists behind the pages.
  package var lineCount: Int {
    log.lines.count + namespaces.values.reduce(0) { $0 + $1.log.lines.count }
  }

  /// Bytes of all records that are held.
  package var heldBytes: Int { byteCount }

  /// Takes an event in and says what to do.
  package mutating func handle(
    _ event: RendezvousServerEvent, now: Tick
  ) -> [RendezvousServerEffect] {
    switch event {
    case .received(let message, let peer, let group):
      return receive(message, from: peer, group, now)
    case .disconnected, .tick:
      sweep(now)
      return []
    }
  }

  private mutating func receive(
    _ message: RendezvousMessage, from peer: PeerID, _ group: UInt32, _ now: Tick
  ) -> [RendezvousServerEffect] {
    let isAllowed = counts(peer, now)
    switch message {
    case .register(let entry):
      guard isAllowed else { return [.answer(.registerResponse(.unavailable, seconds: 0))] }
      return [.answer(register(entry, peer, group, now))]
    case .unregister(let namespace, _):
      if isAllowed { remove(RendezvousKey(namespace: namespace, peer: peer)) }
      return []
    case .discover(let namespace, let limit, let cookie):
      guard isAllowed else {
        return [.answer(.discoverResponse(.unavailable, entries: [], cookie: []))]
      }
      return [.answer(discover(namespace, limit, cookie, for: peer, now))]
    case .registerResponse, .discoverResponse:
      return [.refuse]
    }
  }

  /// Counts a message of a peer; false when it sent enough for this minute.
  private mutating func counts(_ peer: PeerID, _ now: Tick) -> Bool {
    if now.duration(since: minute.began) >= .seconds(60) { minute = (now, [:]) }
    let count = minute.requests[peer] ?? 0
    // Ever new peers are bounded by the connections that they come over; beyond, nobody is served.
    guard count < limits.requestsPerMinuteMax,
      count > 0 || minute.requests.count < limits.registrationsMax
    else { return false }
    minute.requests[peer] = count + 1
    return true
  }

  // MARK: Expiry

  /// Ends what has expired.
  mutating func sweep(_ now: Tick) {
    sweptAt = now
    for (key, registration) in registrations where registration.expires <= now { remove(key) }
  }

  /// Makes room, where a second has passed since it was last tried.
  mutating func sweepIfFull(_ isFull: Bool, _ now: Tick) {
    if isFull, now.duration(since: sweptAt) >= .seconds(1) { sweep(now) }
  }

  mutating func remove(_ key: RendezvousKey) {
    guard let gone = registrations.removeValue(forKey: key) else { return }
    byteCount -= gone.byteCount
    groupCounts[gone.group] = groupCounts[gone.group].flatMap { $0 > 1 ? $0 - 1 : nil }
    if var holder = holders[key.peer] {
      holder.count -= 1
      holder.signedCount -= gone.isSigned ? 1 : 0
      holders[key.peer] = holder.count > 0 ? holder : nil
    }
    if var namespace = namespaces.removeValue(forKey: key.namespace) {
      namespace.count -= 1
      if namespace.count > 0 {
        namespace.log.clear(standing: namespace.count, stands)
        namespaces[key.namespace] = namespace
      }
    }
    log.clear(standing: registrations.count, stands)
  }

  func stands(_ line: RendezvousLog.Line) -> Bool {
    registrations[line.key]?.number == line.number
  }
}
