import Cryptography
import Networking
import Peering
import Persistence
import Primitives

/// A host for a question about the network, with this home's key where it has one.
enum DiagnosisNode {
  static let options =
    NetworkScope.options + [
      Option(name: "listen", value: "MULTIADDR", summary: "where peers are asked to dial back")
    ] + PeerNode.options

  /// The key that a network's rule of admission may know.
  static func identity(_ arguments: Arguments) throws -> SigningKey {
    let home = Homes.selected(arguments)
    return home.contains("identity.key") ? try home.key(named: "identity") : .generate()
  }

  /// How its host talks in the network that is meant.
  static func settings(_ scope: NetworkScope) -> PeerHostSettings {
    var settings = PeerHostSettings()
    settings.privateNetwork = scope.file?.key
    return settings
  }

  /// Where it listens: any port, on this machine only if the network is there.
  static func listenAddress(_ arguments: Arguments, _ scope: NetworkScope) throws -> Multiaddr {
    if let text = arguments.text("listen") { return try PeerNode.address(text) }
    return try PeerNode.address(scope.isLocal ? "/ip4/127.0.0.1/tcp/0" : "/ip4/0.0.0.0/tcp/0")
  }

  /// A client of the network's table of peers: it asks and is not asked.
  static func kademlia(_ node: PeerNode, _ scope: NetworkScope) async -> KademliaShell {
    let name = scope.kademliaProtocol
    var rules: KademliaSettings = name.hasPrefix("/ipfs/") ? .ipfs : .martlet
    rules.serves = false
    rules.requiresAdmission = false
    let shell = await KademliaShell(host: node.host, protocolID: name, settings: rules)
    await shell.start()
    return shell
  }
}

/// How a bootstrap answered.
struct BootstrapAnswer: Sendable {
  let address: Multiaddr
  let peer: PeerID?
  /// Until it had proven who it is.
  let handshake: Duration
  /// A ping to it and back.
  let roundTrip: Duration?
  let agent: String
  let protocols: [String]
  /// Why it did not answer; nil when it did.
  let failure: PeerError?

  /// Dials an address; one that does not say whose it is, is asked.
  static func dial(_ address: Multiaddr, from node: PeerNode) async -> BootstrapAnswer {
    let start = ContinuousClock.now
    do throws(PeerError) {
      let peer: PeerID
      if let named = address.peer {
        peer = named
      } else {
        peer = try await node.host.identity(at: address)
      }
      let connection = try await node.host.connect(to: peer, at: [address.naming(peer)])
      let handshake = ContinuousClock.now - start
      await connection.waitUntilIdentified()
      let times = try await connection.echo(count: 3)
      let record = await node.host.record(of: peer)
      return BootstrapAnswer(
        address: address, peer: peer, handshake: handshake, roundTrip: times.min(),
        agent: record?.agent ?? "", protocols: record?.protocols ?? [], failure: nil)
    } catch {
      return BootstrapAnswer(
        address: address, peer: address.peer, handshake: ContinuousClock.now - start,
        roundTrip: nil, agent: "", protocols: [], failure: error)
    }
  }

  /// All at once, in the order given.
  static func dial(_ addresses: [Multiaddr], from node: PeerNode) async -> [BootstrapAnswer] {
    await withTaskGroup(of: (Int, BootstrapAnswer).self) { group in
      for (index, address) in addresses.enumerated() {
        group.addTask { (index, await dial(address, from: node)) }
      }
      var answers: [(Int, BootstrapAnswer)] = []
      for await answer in group { answers.append(answer) }
      return answers.sorted { $0.0 < $1.0 }.map(\.1)
    }
  }
}

/// Times as people read them.
enum Milliseconds {
  static func text(_ duration: Duration) -> String {
    let tenths = (duration / .milliseconds(1) * 10).rounded() / 10
    return "\(tenths) ms"
  }

  static func json(_ duration: Duration?) -> JSONValue {
    duration.map { .number($0 / .milliseconds(1)) } ?? .null
  }
}
