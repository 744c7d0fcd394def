import ContentNode
import ContentStore
import Cryptography
import Networking
import Peering
import Primitives
import Telemetry
import Testing

/// A network of one made-up peer that has some blocks.
final class FakeNetwork: ContentNetwork {
  static let peer = try! PeerID("12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA")
  static let address = try! Multiaddr("/ip4/127.0.0.1/tcp/4001")
  static let key = ContentKey(
    name: "self", id: try! CID(decoding: [0x01, 0x72] + peer.bytes))

  private let blocks: [CID: Bytes]
  /// What is given for every other block.
  private let lie: Bytes?
  let fetched = Lock<[CID]>([])

  init(_ blocks: [ContentBlock] = [], lie: Bytes? = nil) {
    self.lie = lie
    self.blocks = Dictionary(blocks.map { ($0.cid, $0.bytes) }, uniquingKeysWith: { $1 })
  }

  func identity() async throws -> ContentNodeIdentity {
    ContentNodeIdentity(
      peer: Self.peer, publicKey: [8, 1, 18, 1, 0], addresses: [Self.address],
      protocols: ["/ipfs/id/1.0.0", "/ipfs/bitswap/1.2.0"])
  }

  func fetch(_ cid: CID) async throws -> Bytes {
    fetched.withLock { $0.append(cid) }
    guard let block = blocks[cid] ?? lie else { throw ContentError.missingBlock(cid) }
    return block
  }

  func provide(_ roots: [CID]) async throws {}

  func peers() async throws -> [ContentPeer] {
    [
      ContentPeer(
        peer: Self.peer, address: Self.address, direction: .outbound,
        latency: .microseconds(1_500), streams: ["/ipfs/kad/1.0.0"])
    ]
  }

  func knownAddresses() async throws -> [ContentPeerAddresses] {
    [ContentPeerAddresses(peer: Self.peer, addresses: [Self.address])]
  }

  func connect(to address: Multiaddr) async throws {}
  func disconnect(from address: Multiaddr) async throws {}
  func ping(_ peer: PeerID) async throws -> Duration { .milliseconds(2) }

  func bandwidth() async throws -> ContentBandwidth {
    ContentBandwidth(receivedByteCount: 10, sentByteCount: 20, receivedBytesPerSecond: 0.5)
  }

  func bootstrapAddresses() async throws -> [Multiaddr] { [Self.address.naming(Self.peer)] }
  func keys() async throws -> [ContentKey] { [Self.key] }

  func makeKey(named name: String, type: String?) async throws -> ContentKey {
    guard type != "dsa" else { throw ContentNetworkError.unsupportedKeyType("dsa") }
    return ContentKey(name: name, id: Self.key.id)
  }

  func renameKey(
    _ name: String, to newName: String, force: Bool
  ) async throws -> RenamedContentKey {
    RenamedContentKey(key: ContentKey(name: newName, id: Self.key.id), hasReplaced: force)
  }

  func removeKey(named name: String) async throws -> ContentKey {
    throw ContentNetworkError.noSuchKey(name)
  }

  func importKey(named name: String, _ privateKey: Bytes) async throws -> ContentKey {
    ContentKey(name: "\(name) \(privateKey.count)", id: Self.key.id)
  }

  func exportKey(named name: String) async throws -> Bytes { Bytes(name.utf8) }

  func publish(_ path: String, _ settings: NamePublication) async throws -> PublishedName {
    let seconds = settings.lifetime?.components.seconds ?? 0
    return PublishedName(name: Self.key.id, path: "\(path)?\(settings.keyName)&\(seconds)")
  }

  func resolve(_ name: String, isRecursive: Bool, usesCache: Bool) async throws -> String {
    guard name == "site" else { throw ContentNetworkError.unresolved(name: name) }
    return "/ipfs/\(KuboShapeTests.wrapped)"
  }
}

@Suite("Kubo's RPC with a network")
struct KuboNetworkTests {
  static let id = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"
  static let name = FakeNetwork.key.id.text(in: .base36)

