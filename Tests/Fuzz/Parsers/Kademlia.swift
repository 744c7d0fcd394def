import Cryptography
import Peering
import Primitives

extension FuzzedParser {
  static let kademlia: [FuzzedParser] = [
    FuzzedParser("kademlia-message") { bytes in
      guard let message = try? KademliaMessage(decoding: bytes) else { return }
      precondition((try? KademliaMessage(decoding: message.encoded())) == message)
      serve(message)
    },
    // The first byte is the length of the key.
    FuzzedParser("kademlia-record") { bytes in
      guard let length = bytes.first else { return }
      let rest = bytes.dropFirst()
      let record = KademliaRecord(
        key: KademliaKey(Bytes(rest.prefix(Int(length)))),
        value: Bytes(rest.dropFirst(Int(length))))
      _ = try? RecordValidator.sequence(of: record)
    },
    // The first byte is the length of the name.
    FuzzedParser("ipns-record") { bytes in
      guard let length = bytes.first else { return }
      let rest = bytes.dropFirst()
      guard let name = try? PeerID(bytes: Bytes(rest.prefix(Int(length)))) else { return }
      let record = Bytes(rest.dropFirst(Int(length)))
      if let read = try? IPNSRecord(record, of: name) { precondition(!read.replaces(read)) }
    },
    FuzzedParser("record-time") { bytes in
      guard let moment = RecordTime(bytes) else { return }
      precondition(RecordTime(Bytes(moment.text.utf8)) == moment)
    },
  ]

  /// Every peer named in a message is somebody new.
  private struct Book: PeerDirectory {
    func key(of peer: PeerHandle) -> DistanceKey {
      DistanceKey(words: (UInt64(peer.index) &* 0x9E37_79B9_7F4A_7C15, 1, 2, 3))
    }
    func addressGroup(of peer: PeerHandle) -> UInt32 { peer.index % 5 }
  }

  /// A node takes the message as a request, and as the answer to a request of its own.
  private static func serve(_ message: KademliaMessage) {
    let book = Book()
    let local = PeerHandle(0)
    var machine = KademliaMachine(
      local: local, key: KademliaKey(point: book.key(of: local)), settings: .martlet)
    var random = SplitMix64(seed: 1)
    var effects: [KademliaEffect] = []
    func handle(_ event: KademliaEvent) {
      machine.handle(
        event, now: Tick(nanoseconds: 1), random: &random, directory: book, effects: &effects)
    }
    var interned: UInt32 = 1
    func intern(_ peer: KademliaMessage.Peer) -> PeerHandle? {
      interned = interned % 50 + 1
      return PeerHandle(interned)
    }
    let sender = PeerHandle(2)
    handle(.identified(sender, admission: .puzzle))
    if let request = try? message.request(from: sender, intern: intern) {
      handle(.request(request, from: sender, admission: .puzzle, call: 1))
    }
    handle(.start(.getValue(KademliaKey(message.key)), id: 1))
    handle(.response(message.response(intern: intern), call: 0, admission: .puzzle))
  }
}
