import Cryptography
import Primitives
import Testing

@testable import Peering

/// Routers that talk in bytes, over links that lose nothing and take no time.
private struct SessionNet {
  struct Book: GossipPeerRecords {
    var hasRecords = true

    func key(of peer: PeerHandle) -> DistanceKey {
      DistanceKey(words: (UInt64(peer.index), 0, 0, 0))
    }

    func addressGroup(of peer: PeerHandle) -> UInt32 { 0 }

    func signedRecord(of peer: PeerHandle) -> Bytes? {
      hasRecords ? [0xEE, UInt8(peer.index)] : nil
    }
  }

  var sessions: [GossipsubSession] = []
  var keys: [SigningKey] = []
  var now = Tick.zero
  var random = SplitMix64(seed: 5)
  var book = Book()
  /// What is neither sent nor validated.
  var seen: [[GossipsubSessionEffect]] = []
  var sentBytes: [Bytes] = []
  /// Judges messages; without a judge the verdict is left to the test.
  var judge: (@Sendable (GossipsubWireMessage) -> GossipVerdict)? = { message in
    GossipSignature.verify(message) ? .accept : .forged
  }

  init(_ count: Int, kinds: [GossipTopicKind] = [.init()]) throws {
    let configuration = try GossipsubConfiguration(kinds: kinds)
    for index in 0..<count {
      let key = try SigningKey(seed: Bytes(repeating: UInt8(index + 1), count: 32))
      keys.append(key)
      sessions.append(
        GossipsubSession(
          configuration: configuration, identity: key, firstSequence: 100, now: now,
          random: &random))
    }
    seen = Array(repeating: [], count: count)
  }

  mutating func handle(_ event: GossipsubSessionEvent, at node: Int) {
    var queue = [(node, event)]
    while !queue.isEmpty {
      let (place, event) = queue.removeFirst()
      var effects: [GossipsubSessionEffect] = []
      sessions[place].handle(
        event, now: now, random: &random, directory: book, effects: &effects)
      for effect in effects {
        switch effect {
        case .send(let peer, let bytes):
          sentBytes.append(bytes)
          queue.append((Int(peer.index), .received(bytes, from: PeerHandle(UInt32(place)))))
        case .validate(let id, let message, _, _, _):
          if let judge { queue.append((place, .validated(id, judge(message), of: message))) }
          seen[place].append(effect)
        default: seen[place].append(effect)
        }
      }
    }
  }

  mutating func connectAll() {
    for left in sessions.indices {
      for right in sessions.indices where left != right {
        let event = GossipsubSessionEvent.connected(
          PeerHandle(UInt32(right)), keys[right].publicKey.peerID, weDialled: left < right,
          version: .v12)
        var effects: [GossipsubSessionEffect] = []
        sessions[left].handle(
          event, now: now, random: &random, directory: book, effects: &effects)
      }
    }
  }

  mutating func beat() {
    now = now.advanced(by: .seconds(1))
    for index in sessions.indices { handle(.tick, at: index) }
  }

  func delivered(at node: Int) -> [Bytes] {
    seen[node].compactMap {
      if case .deliver(let message, _) = $0 { message.data } else { nil }
    }
  }

  func score(of peer: UInt32, at node: Int) -> Double {
    sessions[node].machine.score(of: PeerHandle(peer), now: now)
  }
}

extension GossipsubSessionEffect {
  fileprivate var isCheckOfSignatureAlone: Bool {
    if case .validate(_, _, _, true, false) = self { true } else { false }
  }
}

