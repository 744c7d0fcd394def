package import Cryptography
import Primitives

/// Everything a node has to know to become a member of a network: one thing to hand on
/// (docs/specs/peer-network.md, "The network file").
package struct NetworkFile: Equatable, Sendable {
  /// What the first member says.
  package static let format = "martlet-network-1"
  /// Bytes of one file: a thousand listed peers and every bootstrap fit several times.
  package static let bytesMax = 256 * 1_024
  /// Peers to begin with; each is dialled at a start.
  package static let bootstrapsMax = 64
  /// Peers that may coordinate.
  package static let coordinatorsMax = 16
  /// Peers, or inviting keys, that a rule of admission names.
  package static let admittedMax = 1_024
  /// Bytes of a protocol's name.
  package static let protocolBytesMax = 128

  /// Name, class and rule of admission. The name is also the file's.
  package let profile: NetworkProfile
  /// The hash of the chain's genesis document.
  package let chainID: Digest
  /// Where a node begins; each ends in `/p2p/ID`.
  package var bootstraps: [Multiaddr]
  /// Who may coordinate. Where they are is found out.
  package var coordinators: [PeerID]
  /// The name of its Kademlia network on the wire.
  package let kademliaProtocol: String
  /// The secret of a private network.
  package var key: PrivateNetworkKey?
  /// Whether members look for each other on the local network.
  package var usesLocalDiscovery: Bool

  /// The name, part of file names.
  package var name: String { profile.name }

  /// Checks the parts.
  package init(
    name: String, chainID: Digest, class networkClass: NetworkClass = .open,
    rule: AdmissionRule = .everyone, bootstraps: [Multiaddr] = [], coordinators: [PeerID] = [],
    kademliaProtocol: String? = nil, key: PrivateNetworkKey? = nil,
    usesLocalDiscovery: Bool = true
  ) throws(NetworkFileFault) {
    guard Self.isName(name),
      let profile = NetworkProfile(name: name, class: networkClass, rule: rule)
    else { throw .name(name) }
    self.profile = profile
    self.chainID = chainID
    self.bootstraps = bootstraps
    self.coordinators = coordinators
    self.kademliaProtocol = kademliaProtocol ?? Self.kademliaProtocol(of: chainID)
    self.key = key
    self.usesLocalDiscovery = usesLocalDiscovery
    try check()
  }

  /// Whether a text may name a network: it becomes part of a path, so it is lower-case letters,
  /// digits, `-`, `_` and `.`, and begins with a letter or digit.
  package static func isName(_ text: String) -> Bool {
    guard (1...NetworkProfile.nameBytesMax).contains(text.utf8.count) else { return false }
    let letters = Set("abcdefghijklmnopqrstuvwxyz0123456789".utf8)
    guard let first = text.utf8.first, letters.contains(first) else { return false }
    return text.utf8.allSatisfy { letters.contains($0) || "-_.".utf8.contains($0) }
  }

  /// The nearest name that a network may have.
  package static func name(from text: String) -> String {
    let lower = text.lowercased().map { isName("a\($0)") ? $0 : "-" }
    let name = String(String(lower.drop { !isName("\($0)") }).prefix(NetworkProfile.nameBytesMax))
    return name.isEmpty ? "network" : name
  }

  private func check() throws(NetworkFileFault) {
    try Self.count("bootstraps", bootstraps.count, Self.bootstrapsMax)
    try Self.count("coordinators", coordinators.count, Self.coordinatorsMax)
    for address in bootstraps where address.peer == nil || !address.isDialable {
      throw .bootstrap("\(address)")
    }
    switch profile.rule {
    case .listed(let peers): try Self.count("admission", peers.count, Self.admittedMax)
    case .invited(let keys): try Self.count("admission", keys.count, Self.admittedMax)
    case .everyone, .staked: break
    }
    guard kademliaProtocol.hasPrefix("/"), kademliaProtocol.utf8.allSatisfy({ $0 > 0x20 }),
      (2...Self.protocolBytesMax).contains(kademliaProtocol.utf8.count)
    else { throw .protocolName(kademliaProtocol) }
  }

  static func count(_ field: String, _ count: Int, _ limit: Int) throws(NetworkFileFault) {
    guard count <= limit else { throw .tooMany(field: field, count: count, limit: limit) }
  }
}

// MARK: - Names that a chain has

extension NetworkFile {
  /// Bytes of a chain's id in the name of its Kademlia network: enough that no two meet.
  private static let chainBytesInName = 8

  /// The usual Kademlia network of a chain: peers of other chains never fill its tables.
  package static func kademliaProtocol(of chainID: Digest) -> String {
    "/martlet/\(Hex.encode(chainID.bytes.prefix(chainBytesInName)))/kad/1.0.0"
  }

  private static let serviceDomain = CanonicalValue.text("martlet/network/service/1")

  /// The key under which peers of one chain say that they offer a service, such as `coordinator`.
  package static func serviceKey(_ service: String, of chainID: Digest) -> KademliaKey {
    let named = CanonicalValue.array([serviceDomain, .bytes(chainID.bytes), .text(service)])
    let sha256: Bytes = [0x12, UInt8(Digest.byteCount)]
    return KademliaKey(sha256 + SHA256.hash(named.encoded()).bytes)
  }
}
