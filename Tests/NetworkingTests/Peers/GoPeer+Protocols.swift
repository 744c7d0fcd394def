import Cryptography
import ForeignPeers
import Networking
import Peering
import Primitives

/// What `p2pd` does in its DHT and its pubsub when the control socket asks for it.
extension GoPeer {
  private enum Request {
    static let dht: UInt64 = 4
    static let pubsub: UInt64 = 8
  }

  private enum DHT {
    static let findProviders: UInt64 = 2
    static let provide: UInt64 = 8
    static let value: UInt64 = 1
    static let end: UInt64 = 2
  }

  private enum Pubsub {
    static let listPeers: UInt64 = 1
    static let publish: UInt64 = 2
    static let subscribe: UInt64 = 3
  }

  /// Has it provide a CID.
  func provide(_ cid: Bytes) async throws {
    _ = try await ask(Request.dht) { request in
      // Request.dht = 5; DHTRequest.type = 1, cid = 3.
      var dht = ProtobufWriter()
      dht.append(1, unsigned: DHT.provide)
      dht.append(3, bytes: cid)
      request.append(5, bytes: dht.bytes)
    }
  }

  /// The providers of a CID that it finds.
  func findProviders(_ cid: Bytes, count: UInt64) async throws -> [PeerID] {
    let control = try await process.control()
    defer { control.close() }
    // DHTRequest.count = 6.
    var dht = ProtobufWriter()
    dht.append(1, unsigned: DHT.findProviders)
    dht.append(3, bytes: cid)
    dht.append(6, unsigned: count)
    var request = ProtobufWriter()
    request.append(1, unsigned: Request.dht)
    request.append(5, bytes: dht.bytes)
    try await control.write(RPCFraming.encode(request.bytes))
    // A response, then DHTResponses of type BEGIN, VALUE … and END; their field 2 is a PeerInfo.
    var input = ByteQueue()
    _ = try await Self.message(from: control, &input)
    var found: [PeerID] = []
    while true {
      let answer = try await Self.message(from: control, &input)
      var reader = ProtobufReader(answer[...])
      guard case .unsigned(let type)? = try reader.next()?.value, type != DHT.end else { break }
      guard type == DHT.value, let info = try fields(of: answer)[2]?.first,
        let id = try fields(of: info)[1]?.first
      else { continue }
      found.append(try PeerID(bytes: id))
    }
    return found
  }

  /// The peers it knows to listen to a topic.
  func listeners(of topic: String) async throws -> [PeerID] {
    let answer = try await ask(Request.pubsub) { request in
      request.append(8, bytes: Self.pubsub(Pubsub.listPeers, topic).bytes)
    }
    // Response.pubsub = 7; PSResponse.peerIDs = 2.
    guard let pubsub = try fields(of: answer)[7]?.first else { return [] }
    return try (fields(of: pubsub)[2] ?? []).map { try PeerID(bytes: $0) }
  }

  /// Has it publish.
  func publish(_ data: Bytes, on topic: String) async throws {
    _ = try await ask(Request.pubsub) { request in
      var pubsub = Self.pubsub(Pubsub.publish, topic)
      pubsub.append(3, bytes: data)
      request.append(8, bytes: pubsub.bytes)
    }
  }

  /// Has it subscribe; `body` gets the socket on which messages arrive.
  func subscribe(
    to topic: String, _ body: (GoSubscription) async throws -> Void
  ) async throws {
    let control = try await process.control()
    defer { control.close() }
    var request = ProtobufWriter()
    request.append(1, unsigned: Request.pubsub)
    request.append(8, bytes: Self.pubsub(Pubsub.subscribe, topic).bytes)
    try await control.write(RPCFraming.encode(request.bytes))
    var subscription = GoSubscription(peer: self, control: control)
    _ = try await Self.message(from: control, &subscription.input)
    try await body(subscription)
  }

  /// Request.pubsub = 8; PSRequest.type = 1, topic = 2, data = 3.
  private static func pubsub(_ type: UInt64, _ topic: String) -> ProtobufWriter {
    var pubsub = ProtobufWriter()
    pubsub.append(1, unsigned: type)
    pubsub.append(2, text: topic)
    return pubsub
  }
}

/// Messages that go-libp2p received.
struct GoSubscription {
  let peer: GoPeer
  let control: Socket
  fileprivate(set) var input = ByteQueue()

  /// The next message's author and data.
  mutating func next() async throws -> (author: Bytes, data: Bytes) {
    let message = try await GoPeer.message(from: control, &input)
    // PSMessage.from = 1, data = 2.
    let found = try peer.fields(of: message)
    return (found[1]?.first ?? [], found[2]?.first ?? [])
  }
}
