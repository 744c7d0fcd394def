import Cryptography
import Primitives
import Testing

@testable import Peering

/// Bytes put together field by field with Python from the schema of libp2p/specs kad-dht ("RPC
/// messages") and the encoding rules of protobuf.dev; the peer id is the Ed25519 example of
/// libp2p/specs peer-ids, `12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA`, the multihash is
/// SHA-256 of "martlet", the address /ip4/127.0.0.1/tcp/4001.
private enum Vector {
  static let peerID =
    "0024080112202ffa35a99d3a3cfbb17bb7c1dc5561b18a8dcca4df38dc613ea859c37eb1336b"
  static let multihash = "122019f760301a236867abef2327abbcc1270f4a27a52035722c346d61235627b906"
  static let address = "047f000001060fa1"
  /// FIND_NODE of the peer.
  static let findNode = "08041226" + peerID
  /// ADD_PROVIDER of the multihash by the peer with its address, connected.
  static let addProvider =
    "08021222" + multihash + "4a340a26" + peerID + "1208" + address + "1801"
  /// PUT_VALUE of the peer's public key with a time.
  static let putValue =
    "122a2f706b2f" + peerID + "1a680a2a2f706b2f" + peerID
    + "1224080112202ffa35a99d3a3cfbb17bb7c1dc5561b18a8dcca4df38dc613ea859c37eb1336b"
    + "2a14323032362d31312d32315430303a30303a30305a"
  /// Answer to GET_PROVIDERS: one closer peer with an address, one provider without, and the
  /// fields 10 (clusterLevelRaw) and 11 (a sender's record) that other implementations add.
  static let providers =
    "08031222" + multihash + "42320a26" + peerID + "1208" + address + "4a280a26" + peerID
    + "50015a0d73656e646572207265636f7264"

  static let all = [findNode, addProvider, putValue, providers]

  static func bytes(_ text: String) -> Bytes { try! Hex.decode(text) }
}

@Suite("Kademlia messages")
struct KademliaMessageTests {
  private let peer = try! PeerID(bytes: Vector.bytes(Vector.peerID))
  private let multihash = Vector.bytes(Vector.multihash)
  private let address = Vector.bytes(Vector.address)

  @Test("the example peer id is the one of the specification")
  func peerID() {
    #expect(peer.description == "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA")
  }

  @Test("FIND_NODE, ADD_PROVIDER and PUT_VALUE are read and written byte for byte")
  func requests() throws {
    var find = KademliaMessage(.findNode)
    find.key = peer.bytes
    var add = KademliaMessage(.addProvider)
    add.key = multihash
    add.providerPeers = [.init(id: peer, addresses: [address], connection: .connected)]
    var put = KademliaMessage(.putValue)
    put.key = Bytes("/pk/".utf8) + peer.bytes
    put.record = .init(
      key: put.key, value: Bytes(peer.bytes.dropFirst(2)),
      timeReceived: Bytes("2026-11-21T00:00:00Z".utf8))
    let vectors = [(find, Vector.findNode), (add, Vector.addProvider), (put, Vector.putValue)]
    for (message, vector) in vectors {
      #expect(Hex.encode(message.encoded()) == vector)
      #expect(try KademliaMessage(decoding: Vector.bytes(vector)) == message)
    }
  }

  @Test("an answer with fields that the specification does not name is read without them")
  func unknownFields() throws {
    let message = try KademliaMessage(decoding: Vector.bytes(Vector.providers))
    #expect(message.kind == .getProviders)
    #expect(message.key == multihash)
    #expect(message.closerPeers == [.init(id: peer, addresses: [address])])
    #expect(message.providerPeers == [.init(id: peer)])
    let again = try KademliaMessage(decoding: message.encoded())
    #expect(again == message)
  }

