import Cryptography
import Primitives
import Testing

@testable import Peering

/// Bytes by hand from the field numbers of libp2p/specs pubsub/README.md and gossipsub v1.0 to v1.2.
@Suite("gossipsub: RPCs")
struct GossipsubRPCTests {
  private var example: GossipsubRPC {
    var rpc = GossipsubRPC()
    rpc.subscriptions = [
      .init(subscribes: true, topic: "a"), .init(subscribes: false, topic: "b"),
    ]
    var message = GossipsubWireMessage(topic: "a", data: [9, 9])
    message.author = [1]
    message.sequence = [0, 0, 0, 0, 0, 0, 0, 1]
    message.signature = [5, 6]
    message.key = [7]
    rpc.messages = [message, GossipsubWireMessage(topic: "b", data: nil)]
    rpc.ihaves = [.init(topic: "a", ids: [[1, 2], [3]])]
    rpc.iwants = [[4], [5]]
    rpc.grafts = ["a", "c"]
    rpc.prunes = [
      .init(
        topic: "b",
        peers: [.init(peerID: [8], signedRecord: [9]), .init(peerID: [6], signedRecord: nil)],
        backoffSeconds: 60)
    ]
    rpc.idontwants = [[[7], [8]], [[9]]]
    return rpc
  }

  @Test("an RPC is read as it was written")
  func roundTrip() throws {
    #expect(try GossipsubRPC(decoding: example.encoded()) == example)
    #expect(GossipsubRPC().encoded().isEmpty)
    #expect(try GossipsubRPC(decoding: []).isEmpty)
  }

  @Test("fields have the numbers of the specification")
  func layout() {
    var rpc = GossipsubRPC()
    rpc.subscriptions = [.init(subscribes: true, topic: "t")]
    #expect(rpc.encoded() == [0x0A, 5, 0x08, 1, 0x12, 1, 0x74])
    rpc = GossipsubRPC()
    rpc.messages = [GossipsubWireMessage(topic: "t", data: [0xFF])]
    #expect(rpc.encoded() == [0x12, 6, 0x12, 1, 0xFF, 0x22, 1, 0x74])
    rpc = GossipsubRPC()
    rpc.ihaves = [.init(topic: "t", ids: [[0xAA]])]
    #expect(rpc.encoded() == [0x1A, 8, 0x0A, 6, 0x0A, 1, 0x74, 0x12, 1, 0xAA])
    rpc = GossipsubRPC()
    rpc.iwants = [[0xAA]]
    #expect(rpc.encoded() == [0x1A, 5, 0x12, 3, 0x0A, 1, 0xAA])
    rpc = GossipsubRPC()
    rpc.grafts = ["t"]
    #expect(rpc.encoded() == [0x1A, 5, 0x1A, 3, 0x0A, 1, 0x74])
    rpc = GossipsubRPC()
    rpc.prunes = [.init(topic: "t", backoffSeconds: 60)]
    #expect(rpc.encoded() == [0x1A, 7, 0x22, 5, 0x0A, 1, 0x74, 0x18, 60])
    rpc = GossipsubRPC()
    rpc.idontwants = [[[0xAA]]]
    #expect(rpc.encoded() == [0x1A, 5, 0x2A, 3, 0x0A, 1, 0xAA])
  }

  @Test("unknown fields are skipped, at the top and inside")
  func unknownFields() throws {
    let extra: Bytes = [0x7A, 2, 1, 2, 0xA0, 0x06, 9, 0x1A, 4, 0x1A, 2, 0x50, 1]
    #expect(try GossipsubRPC(decoding: example.encoded() + extra) == example)
  }

  @Test("every truncation throws or reads as a shorter RPC, and none traps")
  func truncations() {
    let bytes = example.encoded()
    for length in 0..<bytes.count {
      if let rpc = try? GossipsubRPC(decoding: Bytes(bytes.prefix(length))) {
        #expect(rpc != example)
      }
    }
  }

  /// Bytes of the two subscriptions in front: a flag may be any number but 0, and 0 is its default.
  private let subscriptionBytes = 14

  @Test("a bit flip throws or reads as something else")
  func bitFlips() {
    let bytes = example.encoded()
    for bit in 0..<(bytes.count * 8) {
      var flipped = bytes
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      if let rpc = try? GossipsubRPC(decoding: flipped) {
        #expect(rpc != example || bit / 8 < subscriptionBytes, "bit \(bit)")
        #expect((try? GossipsubRPC(decoding: rpc.encoded())) == rpc)
      }
    }
  }

