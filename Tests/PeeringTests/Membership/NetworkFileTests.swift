import Cryptography
import Peering
import Primitives
import Testing

@Suite("network files")
struct NetworkFileTests {
  static let peers = (1...3).map {
    try! SigningKey(seed: Bytes(repeating: $0, count: 32)).publicKey.peerID
  }
  static let chain = SHA256.hash(Bytes("genesis".utf8))

  static func file(_ rule: AdmissionRule = .everyone) throws -> NetworkFile {
    try NetworkFile(
      name: "testnet", chainID: chain, class: .academic, rule: rule,
      bootstraps: [
        Multiaddr("/ip4/192.0.2.1/tcp/4001/p2p/\(peers[0])"),
        Multiaddr("/dns4/peers.example.org/tcp/4001/p2p/\(peers[1])"),
      ], coordinators: [peers[2]],
      key: PrivateNetworkKey(secret: Bytes(repeating: 7, count: 32)), usesLocalDiscovery: false)
  }

  static func fault(_ text: String) -> NetworkFileFault? {
    do throws(NetworkFileFault) {
      _ = try NetworkFile(parsing: Bytes(text.utf8))
      return nil
    } catch {
      return error
    }
  }

  /// The smallest file, with these members more.
  static func text(_ more: String = "") -> String {
    """
    {"format": "martlet-network-1", "name": "n", "chain_id": "\(chain.hex)"\(more)}
    """
  }

  @Test("what is written is read, with every rule of admission")
  func roundTrip() throws {
    let issuers = Self.peers.compactMap(\.publicKey)
    let rules: [AdmissionRule] = [
      .everyone, .listed(Self.peers), .invited(by: issuers), .staked(minimum: .tokens(50)),
      .staked(minimum: Amount(baseUnits: .max)),
    ]
    for rule in rules {
      let file = try Self.file(rule)
      #expect(try NetworkFile(parsing: file.text) == file)
    }
  }

  @Test("what a file leaves out is as a network usually is")
  func defaults() throws {
    let file = try NetworkFile(parsing: Bytes(Self.text().utf8))
    #expect(file == (try NetworkFile(name: "n", chainID: Self.chain)))
    #expect(file.usesLocalDiscovery)
    #expect(file.kademliaProtocol == "/martlet/\(Self.chain.hex.prefix(16))/kad/1.0.0")
  }

  @Test("each fault has its name, a sentence and a next step")
  func faults() {
    let id = Self.peers[0]
    let cases: [(String, NetworkFileFault)] = [
      ("[]", .type(field: "the file", wanted: "an object")),
      (#"{"format": "martlet-network-2"}"#, .format("martlet-network-2")),
      (#"{"name": "n"}"#, .missing(field: "format")),
      (Self.text(#", "colour": "red""#), .unknown(field: "colour")),
      (Self.text(#", "class": "royal""#), .networkClass("royal")),
      (Self.text(#", "class": 1"#), .type(field: "class", wanted: "a text")),
      (Self.text(#", "bootstraps": ["/ip4/192.0.2.1/tcp/1"]"#), .bootstrap("/ip4/192.0.2.1/tcp/1")),
      (Self.text(#", "bootstraps": ["here"]"#), .bootstrap("here")),
      (
        Self.text(#", "bootstraps": ["/ip4/192.0.2.1/udp/1/p2p/\#(id)"]"#),
        .bootstrap("/ip4/192.0.2.1/udp/1/p2p/\(id)")
      ),
      (Self.text(#", "coordinators": ["x"]"#), .peer(field: "coordinators", "x")),
      (Self.text(#", "coordinators": "x""#), .type(field: "coordinators", wanted: "a list")),
      (Self.text(#", "key": "00""#), .key),
      (
        Self.text(#", "local_discovery": 1"#),
        .type(field: "local_discovery", wanted: "true or false")
      ),
      (Self.text(#", "protocols": {"gossip": "/x"}"#), .unknown(field: "gossip")),
      (Self.text(#", "protocols": {"kademlia": "x"}"#), .protocolName("x")),
      (Self.text(#", "admission": {"rule": "friends"}"#), .admission("friends")),
      (Self.text(#", "admission": {"rule": "everyone", "peers": []}"#), .unknown(field: "peers")),
      (
        Self.text(#", "admission": {"rule": "staked", "minimum": "01"}"#),
        .type(field: "minimum", wanted: "a number of base units in a text")
      ),
    ]
    for (text, fault) in cases {
      #expect(Self.fault(text) == fault)
      #expect(!fault.description.isEmpty && !fault.hint.isEmpty)
    }
    #expect(Self.fault(Self.text().replacing("\"n\"", with: "\"../n\"")) == .name("../n"))
    #expect(Self.fault(Self.text().replacing(Self.chain.hex, with: "00")) == .chain("00"))
  }

  @Test("a list longer than its limit is refused, and a file longer than any")
  func limits() {
    let many = Array(repeating: "\"\(Self.peers[0])\"", count: 17).joined(separator: ",")
    #expect(
      Self.fault(Self.text(", \"coordinators\": [\(many)]"))
        == .tooMany(field: "coordinators", count: 17, limit: 16))
    let long = Bytes(repeating: 0x20, count: NetworkFile.bytesMax + 1)
    #expect(throws: NetworkFileFault.tooLong(bytes: long.count, limit: NetworkFile.bytesMax)) {
      _ = try NetworkFile(parsing: long)
    }
  }

  @Test("a file that was cut short is refused at every length")
  func truncation() throws {
    let text = try Self.file().text
    for count in 0..<(text.count - 2) {
      #expect(throws: NetworkFileFault.self) {
        _ = try NetworkFile(parsing: Bytes(text[..<count]))
      }
    }
  }

  @Test("a flipped bit is refused or makes another file, never the same one")
  func bitFlips() throws {
    let file = try Self.file(.listed(Self.peers))
    for index in file.text.indices {
      var text = file.text
      text[index] ^= 1 << UInt8(index % 8)
      guard let read = try? NetworkFile(parsing: text) else { continue }
      // Upper and lower case of a digit are the same number, and spaces are as good as breaks.
      #expect(read != file || Self.saysTheSame(text, file.text))
    }
  }

  private static func saysTheSame(_ left: Bytes, _ right: Bytes) -> Bool {
    func plain(_ text: Bytes) -> Bytes {
      String(decoding: text, as: UTF8.self).lowercased().utf8.filter { $0 > 0x20 }
    }
    return plain(left) == plain(right)
  }

  @Test("names are safe in a path, and any name has a near one")
  func names() {
    for name in ["testnet", "a", "0-1_2.x"] { #expect(NetworkFile.isName(name)) }
    let long = String(repeating: "a", count: 49)
    for name in ["", ".", "..", "-a", "A", "a/b", "a b", "é", long] {
      #expect(!NetworkFile.isName(name))
    }
    for (text, name) in [("Test Net", "test-net"), ("../x", "x"), ("été", "t-"), ("..", "network")]
    {
      #expect(NetworkFile.name(from: text) == name)
    }
    #expect(NetworkFile.isName(NetworkFile.name(from: long)))
  }

  @Test("a service's key depends on the chain and the name, and is a multihash")
  func serviceKeys() {
    let other = SHA256.hash(Bytes("other".utf8))
    let keys = [
      NetworkFile.serviceKey("coordinator", of: Self.chain),
      NetworkFile.serviceKey("worker", of: Self.chain),
      NetworkFile.serviceKey("coordinator", of: other),
    ]
    #expect(Set(keys).count == 3)
    for key in keys { #expect(key.bytes.count == 34 && key.bytes.starts(with: [0x12, 0x20])) }
  }
}
