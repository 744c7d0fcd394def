import Cryptography
import Peering
import Primitives

extension FuzzedParser {
  static let gossip: [FuzzedParser] = [
    FuzzedParser("gossipsub-rpc") { bytes in
      guard let rpc = try? GossipsubRPC(decoding: bytes) else { return }
      precondition((try? GossipsubRPC(decoding: rpc.encoded())) == rpc)
      for message in rpc.messages {
        _ = GossipSignature.verify(message)
        _ = GossipSignature.wireID(of: message, signing: .strictNoSign)
      }
    },
    FuzzedParser("gossipsub-session") { bytes in session(bytes) },
  ]

  /// A book that knows nothing of its peers.
  private struct EmptyBook: GossipPeerRecords {
    func key(of peer: PeerHandle) -> DistanceKey { DistanceKey(words: (0, 0, 0, 0)) }
    func addressGroup(of peer: PeerHandle) -> UInt32 { 1 }
    func signedRecord(of peer: PeerHandle) -> Bytes? { nil }
  }

  private static let owner = try! SigningKey(seed: Bytes(repeating: 3, count: 32))
  private static let other = try! SigningKey(seed: Bytes(repeating: 4, count: 32))
  private static let configuration = try! GossipsubConfiguration(kinds: [
    GossipTopicKind(validates: true), GossipTopicKind(signing: .strictNoSign, validates: false),
  ])

  /// A session with two topics hears the bytes twice, answers what it must validate, and beats.
  private static func session(_ bytes: Bytes) {
    var random = SplitMix64(seed: 1)
    var now = Tick.zero
    var session = GossipsubSession(
      configuration: configuration, identity: owner, firstSequence: 1, now: now,
      random: &random)
    let peer = PeerHandle(1)
    var events: [GossipsubSessionEvent] = [
      .join("t", kind: 0), .join("u", kind: 1),
      .connected(peer, other.publicKey.peerID, weDialled: true, version: .v12),
      .received(bytes, from: peer), .tick, .received(bytes, from: peer), .tick, .leave("t"),
      .disconnected(peer), .tick,
    ]
    events.reverse()
    while let event = events.popLast() {
      var effects: [GossipsubSessionEffect] = []
      session.handle(
        event, now: now, random: &random, directory: EmptyBook(), effects: &effects)
      for case .validate(let id, let message, _, _, _) in effects {
        let isGenuine = GossipSignature.verify(message)
        events.append(.validated(id, isGenuine ? .accept : .forged, of: message))
      }
      for case .send(_, let sent) in effects {
        precondition((try? GossipsubRPC(decoding: sent)) != nil)
      }
      now = now.advanced(by: .milliseconds(700))
    }
  }
}