  static let shapes: [(command: String, answer: String)] = [
    (
      "id",
      "{\"ID\":\"\(id)\",\"PublicKey\":\"CAESAQA=\",\"Addresses\":"
        + "[\"/ip4/127.0.0.1/tcp/4001/p2p/\(id)\"],\"AgentVersion\":\"martlet\",\"Protocols\":"
        + "[\"/ipfs/bitswap/1.2.0\",\"/ipfs/id/1.0.0\"]}\n"
    ),
    (
      "swarm/peers?latency=true&direction=true&streams=true",
      "{\"Peers\":[{\"Addr\":\"/ip4/127.0.0.1/tcp/4001\",\"Peer\":\"\(id)\","
        + "\"Latency\":\"1.5ms\",\"Direction\":2,\"Streams\":[{\"Protocol\":"
        + "\"/ipfs/kad/1.0.0\"}]}]}\n"
    ),
    ("swarm/addrs", "{\"Addrs\":{\"\(id)\":[\"/ip4/127.0.0.1/tcp/4001\"]}}\n"),
    ("swarm/addrs/local", "{\"Strings\":[\"/ip4/127.0.0.1/tcp/4001\"]}\n"),
    (
      "swarm/connect?arg=/ip4/1.2.3.4/tcp/1/p2p/\(id)",
      "{\"Strings\":[\"connect \(id) success\"]}\n"
    ),
    (
      "swarm/disconnect?arg=/ip4/1.2.3.4/tcp/1/p2p/\(id)",
      "{\"Strings\":[\"disconnect \(id) success\"]}\n"
    ),
    ("bootstrap", "{\"Peers\":[\"/ip4/127.0.0.1/tcp/4001/p2p/\(id)\"]}\n"),
    (
      "stats/bw", "{\"TotalIn\":10,\"TotalOut\":20,\"RateIn\":0.5,\"RateOut\":0}\n"
    ),
    (
      "ping?arg=\(id)&count=1",
      "{\"Success\":true,\"Text\":\"PING \(id).\",\"Time\":0}\n"
        + "{\"Success\":true,\"Text\":\"\",\"Time\":2000000}\n"
        + "{\"Success\":true,\"Text\":\"Average latency: 2.00ms\",\"Time\":0}\n"
    ),
    ("key/list", "{\"Keys\":[{\"Name\":\"self\",\"Id\":\"\(name)\"}]}\n"),
    ("key/list?ipns-base=b58mh", "{\"Keys\":[{\"Name\":\"self\",\"Id\":\"\(id)\"}]}\n"),
    ("key/gen?arg=work&type=ed25519", "{\"Name\":\"work\",\"Id\":\"\(name)\"}\n"),
    (
      "key/rename?arg=a&arg=b&force=true",
      "{\"Was\":\"a\",\"Now\":\"b\",\"Id\":\"\(name)\",\"Overwrite\":true}\n"
    ),
    ("key/export?arg=work", "work"),
    (
      "name/publish?arg=/ipfs/\(KuboShapeTests.hello)&key=work&lifetime=1h30m&resolve=false",
      "{\"Name\":\"\(name)\",\"Value\":\"/ipfs/\(KuboShapeTests.hello)?work\\u00265400\"}\n"
    ),
    ("name/resolve?arg=site", "{\"Path\":\"/ipfs/\(KuboShapeTests.wrapped)\"}\n"),
  ]

  @Test("commands about peers, keys and names are Kubo's, byte for byte")
  func network() async throws {
    try await KuboWorld.with(network: FakeNetwork()) { world in
      for (command, expected) in Self.shapes {
        let answer = try await world.post(command)
        #expect(answer.status == 200, "\(command)")
        #expect(answer.text == expected, "\(command)")
      }
      let imported = try await world.post("key/import?arg=k", [.file("key", "12345")])
      #expect(imported.text == "{\"Name\":\"k 5\",\"Id\":\"\(Self.name)\"}\n")
    }
  }

  static let refusals = [
    ("key/rm?arg=nobody", "no key by the given name was found"),
    ("key/gen?arg=x&type=dsa", "unrecognized key type"),
    ("name/resolve?arg=nowhere", "could not resolve name"),
    ("swarm/connect?arg=/ip4/1.2.3.4/tcp/1", "names no peer"),
    ("name/publish?arg=/ipfs/\(KuboShapeTests.hello)&resolve=false&lifetime=x", "duration"),
  ]

  @Test("what the network refuses is said in its words", arguments: refusals)
  func refused(command: String, words: String) async throws {
    let answer = try await KuboWorld.with(network: FakeNetwork()) { try await $0.post(command) }
    #expect(answer.status >= 400)
    #expect(answer.text.contains(words), "\(answer.text)")
  }

  @Test("missing blocks come from the network, are stored and pinned, but not when offline")
  func fetching() async throws {
    var builder = UnixFSBuilder(UnixFSProfile.v0In2015.layout)
    var blocks: [ContentBlock] = []
    builder.append(KuboStreamTests.noise(600_000), into: &blocks)
    let root = builder.finish(into: &blocks).cid
    let network = FakeNetwork(blocks)
    let blockCount = blocks.count
    try await KuboWorld.with(network: network) { world in
      let offline = try await world.post("pin/add?arg=\(root)&offline=true")
      #expect(offline.status == 500)
      #expect(network.fetched.withLock(\.count) == 0)
      #expect(try await world.post("pin/add?arg=\(root)").status == 200)
      #expect(network.fetched.withLock(\.count) == blockCount)
      let cat = try await world.post("cat?arg=\(root)&offline=true")
      #expect(cat.body == KuboStreamTests.noise(600_000))
      let gone = try await world.post("repo/gc").objects
      #expect(gone.isEmpty)
    }
  }

  @Test("a block that is not what was asked for is refused")
  func lies() async throws {
    let wanted = try CID(parsing: KuboShapeTests.helloRaw)
    let network = FakeNetwork(lie: [1, 2, 3])
    let answer = try await KuboWorld.with(network: network) {
      try await $0.post("block/get?arg=\(wanted)")
    }
    #expect(answer.status == 500)
    #expect(answer.text.contains("does not have the digest"))
  }
}