  @Test("a truncated message is refused, or is a shorter message that says less")
  func truncation() throws {
    for vector in Vector.all.map(Vector.bytes) {
      let whole = try KademliaMessage(decoding: vector)
      for length in 0..<vector.count {
        let cut = try? KademliaMessage(decoding: Bytes(vector.prefix(length)))
        if let cut { #expect(cut != whole || vector == Vector.bytes(Vector.providers)) }
      }
    }
  }

  @Test("every bit flip is refused or gives a message that encodes and decodes to itself")
  func bitFlips() throws {
    for vector in Vector.all.map(Vector.bytes) {
      for bit in 0..<vector.count * 8 {
        var bytes = vector
        bytes[bit / 8] ^= 1 << UInt8(bit % 8)
        guard let message = try? KademliaMessage(decoding: bytes) else { continue }
        #expect(try KademliaMessage(decoding: message.encoded()) == message)
      }
    }
  }

  @Test("an unknown type, an endless key and a message above the limit are refused by name")
  func refusals() {
    #expect(throws: PeeringError.malformedKademlia(.unknownType(6))) {
      try KademliaMessage(decoding: [0x08, 0x06])
    }
    var message = KademliaMessage(.findNode)
    message.key = Bytes(repeating: 1, count: KademliaLimits.keyBytesMax + 1)
    #expect(throws: PeeringError.malformedKademlia(.keyTooLong(bytes: 257, limit: 256))) {
      try KademliaMessage(decoding: message.encoded())
    }
    let limit = KademliaLimits.messageBytesMax
    #expect(throws: PeeringError.malformedKademlia(.tooLong(bytes: limit + 1, limit: limit))) {
      try KademliaMessage(decoding: Bytes(repeating: 0, count: limit + 1))
    }
  }

  @Test("peers, addresses and unreadable ids above the limits are dropped, the rest is kept")
  func crowded() throws {
    var message = KademliaMessage(.findNode)
    let crowded = KademliaMessage.Peer(
      id: peer, addresses: Array(repeating: address, count: 40), connection: .canConnect)
    message.closerPeers = Array(repeating: crowded, count: 100)
    let read = try KademliaMessage(decoding: message.encoded() + [0x42, 0x03, 0x0A, 0x01, 0xFF])
    #expect(read.closerPeers.count == KademliaLimits.peersInMessageMax)
    #expect(
      read.closerPeers.allSatisfy { $0.addresses.count == KademliaLimits.addressesOfPeerMax })
  }

  @Test("a point travels where no bytes hash to it, and hashed keys where they do")
  func points() throws {
    var random = SplitMix64(seed: 4)
    let point = DistanceKey.random(&random)
    let sender = PeerHandle(3)
    let named = KademliaMessage.Peer(id: peer)
    for key in [KademliaKey(point: point), KademliaKey(multihash)] {
      let request = KademliaRequest.findNode(key)
      let bytes = KademliaMessage(request, peer: { _ in named }).encoded()
      let read = try KademliaMessage(decoding: bytes).request(from: sender) { _ in nil }
      #expect(read == request)
    }
  }

  @Test("requests and answers keep their peers through the book, and only senders provide")
  func translation() throws {
    let sender = PeerHandle(3)
    let named = KademliaMessage.Peer(id: peer, addresses: [address])
    let key = KademliaKey(multihash)
    let add = KademliaMessage(.addProvider(key, provider: sender), peer: { _ in named })
    #expect(
      try add.request(from: sender) { _ in sender } == .addProvider(key, provider: sender))
    #expect(throws: KademliaRefusal.providerIsNotSender) {
      try add.request(from: sender) { _ in PeerHandle(4) }
    }
    let record = KademliaRecord(key: KademliaKey(Bytes("/pk/x".utf8)), value: [1])
    let answer = KademliaResponse(closer: [sender], providers: [sender, sender], record: record)
    let message = KademliaMessage(answer, to: .getProviders(key), peer: { _ in named })
    let read = try KademliaMessage(decoding: message.encoded())
    #expect(read.key == multihash)
    #expect(read.response { _ in sender } == answer)
    #expect(throws: KademliaRefusal.invalidRecord(.otherKey)) {
      var put = KademliaMessage(.putValue(record), peer: { _ in named })
      put.key = [9]
      _ = try put.request(from: sender) { _ in nil }
    }
  }
}
