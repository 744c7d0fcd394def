import Cryptography
import Ledger
import Networking
import Node
import Peering
import Persistence
import Primitives
import Telemetry

/// `network create`.
enum NetworkCreation {
  @Sendable static func create(_ arguments: Arguments) async throws {
    let name = arguments.positionals[0]
    guard NetworkFile.isName(name) else { throw NetworkFileFault.name(name) }
    let home = Homes.selected(arguments)
    let store = NetworkFileStore(home: home)
    guard !store.names.contains(name) else {
      throw CommandFailure(
        "there is a network `\(name)` in \(home.path)",
        hint: "choose another name; `martlet network show \(name)` prints it")
    }
    let settings = try Settings(arguments: arguments)
    // All that can be wrong is found before anything is written.
    let networkClass: NetworkClass = try arguments.choice("class") ?? .open
    let makeRule = try rule(arguments)
    let bootstraps = try await bootstraps(arguments)
    let genesis = try genesis(named: name, in: home, settings)
    let identity = try home.key(named: "identity").publicKey
    let file = try NetworkFile(
      name: name, chainID: genesis.chainID, class: networkClass, rule: makeRule(identity),
      bootstraps: bootstraps ?? ownAddress(settings, identity), coordinators: [identity.peerID],
      key: arguments.flags.contains("private")
        ? PrivateNetworkKey(secret: SystemRandom.bytes(XSalsa20Stream.keyByteCount)) : nil,
      usesLocalDiscovery: !arguments.flags.contains("no-mdns"))
    try store.write(file)
    try NetworkScope.makeDefault(name, home, settings)
    if let output = arguments.text("output") { try AtomicFile.write(file.text, to: output) }
    let copy = arguments.text("output") ?? store.path(of: name)
    Output.result(file.json, asJSON: arguments.isJSON) {
      """
      \(NetworkCommands.text(of: file, at: store))
      next        martlet server start --network \(name)
                  hand on \(copy); others run `martlet network join` on it
      """
    }
    if file.bootstraps.isEmpty {
      Output.note(
        "the file names no peer to begin with: members find each other on a local network only")
    }
  }

  /// The chain of this home, or a new one in a home without any.
  private static func genesis(
    named name: String, in home: HomeDirectory, _ settings: Settings
  ) throws -> Genesis {
    if home.contains("genesis.json") {
      guard home.contains("client.key") else {
        throw CommandFailure(
          "the chain in \(home.path) was begun by somebody else",
          hint: "choose another --home for a network of your own")
      }
      return try home.genesis()
    }
    guard settings.row("role")?.source != "config.json" else {
      throw CommandFailure(
        "\(home.path) is the home of a \(settings.text("role") ?? "node")",
        hint: "choose another --home for a network of your own")
    }
    return try Homes.createNetwork(
      named: name, in: home, validator: home, validatorKeyName: "validator")
  }

  /// The largest stake that a rule of admission can hold.
  private static let stakeMax = Amount(baseUnits: UInt128(UInt64.max))

  /// The rule, once the key of the home is known.
  private static func rule(
    _ arguments: Arguments
  ) throws -> @Sendable (PublicKey) throws -> AdmissionRule {
    let name = arguments.text("admission") ?? "everyone"
    let members = try PeerNode.list("members", arguments).map(PeerNode.peer)
    let issuers = try PeerNode.list("issuers", arguments).map(PeerNode.peer)
    try refuse("members", unless: ["list", "listed"], name, arguments)
    try refuse("issuers", unless: ["invitation", "invited"], name, arguments)
    try refuse("stake", unless: ["stake", "staked"], name, arguments)
    switch name {
    case "everyone", "open": return { _ in .everyone }
    case "list", "listed":
      guard !members.isEmpty else {
        throw CommandFailure.usage("the list is empty", hint: "give --members PEER,…")
      }
      // Who runs the network is in it.
      return { own in .listed([own.peerID] + members.filter { $0 != own.peerID }) }
    case "invitation", "invited":
      let keys = try issuers.map { peer in
        guard let key = peer.publicKey else {
          throw CommandFailure.usage("`\(peer)` has no key that signs invitations")
        }
        return key
      }
      return { own in .invited(by: keys.isEmpty ? [own] : keys) }
    case "stake", "staked":
      let text = try arguments.required("stake")
      guard let units = (try? Amount(tokensText: text))?.baseUnits,
        let minimum = UInt64(exactly: units)
      else {
        throw CommandFailure.usage(
          "--stake is `\(text)`", hint: "give tokens such as 12.5, at most \(stakeMax)")
      }
      return { _ in .staked(minimum: minimum) }
    default: throw NetworkFileFault.admission(name)
    }
  }

  private static func refuse(
    _ option: String, unless names: [String], _ name: String, _ arguments: Arguments
  ) throws {
    guard arguments.text(option) == nil || names.contains(name) else {
      throw CommandFailure.usage(
        "--\(option) does not go with the rule `\(name)`", hint: "give --admission \(names[0])")
    }
  }

  // MARK: Where members begin

  /// The addresses that were named; one without `/p2p/ID` is asked who it is.
  private static func bootstraps(_ arguments: Arguments) async throws -> [Multiaddr]? {
    guard arguments.text("bootstrap") != nil else { return nil }
    var addresses: [Multiaddr] = []
    for word in PeerNode.list("bootstrap", arguments) {
      let address = try PeerNode.address(word)
      addresses.append(address.peer == nil ? try await owner(of: address, arguments) : address)
    }
    return addresses
  }

  private static func owner(of address: Multiaddr, _ arguments: Arguments) async throws -> Multiaddr
  {
    let named = Lock(address)
    try await PeerNode.run(arguments, settings: PeerNode.quiet) { node in
      let peer: PeerID
      do throws(PeerError) {
        peer = try await node.host.identity(at: address)
      } catch {
        throw CommandFailure(
          "nobody at \(address) says who it is: \(error)",
          hint: "start that peer, or add /p2p/ and its id", code: .unreachable)
      }
      Output.note("\(address) is \(peer)")
      named.withLock { $0 = address.naming(peer) }
    }
    return named.withLock { $0 }
  }

  /// Where this home's own coordinator will listen, if that is known and somebody can dial it.
  private static func ownAddress(_ settings: Settings, _ identity: PublicKey) -> [Multiaddr] {
    guard let listen = try? Multiaddr(settings.text("listen") ?? ""), listen.port != 0 else {
      return []
    }
    return InterfaceAddresses.expand(listen.withoutPeer)
      .filter { $0.ipBytes?.allSatisfy { $0 == 0 } == false }
      .map { $0.naming(identity.peerID) }
  }
}