@Suite("gossipsub: sessions over bytes")
struct GossipsubSessionTests {
  @Test("a signed message reaches every listener once")
  func delivery() throws {
    var net = try SessionNet(8)
    net.connectAll()
    for node in 0..<8 { net.handle(.join("blocks", kind: 0), at: node) }
    net.handle(.publish("blocks", data: [1, 2, 3]), at: 0)
    for node in 1..<8 { #expect(net.delivered(at: node) == [[1, 2, 3]]) }
    #expect(net.delivered(at: 0).isEmpty)
  }

  @Test("unsigned messages with content ids reach every listener, the same words only once")
  func contentIDs() throws {
    var net = try SessionNet(4, kinds: [.init(signing: .strictNoSign, validates: false)])
    net.connectAll()
    for node in 0..<4 { net.handle(.join("blocks", kind: 0), at: node) }
    net.handle(.publish("blocks", data: [7]), at: 0)
    net.handle(.publish("blocks", data: [7]), at: 3)
    for node in 1..<4 { #expect(net.delivered(at: node) == [[7]]) }
    #expect(net.seen[3].contains(.refused(nil, .publishedBefore)))
  }

  @Test("a message that a listener missed comes by IHAVE and IWANT")
  func gossip() throws {
    var net = try SessionNet(2)
    net.connectAll()
    for node in 0..<2 { net.handle(.join("t", kind: 0), at: node) }
    // Node 1 leaves, misses a message, and is back before either side may GRAFT again.
    net.handle(.leave("t"), at: 1)
    net.handle(.publish("t", data: [1]), at: 0)
    net.handle(.join("t", kind: 0), at: 1)
    #expect(net.delivered(at: 1).isEmpty)
    net.sentBytes = []
    for _ in 0..<2 { net.beat() }
    let sent = try net.sentBytes.map { try GossipsubRPC(decoding: $0) }
    #expect(sent.flatMap(\.ihaves).first?.ids.count == 1)
    #expect(sent.flatMap(\.iwants).count == 1)
    #expect(net.delivered(at: 1) == [[1]])
    #expect(net.sessions[1].machine.mesh(of: GossipTopic(0)).isEmpty)
  }

  @Test("an IHAVE of unseen ids is answered with an IWANT of the same ids on the wire")
  func wireIDs() throws {
    var net = try SessionNet(2)
    net.connectAll()
    net.handle(.join("t", kind: 0), at: 0)
    var rpc = GossipsubRPC()
    rpc.subscriptions = [.init(subscribes: true, topic: "t")]
    rpc.ihaves = [.init(topic: "t", ids: [[1, 2, 3]])]
    net.sentBytes = []
    net.handle(.received(rpc.encoded(), from: PeerHandle(1)), at: 0)
    let answers = try net.sentBytes.map { try GossipsubRPC(decoding: $0) }
    #expect(answers.flatMap(\.iwants) == [[1, 2, 3]])
  }

  @Test("an IWANT is answered with the signed message as its author made it")
  func answering() throws {
    var net = try SessionNet(2)
    net.connectAll()
    net.handle(.join("t", kind: 0), at: 0)
    net.handle(.publish("t", data: [4]), at: 0)
    let id = net.keys[0].publicKey.peerID.bytes + [0, 0, 0, 0, 0, 0, 0, 100]
    var rpc = GossipsubRPC()
    rpc.iwants = [id]
    net.sentBytes = []
    net.handle(.received(rpc.encoded(), from: PeerHandle(1)), at: 0)
    let messages = try net.sentBytes.flatMap { try GossipsubRPC(decoding: $0).messages }
    #expect(messages.count == 1)
    #expect(messages.allSatisfy { GossipSignature.verify($0) })
  }

  @Test("a message that breaks its topic's signing rules is dropped and costs its sender")
  func signingRules() throws {
    var net = try SessionNet(2, kinds: [.init(), .init(signing: .strictNoSign)])
    net.connectAll()
    net.handle(.join("signed", kind: 0), at: 0)
    net.handle(.join("plain", kind: 1), at: 0)
    var rpc = GossipsubRPC()
    rpc.messages = [GossipsubWireMessage(topic: "signed", data: [1])]
    net.handle(.received(rpc.encoded(), from: PeerHandle(1)), at: 0)
    #expect(net.score(of: 1, at: 0) == -20)
    rpc.messages = [
      GossipSignature.signed(topic: "plain", data: [1], sequence: 1, by: net.keys[1])
    ]
    net.handle(.received(rpc.encoded(), from: PeerHandle(1)), at: 0)
    #expect(net.score(of: 1, at: 0) == -40)
    rpc.messages = [
      GossipSignature.signed(
        topic: "signed", data: Bytes(repeating: 0, count: 256 * 1_024 + 1), sequence: 2,
        by: net.keys[1])
    ]
    net.handle(.received(rpc.encoded(), from: PeerHandle(1)), at: 0)
    #expect(net.score(of: 1, at: 0) == -100)
    #expect(net.delivered(at: 0).isEmpty)
  }

  /// Peer 1 has told node 0 a forgery of peer 3's message, and no verdict has come yet.
  private func heldForgery() throws -> (SessionNet, honest: GossipsubWireMessage) {
    var net = try SessionNet(4)
    net.connectAll()
    net.handle(.join("t", kind: 0), at: 0)
    let honest = GossipSignature.signed(topic: "t", data: [1], sequence: 9, by: net.keys[3])
    var forged = honest
    forged.data = [2]
    net.judge = nil
    var rpc = GossipsubRPC()
    rpc.messages = [forged]
    net.handle(.received(rpc.encoded(), from: PeerHandle(1)), at: 0)
    return (net, honest)
  }

  @Test("a forged signature cannot keep the true message out")
  func poisoning() throws {
    let (made, honest) = try heldForgery()
    var net = made
    var rpc = GossipsubRPC()
    rpc.messages = [honest]
    net.handle(.received(rpc.encoded(), from: PeerHandle(2)), at: 0)
    guard case .validate(let id, let held, _, true, true) = net.seen[0].last else {
      Issue.record("nothing to validate")
      return
    }
    #expect(!GossipSignature.verify(held))
    net.sentBytes = []
    net.handle(.validated(id, .forged, of: held), at: 0)
    let asked = try net.sentBytes.map { try GossipsubRPC(decoding: $0) }
    #expect(asked.flatMap(\.iwants) == [honest.author.map { $0 + (honest.sequence ?? []) }])
    net.judge = { GossipSignature.verify($0) ? .accept : .forged }
    net.handle(.received(rpc.encoded(), from: PeerHandle(2)), at: 0)
    #expect(net.delivered(at: 0) == [[1]])
    #expect(net.score(of: 1, at: 0) < 0)
    #expect(net.score(of: 2, at: 0) > 0)
  }

  @Test("a verdict says nothing of another copy that stands under the same id by now")
  func lateVerdict() throws {
    let (made, honest) = try heldForgery()
    var net = made
    guard case .validate(let id, let held, _, _, _) = net.seen[0].last else {
      Issue.record("nothing to validate")
      return
    }
    net.handle(.validated(id, .accept, of: honest), at: 0)
    #expect(net.delivered(at: 0).isEmpty)
    net.handle(.validated(id, .forged, of: held), at: 0)
    #expect(net.score(of: 1, at: 0) < 0)
  }

  @Test("without a validation the signature is still checked, and three forgeries end the hearing")
  func unvalidatedTopics() throws {
    var net = try SessionNet(2, kinds: [.init(validates: false)])
    net.connectAll()
    net.handle(.join("t", kind: 0), at: 0)
    var rpc = GossipsubRPC()
    for number in UInt64(0)..<6 {
      var message = GossipSignature.signed(
        topic: "t", data: [1], sequence: number, by: net.keys[1])
      message.data = [2]
      rpc.messages.append(message)
    }
    net.handle(.received(rpc.encoded(), from: PeerHandle(1)), at: 0)
    #expect(net.seen[0].prefix(6).allSatisfy { $0.isCheckOfSignatureAlone })
    #expect(net.delivered(at: 0).isEmpty)
    #expect(net.score(of: 1, at: 0) == -720)
    net.handle(.received(rpc.encoded(), from: PeerHandle(1)), at: 0)
    #expect(net.seen[0].last == .refused(PeerHandle(1), .graylisted))
  }

  @Test("our own message that comes back is dropped and nobody is blamed")
  func echo() throws {
    var net = try SessionNet(2)
    net.connectAll()
    net.handle(.join("t", kind: 0), at: 0)
    var rpc = GossipsubRPC()
    rpc.messages = [GossipSignature.signed(topic: "t", data: [1], sequence: 7, by: net.keys[0])]
    net.handle(.received(rpc.encoded(), from: PeerHandle(1)), at: 0)
    #expect(net.delivered(at: 0).isEmpty)
    #expect(net.score(of: 1, at: 0) == 0)
  }

  @Test("named peers come with signed records, and only those are dialled")
  func peerExchange() throws {
    var net = try SessionNet(4)
    net.connectAll()
    for node in 0..<4 { net.handle(.join("t", kind: 0), at: node) }
    net.sentBytes = []
    net.handle(.leave("t"), at: 0)
    let prunes = try net.sentBytes.flatMap { try GossipsubRPC(decoding: $0).prunes }
    #expect(prunes.count == 3)
    #expect(prunes.allSatisfy { $0.peers.count == 2 && $0.backoffSeconds == 10 })
    #expect(prunes.flatMap(\.peers).allSatisfy { $0.signedRecord?.first == 0xEE })

    let stranger = try SigningKey(seed: Bytes(repeating: 99, count: 32)).publicKey.peerID.bytes
    let known = net.keys[2].publicKey.peerID.bytes
    let infos = [
      GossipsubRPC.PeerInfo(peerID: stranger, signedRecord: [1]),
      .init(peerID: stranger, signedRecord: nil), .init(peerID: known, signedRecord: [2]),
      .init(peerID: net.keys[1].publicKey.peerID.bytes, signedRecord: [3]),
    ]
    var rpc = GossipsubRPC()
    rpc.prunes = [.init(topic: "t", peers: infos)]
    net.handle(.received(rpc.encoded(), from: PeerHandle(3)), at: 1)
    #expect(net.seen[1].last == .refused(PeerHandle(3), .scoreBelowPeerExchange))
    net.handle(.reputation(PeerHandle(3), 20), at: 1)
    net.handle(.received(rpc.encoded(), from: PeerHandle(3)), at: 1)
    #expect(net.seen[1].last == .dial([infos[0]], namedBy: PeerHandle(3)))
  }

  @Test("what goes to one peer in one turn shares an RPC, and large ones are divided")
  func sharing() throws {
    var net = try SessionNet(2, kinds: [.init(validates: false)])
    net.connectAll()
    net.handle(.join("t", kind: 0), at: 1)
    net.handle(.join("t", kind: 0), at: 0)
    let first = try #require(
      net.sentBytes.last { (try? GossipsubRPC(decoding: $0))?.grafts == ["t"] })
    let joined = try GossipsubRPC(decoding: first)
    #expect(joined.subscriptions == [.init(subscribes: true, topic: "t")])
    // Five messages of 250 kB cannot share an RPC of a mebibyte.
    var ids: [Bytes] = []
    for number in UInt8(0)..<5 {
      net.handle(.publish("t", data: Bytes(repeating: number, count: 250_000)), at: 0)
      ids.append(
        net.keys[0].publicKey.peerID.bytes + [0, 0, 0, 0, 0, 0, 0, 100 + number])
    }
    net.sentBytes = []
    var rpc = GossipsubRPC()
    rpc.iwants = ids
    net.handle(.received(rpc.encoded(), from: PeerHandle(1)), at: 0)
    let answers = try net.sentBytes.map { try GossipsubRPC(decoding: $0) }
    #expect(answers.map(\.messages.count) == [4, 1])
    #expect(net.sentBytes.allSatisfy { $0.count <= GossipsubLimits.rpcBytesMax })
  }

  @Test("an RPC that cannot be read is named, and later ones are heard")
  func malformedRPC() throws {
    var net = try SessionNet(2)
    net.connectAll()
    net.handle(.received([0x0A, 9, 1], from: PeerHandle(1)), at: 0)
    #expect(
      net.seen[0] == [.malformed(PeerHandle(1), .malformedProtobuf(.truncated))])
    net.handle(.join("t", kind: 0), at: 1)
    #expect(net.sessions[0].machine.subscribers(of: GossipTopic(0)) == [PeerHandle(1)])
  }

  @Test("names of topics are bounded, forgotten when unused and never given to another")
  func topicNames() throws {
    var names = GossipTopicNames()
    for number in 0..<GossipsubLimits.topicNamesMax {
      #expect(names.enter("t\(number)") == GossipTopic(UInt32(number)))
    }
    #expect(names.enter("one more") == nil)
    #expect(names.enter("t3") == GossipTopic(3))
    names.keep { $0 != GossipTopic(3) }
    #expect(names.topic("t3") == nil)
    #expect(names.enter("t3") == GossipTopic(UInt32(GossipsubLimits.topicNamesMax)))
  }

  @Test("overlong names and messages of our own are refused by name")
  func ownLimits() throws {
    var net = try SessionNet(1)
    net.handle(.join("", kind: 0), at: 0)
    net.handle(.join(String(repeating: "x", count: 257), kind: 0), at: 0)
    net.handle(.publish("t", data: Bytes(repeating: 0, count: 1 << 20)), at: 0)
    #expect(
      net.seen[0] == [
        .refused(nil, .topicNameTooLong), .refused(nil, .topicNameTooLong),
        .refused(nil, .messageTooLong),
      ])
  }
}
