import Cryptography
import ForeignPeers
import Networking
import Peering
import Primitives
import Telemetry
import Testing

/// Kademlia and gossipsub with py-libp2p.
@Suite(
  "py-libp2p's protocols", .enabled(if: pythonOfPeers != nil, pythonIsMissing),
  .timeLimit(.minutes(5)))
struct PyProtocolTests {
  private static func multihash(_ text: String) -> Bytes {
    [0x12, 0x20] + SHA256.hash(Bytes(text.utf8)).bytes
  }

  @Test(
    "py-libp2p keeps our provider records and we keep its own, under either network's name",
    arguments: [KademliaMachine.ipfsProtocolID, "/martlet/test/kad/1.0.0"])
  func providers(protocolID: String) async throws {
    try await withPython(["kademlia": .string(protocolID)], hosts: 0) { python, _ in
      let address = try await python.address()
      let loop = python.process.loop
      let (ours, theirs) = (Self.multihash("ours"), Self.multihash("theirs"))
      try await withKademlia(loop, from: address, serves: true, as: protocolID) { host, shell in
        #expect(await shell.run(.provide(KademliaKey(ours))).stored == 1)
        try await withKademlia(loop, from: address, as: protocolID) { _, other in
          let found = await other.run(.findProviders(KademliaKey(ours), wanted: 1))
          let book = await other.bookOfHost()
          #expect(found.providers.compactMap { book.peer(of: $0) } == [host.peerID])
        }
        let before = await shell.storedProviders
        try await python.ask("kademlia_add", ["address": try await host.loopbackAddress.json])
        #expect(try await python.ask("provide", ["key": .string(Hex.encode(theirs))]) == true)
        try await eventually(on: loop) { await shell.storedProviders == before + 1 }
        let found = try await python.ask("find_providers", ["key": .string(Hex.encode(ours))])
        #expect(found.strings.contains("\(host.peerID)"))
      }
    }
  }

  @Test("py-libp2p finds a peer of ours through us, and we find one through it")
  func findNode() async throws {
    try await withPython(["kademlia": .string(KademliaMachine.ipfsProtocolID)], hosts: 0) {
      python, _ in
      let address = try await python.address()
      let loop = python.process.loop
      try await withKademlia(loop, from: address, serves: true) { host, _ in
        try await withKademlia(loop, from: address) { other, shell in
          _ = await shell.run(.findNode(KademliaKey(host.peerID.bytes)))
          let connection = try await other.connect(to: host.peerID)
          #expect(await connection.provenPeer == host.peerID)
        }
        let ours = try await host.loopbackAddress
        try await withKademlia(loop, from: ours, serves: true) { hidden, _ in
          try await python.ask("kademlia_add", ["address": ours.json])
          let found = try await python.ask("find_peer", ["peer": hidden.peerID.json])
          #expect(!found.strings.isEmpty)
        }
      }
    }
  }

  /// Version 0.8.1 stores under keys that are UTF-8 alone, which the name of a public key is not:
  /// it resets the stream of such a put.
  @Test("we read a public key that py-libp2p holds, keep what it puts, and give it back")
  func values() async throws {
    try await withPython(["kademlia": .string(KademliaMachine.ipfsProtocolID)], hosts: 0) {
      python, _ in
      let address = try await python.address()
      let held = Self.publicKeyRecord()
      try await python.ask(
        "hold", ["key": Self.json(held.key.bytes), "value": Self.json(held.value)])
      try await withKademlia(python.process.loop, from: address, serves: true) { host, shell in
        #expect(await shell.run(.getValue(held.key)).record == held)
        #expect(await shell.run(.putValue(Self.publicKeyRecord())).stored == 0)
        let theirs = Self.publicKeyRecord()
        let (peer, key) = (host.peerID.json, Self.json(theirs.key.bytes))
        let value = Self.json(theirs.value)
        let put = try await python.ask("put_at", ["peer": peer, "key": key, "value": value])
        #expect(put == true)
        #expect(try await python.ask("get_from", ["peer": peer, "key": key]) == value)
        // What does not hash to its name is refused, and py-libp2p is told so.
        let wrong = try await python.ask("put_at", ["peer": peer, "key": key, "value": "00"])
        #expect(wrong == false)
      }
    }
  }

  private static func json(_ bytes: Bytes) -> JSONValue { .string(Hex.encode(bytes)) }

  private static func publicKeyRecord() -> KademliaRecord {
    let owner = SigningKey.generate().publicKey
    return KademliaRecord(
      key: KademliaKey(Bytes("/pk/".utf8) + owner.peerID.bytes), value: owner.protobuf)
  }

  @Test("signed messages cross between our gossipsub and py-libp2p's, in both directions")
  func gossip() async throws {
    try await withPython(["gossipsub": true]) { python, hosts in
      let host = hosts[0]
      let theirs = try await python.itself().peer
      let heard = Lock<[GossipsubWireMessage]>([])
      let shell = await GossipsubShell(
        host: host, configuration: try GossipsubConfiguration(),
        deliver: { message, _ in heard.withLock { $0.append(message) } })
      await shell.start()
      await shell.join("news")
      try await python.ask("subscribe", ["topic": "news"])
      _ = try await host.connect(to: theirs, at: [try await python.address()])
      try await eventually(on: host.loop) {
        let known = try await python.ask("listeners", ["topic": "news"]).strings
        return await shell.listeners(of: "news") == 1 && known.contains("\(host.peerID)")
      }
      let spoken = try await python.ask("meshsub", ["peer": host.peerID.json])
      #expect(spoken.text == "/meshsub/1.2.0")
      try await eventually(on: host.loop) {
        await shell.publish(Bytes("from swift".utf8), on: "news")
        return try await !(python.ask("received").elements ?? []).isEmpty
      }
      let received = try await python.ask("received").elements?.first
      #expect(received?["author"] == host.peerID.json)
      #expect(received?["data"]?.text == Hex.encode(Bytes("from swift".utf8)))
      try await eventually(on: host.loop) {
        let data = JSONValue.string(Hex.encode(Bytes("from python".utf8)))
        try await python.ask("publish", ["topic": "news", "data": data])
        return heard.withLock { !$0.isEmpty }
      }
      let message = heard.withLock { $0.first }
      #expect(message?.data == Bytes("from python".utf8))
      #expect(message?.author == theirs.bytes)
    }
  }
}
