import Ledger
import Networking
import Node
import Peering
import Persistence
import Primitives

/// Which network a command means, from its options and settings.
enum NodeMembership {
  /// How a node that is started is a member, with the limits and lists of its settings.
  static func membership(
    _ arguments: Arguments, _ settings: Settings, _ resources: NodeResources
  ) throws -> Membership {
    var membership = Membership(
      place: try place(arguments, settings), home: Homes.selected(arguments))
    membership.filter = try PeerNode.filter(arguments)
    membership.bandwidthMax = resources.bandwidth
    membership.announced = try PeerNode.addresses("announce", arguments)
    membership.relay = arguments.flags.contains("relay") ? RelayServerLimits() : nil
    membership.site = try settings.text("place").map { try SettingKind.place($0, of: "place") }
    membership.kinds = ["cpu", settings.text("role") ?? "worker"]
    if let file = membership.file {
      membership.invitation = try InvitationFile.own(into: file, in: membership.home)
    }
    // The default is a coordinator's; a node takes any port.
    if let listen = settings.row("listen"), listen.source != "default" {
      membership.listen = try PeerNode.address(listen.value)
    }
    return membership
  }

  /// The network, or the coordinator alone; what is said on the command line counts most.
  static func place(_ arguments: Arguments, _ settings: Settings) throws -> CoordinatorPlace {
    let (network, join) = (arguments.text("network"), arguments.text("join"))
    guard network == nil || join == nil else {
      throw CommandFailure.usage(
        "--network and --join name two places", hint: "the network's file names its coordinator")
    }
    if network == nil, let join = settings.text("join"),
      arguments.text("join") != nil
        || settings.text("network") == nil
    {
      return .address(try coordinator(join))
    }
    guard let name = network ?? settings.text("network") else {
      throw CommandFailure.usage(
        "one of the options --network and --join is missing",
        hint: "`martlet server start` prints a network file and an address")
    }
    let home = Homes.selected(arguments)
    let file = try file(name, arguments, settings)
    if home.contains("genesis.json"), try home.genesis().chainID != file.chainID {
      throw NodeError.otherChain(expected: try home.genesis().chainID, found: file.chainID)
    }
    return .network(file)
  }

  private static func coordinator(_ text: String) throws -> Multiaddr {
    let address: Multiaddr
    do {
      address = try Multiaddr(text)
    } catch {
      throw CommandFailure.usage(
        "`\(text)` is not a multiaddr: \(error)", hint: "`martlet server start` prints the address")
    }
    guard address.peer != nil else {
      throw CommandFailure.usage(
        "`\(text)` does not say whose it is",
        hint: "add /p2p/ and the coordinator's peer id; `martlet server start` prints it")
    }
    return address
  }

  /// The network of a name or a path, with the bootstraps that the settings add.
  static func file(
    _ name: String, _ arguments: Arguments, _ settings: Settings
  ) throws -> NetworkFile {
    var file = try NetworkFileStore(home: Homes.selected(arguments)).find(name)
    for word in PeerNode.words(settings.text("bootstrap") ?? "") {
      let address = try PeerNode.dialAddress(word)
      if !file.bootstraps.contains(address) { file.bootstraps.append(address) }
    }
    return file
  }
}
