package import Cryptography
package import Primitives

/// What a message of the wire is inside the router: shared bytes and the id it has there.
package struct GossipWirePayload: Sendable {
  /// The message.
  package let message: GossipsubWireMessage
  /// Its id on the wire.
  package let wireID: Bytes
}

/// What the session asks of the book of peers.
package protocol GossipPeerRecords: PeerDirectory {
  /// A peer's own signed record (an envelope with a peer record), if it gave us one.
  func signedRecord(of peer: PeerHandle) -> Bytes?
}

/// What happens to a session.
package enum GossipsubSessionEvent: Sendable {
  /// A peer speaks a version of the protocol.
  case connected(PeerHandle, PeerID, weDialled: Bool, version: GossipsubVersion)
  /// A peer has gone.
  case disconnected(PeerHandle)
  /// A peer sent an RPC, without its length.
  case received(Bytes, from: PeerHandle)
  /// We listen to a topic of a kind of the configuration.
  case join(String, kind: UInt8)
  /// We no longer do.
  case leave(String)
  /// We say something: signed if the topic was joined as a kind that signs.
  case publish(String, data: Bytes)
  /// We say something on a topic we have not joined.
  case publishElsewhere(String, data: Bytes, signing: GossipSigning)
  /// The answer to `.validate`, with the message that was judged: by now another copy may stand
  /// under its id, of which the verdict says nothing.
  case validated(GossipMessageID, GossipVerdict, of: GossipsubWireMessage)
  /// Part P5.
  case reputation(PeerHandle, Float)
  /// A direct peer.
  case direct(PeerHandle, Bool)
  /// Time has come to `nextWake`.
  case tick
}

/// What a session wants done.
package enum GossipsubSessionEffect: Equatable, Sendable {
  /// Send a peer an RPC; the driver puts its length in front.
  case send(PeerHandle, Bytes)
  /// Judge a message and answer by `.validated`. Where `checkSignature` holds, a message that
  /// `GossipSignature.verify` refuses is `.forged`; unless `asksApplication` holds, what is not is
  /// `.accept`.
  case validate(
    GossipMessageID, GossipsubWireMessage, from: PeerHandle, checkSignature: Bool,
    asksApplication: Bool)
  /// A valid message of a topic we joined.
  case deliver(GossipsubWireMessage, from: PeerHandle)
  /// Check the signed records of these peers and dial them.
  case dial([GossipsubRPC.PeerInfo], namedBy: PeerHandle)
  /// Keep a direct peer connected.
  case connect(PeerHandle)
  /// The mesh of a topic stays thin: look for other peers of the network that listen to it.
  case wantsPeers(String, missing: Int)
  /// An RPC could not be read: reset the stream.
  case malformed(PeerHandle, PeeringError)
  /// Something was not done.
  case refused(PeerHandle?, GossipRefusal)
}

