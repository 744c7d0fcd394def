import Ledger
import Node
import Peering
import Persistence
import Primitives

/// The network that a question is about: where it begins, and how its peers talk.
struct NetworkScope: Sendable {
  /// For people; empty where only addresses are known.
  var name = ""
  var file: NetworkFile?
  /// Peers to begin with.
  var bootstraps: [Multiaddr] = []
  var kademliaProtocol = KademliaMachine.martletProtocolID

  static let options = [
    Option(
      name: "network", value: "NAME|FILE", summary: "which one (default: the only one there is)"),
    Option(
      name: "bootstrap", value: "ADDRESS,…", summary: "peers to begin with, beside the network's"),
    Option(name: "kad-protocol", value: "ID", summary: "the Kademlia network's protocol"),
  ]

  /// The file that was named, or the only one of the home.
  static func file(_ arguments: Arguments) throws -> NetworkFile {
    guard let file = try fileIfAny(arguments) else {
      throw CommandFailure.usage(
        "the option --network is missing",
        hint: "`martlet network list` lists them, `martlet network join FILE` takes one in")
    }
    return file
  }

  private static func fileIfAny(_ arguments: Arguments) throws -> NetworkFile? {
    let settings = try Settings(arguments: arguments)
    let store = NetworkFileStore(home: Homes.selected(arguments))
    if let name = settings.text("network") { return try store.find(name) }
    let names = store.names
    guard names.count < 2 else {
      throw CommandFailure.usage(
        "there are \(names.count) networks here: \(names.joined(separator: ", "))",
        hint: "give --network NAME, or set it with `martlet config set network NAME`")
    }
    return try names.first.map { try store.read($0) }
  }

  /// The first network of a home is meant from then on where none is named.
  static func makeDefault(
    _ name: String, _ home: HomeDirectory, _ settings: Settings
  ) throws {
    guard settings.text("network") == nil else { return }
    try ConfigCommands.change(home, "network", to: .string(name))
  }

  /// What options, settings and the home say.
  init(_ arguments: Arguments) throws {
    let settings = try Settings(arguments: arguments)
    // Addresses on the command line are enough.
    let isNamed = arguments.text("network") != nil || arguments.text("bootstrap") == nil
    if isNamed, let file = try Self.fileIfAny(arguments) {
      self.file = file
      name = file.name
      bootstraps = file.bootstraps
      kademliaProtocol = file.kademliaProtocol
    }
    for word in PeerNode.words(settings.text("bootstrap") ?? "") {
      let address = try PeerNode.address(word)
      if !bootstraps.contains(address) { bootstraps.append(address) }
    }
    if let join = settings.text("join").flatMap({ try? Multiaddr($0) }), isNamed, file == nil {
      bootstraps.append(join)
    }
    let home = Homes.selected(arguments)
    if file == nil, home.contains("genesis.json") {
      kademliaProtocol = NetworkFile.kademliaProtocol(of: try home.genesis().chainID)
    }
    if let name = arguments.text("kad-protocol") { kademliaProtocol = name }
  }

  /// Whether all of it is on this machine.
  var isLocal: Bool {
    !bootstraps.isEmpty && bootstraps.allSatisfy { AddressGroup.scope(of: $0) == .loopback }
  }
}