  @Test("random bytes never trap, and what is read can be written and read again")
  func noise() {
    var random = SplitMix64(seed: 11)
    let bytes = example.encoded()
    for _ in 0..<20_000 {
      var input = bytes
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        let place = Int.random(in: 0..<input.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: input[place] = UInt8.random(in: 0...255, using: &random)
        case 1: input.insert(UInt8.random(in: 0...255, using: &random), at: place)
        default: input.remove(at: place)
        }
      }
      if let rpc = try? GossipsubRPC(decoding: input) {
        #expect((try? GossipsubRPC(decoding: rpc.encoded())) == rpc)
      }
    }
  }

  @Test("an RPC above a mebibyte, and one of too many fields, is refused")
  func sizes() {
    let large = Bytes(repeating: 0, count: GossipsubLimits.rpcBytesMax + 1)
    #expect(
      throws: PeeringError.rpcFrameTooLong(
        bytes: UInt64(large.count), limit: GossipsubLimits.rpcBytesMax)
    ) { try GossipsubRPC(decoding: large) }
    var many = Bytes()
    for _ in 0...GossipsubLimits.rpcFieldsMax { many += [0x0A, 0] }
    #expect(
      throws: PeeringError.malformedProtobuf(
        .tooManyFields(limit: GossipsubLimits.rpcFieldsMax))
    ) { try GossipsubRPC(decoding: many) }
  }

  @Test("an IHAVE of five thousand ids is read whole; beyond sixteen thousand nothing is kept")
  func manyIDs() throws {
    let ids = (0..<5_000).map { Bytes([UInt8($0 & 0xFF), UInt8($0 >> 8), 1]) }
    var rpc = GossipsubRPC()
    rpc.ihaves = [.init(topic: "t", ids: ids)]
    #expect(try GossipsubRPC(decoding: rpc.encoded()) == rpc)
    rpc.ihaves = (0..<5).map { .init(topic: "t\($0)", ids: ids) }
    let kept = try GossipsubRPC(decoding: rpc.encoded()).ihaves
    #expect(kept.reduce(0) { $0 + $1.ids.count } == GossipsubLimits.idsPerRPCMax)
  }

  @Test("empty and overlong ids, overlong topics and broken text are left out")
  func oddEntries() throws {
    var rpc = GossipsubRPC()
    rpc.iwants = [[], Bytes(repeating: 1, count: 129), [1]]
    rpc.grafts = [String(repeating: "x", count: 257), "t"]
    let read = try GossipsubRPC(decoding: rpc.encoded())
    #expect(read.iwants == [[1]])
    #expect(read.grafts == ["t"])
    #expect(try GossipsubRPC(decoding: [0x1A, 5, 0x1A, 3, 0x0A, 1, 0xFF]).isEmpty)
  }

  @Test("of the peers a PRUNE names sixteen are read")
  func namedPeers() throws {
    var rpc = GossipsubRPC()
    let info = GossipsubRPC.PeerInfo(peerID: [1], signedRecord: [2])
    rpc.prunes = [.init(topic: "t", peers: Array(repeating: info, count: 40))]
    #expect(try GossipsubRPC(decoding: rpc.encoded()).prunes[0].peers.count == 16)
  }

  // MARK: - Signatures and ids

  private func key(_ number: UInt8) throws -> SigningKey {
    try SigningKey(seed: Bytes(repeating: number, count: 32))
  }

  @Test("a signature covers the prefix and the message without signature and key")
  func signature() throws {
    let author = try key(1)
    let message = GossipSignature.signed(topic: "t", data: [1, 2], sequence: 0x0102, by: author)
    #expect(message.sequence == [0, 0, 0, 0, 0, 0, 1, 2])
    #expect(message.author == author.publicKey.peerID.bytes)
    #expect(message.key == nil)
    var covered = Bytes("libp2p-pubsub:".utf8) + [0x0A, 38] + author.publicKey.peerID.bytes
    covered += [0x12, 2, 1, 2, 0x1A, 8, 0, 0, 0, 0, 0, 0, 1, 2, 0x22, 1, 0x74]
    let signature = try Signature(bytes: #require(message.signature))
    #expect(author.publicKey.verify(signature, of: covered))
    #expect(GossipSignature.verify(message))
  }

  /// Keys and signatures that `openssl ecparam -genkey` and `openssl dgst -sha256 -sign` made.
  @Test("authors of other kinds of keys are verified, with a hashed id only by the key sent along")
  func foreignAuthors() throws {
    let ecdsa = try Hex.decode(
      "0803125b3059301306072a8648ce3d020106082a8648ce3d03010703420004b290bcaa6ff74d"
        + "b1e91d09a0ae4ce0956765ced56ed4166c37fc5c54f856e57cd77c407e32211062887011e047"
        + "0c3353c094a7cc4dea5da48f41cab2a46d3b76")
    let hashed = message(
      by: PeerID(protobufKey: ecdsa), key: ecdsa,
      signature: try Hex.decode(
        "3045022100fcbea07b9f61209f09066ca32f1a257aa8dc1bc1cec40ba25f71f72e819c4a8a02"
          + "204a839d40bb23b1a28a2cc583b6b6c68cbb468e9a197dd4994f8d70ed17e102b1"))
    #expect(GossipSignature.verify(hashed))
    let secp256k1 = try Hex.decode(
      "0802122102fe770656ba29ea839de43e27939e9a77c6711598ad1c0d09754bf975f468cf4f")
    let inline = message(
      by: PeerID(protobufKey: secp256k1), key: nil,
      signature: try Hex.decode(
        "30450221009f004a8dd38e6a78cb9b84a88cf997b36cc758768673146a66404265415b8bff02"
          + "200e51b4d0393863d041955f162957cb50e191d5d6de45c1df5861c569446069f8"))
    #expect(GossipSignature.verify(inline))
    var withoutKey = hashed
    withoutKey.key = nil
    var otherKey = hashed
    otherKey.key = secp256k1
    var damagedKey = hashed
    damagedKey.key?[40] ^= 1
    var changed = inline
    changed.data = [1, 3]
    for forged in [withoutKey, otherKey, damagedKey, changed] {
      #expect(!GossipSignature.verify(forged))
    }
  }

  private func message(
    by author: PeerID, key: Bytes?, signature: Bytes
  ) -> GossipsubWireMessage {
    var message = GossipsubWireMessage(topic: "t", data: [1, 2])
    message.author = author.bytes
    message.sequence = [0, 0, 0, 0, 0, 0, 1, 2]
    message.key = key
    message.signature = signature
    return message
  }

  @Test("a changed message, another author's key or a missing part is not verified")
  func forgeries() throws {
    let author = try key(1)
    let other = try key(2)
    let good = GossipSignature.signed(topic: "t", data: [1, 2], sequence: 3, by: author)
    let changes: [(inout GossipsubWireMessage) -> Void] = [
      { $0.data = [1, 3] }, { $0.data = nil }, { $0.topic = "u" },
      { $0.sequence = [0, 0, 0, 0, 0, 0, 0, 4] }, { $0.author = other.publicKey.peerID.bytes },
      { $0.key = other.publicKey.protobuf }, { $0.signature = nil }, { $0.signature = [1] },
      { $0.author = nil }, { $0.author = [1, 2] }, { $0.signature?[5] ^= 1 },
    ]
    for change in changes {
      var message = good
      change(&message)
      #expect(!GossipSignature.verify(message))
    }
    var withKey = good
    withKey.key = author.publicKey.protobuf
    #expect(GossipSignature.verify(withKey))
  }

  @Test("signed messages are named by author and number, unsigned ones by topic and content")
  func ids() throws {
    let author = try key(1)
    let signed = GossipSignature.signed(topic: "t", data: [1], sequence: 3, by: author)
    #expect(
      GossipSignature.wireID(of: signed, signing: .strictSign)
        == author.publicKey.peerID.bytes + [0, 0, 0, 0, 0, 0, 0, 3])
    #expect(GossipSignature.wireID(of: signed, signing: .strictNoSign) == nil)
    let plain = GossipsubWireMessage(topic: "t", data: [1])
    #expect(GossipSignature.wireID(of: plain, signing: .strictSign) == nil)
    let id = try #require(GossipSignature.wireID(of: plain, signing: .strictNoSign))
    #expect(id == SHA256.hash(Bytes("martlet-gossip:".utf8), [1, 0x74, 1]).bytes)
    let others = [
      GossipsubWireMessage(topic: "t", data: [2]), GossipsubWireMessage(topic: "u", data: [1]),
      GossipsubWireMessage(topic: "", data: [0x74, 1]),
    ]
    for other in others {
      #expect(GossipSignature.wireID(of: other, signing: .strictNoSign) != id)
    }
  }
}