/// A router that speaks bytes: names of topics, ids and signatures of the wire on one side, the
/// machine's handles on the other.
package struct GossipsubSession: Sendable {
  /// The router below a session.
  package typealias Machine = GossipsubMachine<GossipWirePayload>

  /// The router.
  package private(set) var machine: Machine
  let identity: SigningKey
  private let ownID: Bytes
  private var sequence: UInt64
  var names = GossipTopicNames()
  var peerIDs: [PeerHandle: PeerID] = [:]
  private var handles: [PeerID: PeerHandle] = [:]

  /// A session without peers. `firstSequence` must be above all that this identity used before: go
  /// and we take the wall clock in nanoseconds.
  package init(
    configuration: GossipsubConfiguration, identity: SigningKey, firstSequence: UInt64,
    now: Tick, random: inout SplitMix64
  ) {
    machine = Machine(configuration: configuration, now: now, random: &random)
    self.identity = identity
    ownID = identity.publicKey.peerID.bytes
    sequence = firstSequence
  }

  /// When `.tick` must come.
  package var nextWake: Tick { machine.nextWake }

  /// Takes an event and appends what is to be done.
  package mutating func handle(
    _ event: GossipsubSessionEvent, now: Tick, random: inout SplitMix64,
    directory: some GossipPeerRecords, effects: inout [GossipsubSessionEffect]
  ) {
    var turn = Turn(now: now)
    take(event, turn: &turn, random: &random, directory: directory, effects: &effects)
    translate(turn, directory: directory, effects: &effects)
    if case .tick = event {
      let router = machine
      names.keep { router.knows($0) }
    }
  }

  /// What one event collects on its way through the machine.
  struct Turn {
    let now: Tick
    var output: Machine.Effects = []
    /// Ids of the wire that may be asked for.
    var wireIDs: [GossipMessageID: Bytes] = [:]
  }

  mutating func step(
    _ event: GossipsubEvent<GossipWirePayload>, turn: inout Turn, random: inout SplitMix64,
    directory: some PeerDirectory
  ) {
    machine.handle(
      event, now: turn.now, random: &random, directory: directory, effects: &turn.output)
  }

  private mutating func take(
    _ event: GossipsubSessionEvent, turn: inout Turn, random: inout SplitMix64,
    directory: some GossipPeerRecords, effects: inout [GossipsubSessionEffect]
  ) {
    switch event {
    case .connected(let peer, let id, let weDialled, let version):
      peerIDs[peer] = id
      handles[id] = peer
      step(
        .connected(peer, weDialled: weDialled, version: version), turn: &turn, random: &random,
        directory: directory)
    case .disconnected(let peer):
      if let id = peerIDs.removeValue(forKey: peer) { handles[id] = nil }
      step(.disconnected(peer), turn: &turn, random: &random, directory: directory)
    case .received(let bytes, let peer):
      receive(bytes, from: peer, turn: &turn, random: &random, directory, effects: &effects)
    case .join(let name, let kind):
      guard let topic = enter(name, &effects) else { return }
      step(.join(topic, kind: kind), turn: &turn, random: &random, directory: directory)
    case .leave(let name):
      guard let topic = names.topic(name) else { return }
      step(.leave(topic), turn: &turn, random: &random, directory: directory)
    case .publish(let name, let data):
      let signing = names.topic(name).flatMap { machine.joinedKind(of: $0)?.signing }
      publish(name, data, signing ?? .strictSign, &turn, &random, directory, &effects)
    case .publishElsewhere(let name, let data, let signing):
      publish(name, data, signing, &turn, &random, directory, &effects)
    case .validated(let id, let verdict, let judged):
      guard let held = machine.message(id)?.payload, held.message == judged else { return }
      // A forged copy makes the router ask for it again, when its record is gone.
      turn.wireIDs[id] = held.wireID
      step(.validated(id, verdict), turn: &turn, random: &random, directory: directory)
    case .reputation(let peer, let value):
      step(.reputation(peer, value), turn: &turn, random: &random, directory: directory)
    case .direct(let peer, let isDirect):
      step(.direct(peer, isDirect), turn: &turn, random: &random, directory: directory)
    case .tick: step(.tick, turn: &turn, random: &random, directory: directory)
    }
  }

  private mutating func enter(
    _ name: String, _ effects: inout [GossipsubSessionEffect]
  ) -> GossipTopic? {
    guard (1...GossipsubLimits.topicBytesMax).contains(name.utf8.count) else {
      effects.append(.refused(nil, .topicNameTooLong))
      return nil
    }
    let topic = names.enter(name)
    if topic == nil { effects.append(.refused(nil, .tooManyTopics)) }
    return topic
  }

  private mutating func publish(
    _ name: String, _ data: Bytes, _ signing: GossipSigning, _ turn: inout Turn,
    _ random: inout SplitMix64, _ directory: some GossipPeerRecords,
    _ effects: inout [GossipsubSessionEffect]
  ) {
    guard data.count <= GossipsubLimits.publishedBytesMax else {
      effects.append(.refused(nil, .messageTooLong))
      return
    }
    guard let topic = enter(name, &effects) else { return }
    var message = GossipsubWireMessage(topic: name, data: data)
    if signing == .strictSign {
      message = GossipSignature.signed(
        topic: name, data: data, sequence: sequence, by: identity)
      sequence += 1
    }
    guard let wireID = GossipSignature.wireID(of: message, signing: signing) else {
      preconditionFailure("our own message keeps the rules")
    }
    let event = GossipMessage(
      id: GossipMessageID(wire: wireID), topic: topic, byteCount: UInt32(data.count),
      payload: GossipWirePayload(message: message, wireID: wireID))
    step(.publish(event), turn: &turn, random: &random, directory: directory)
  }

  /// Whether a peer id is our own.
  func isOwn(_ author: Bytes?) -> Bool { author == ownID }

  /// The connected peer with this id.
  func handle(of author: Bytes?) -> PeerHandle? {
    guard let author, let id = try? PeerID(bytes: author) else { return nil }
    return handles[id]
  }
}
