import Cryptography
import Ledger
import Networking
import Node
import Orchestration
import Peering
import Persistence

/// A coordinator as a member of its network: it is found there, and hands the network's file on.
struct ServerMembership: Sendable {
  private let store: NetworkFileStore
  private let membership: Membership
  private var network: PeerNetwork?
  private let pool = Membership.pool()
  /// The network as its members have it, with this server's addresses once it listens.
  private(set) var file: NetworkFile

  /// The membership that the home's genesis document and the options ask for.
  init(
    home: HomeDirectory, identity: PeerID, settings: Settings, _ arguments: Arguments
  ) throws {
    store = NetworkFileStore(home: home)
    let genesis = try home.genesis()
    let settings = try Settings(arguments: arguments)
    let word = settings.text("network") ?? NetworkFile.name(from: genesis.name)
    do {
      file = try store.find(word)
    } catch let error as NetworkFileError where error.fault == nil && !word.contains("/") {
      // A home of an earlier version has none yet.
      file = try NetworkFile(name: word, chainID: genesis.chainID, coordinators: [identity])
    }
    guard file.chainID == genesis.chainID else {
      throw NodeError.otherChain(expected: genesis.chainID, found: file.chainID)
    }
    guard file.coordinators.contains(identity) else {
      throw CommandFailure(
        "\(identity) may not coordinate the network \(file.name)",
        hint: "its file names the coordinators; start a node with `martlet node start`",
        code: .refused)
    }
    var membership = Membership(place: .network(file), home: home)
    membership.listen = try PeerNode.address(settings.text("listen") ?? "")
    membership.serving = .always
    membership.announced = try PeerNode.addresses("announce", arguments)
    membership.relay = arguments.flags.contains("relay") ? RelayServerLimits() : nil
    membership.filter = try PeerNode.filter(arguments)
    membership.bandwidthMax = try NodeResources(settings).bandwidth
    for role in [NodeRole.validator, .evaluator] where !arguments.flags.contains("no-roles") {
      membership.ownPeers.insert(
        try home.keyOrNew(named: role.rawValue).publicKey.peerID)
    }
    membership.site = try settings.text("place").map { try SettingKind.place($0, of: "place") }
    membership.kinds = [NodeRole.coordinator.rawValue]
    membership.stakes = membership.stakesToKeep()
    membership.invitation = try InvitationFile.own(into: file, in: home)
    self.membership = membership
  }

  /// What the coordinator has to keep up to date, where the network asks for stakes.
  var stakes: StakeBook? { membership.stakes }

  /// Says goodbye to the groups; the host has to run until then.
  func leave() async { await network?.leave() }

  /// Where the file is.
  var path: String { store.path(of: file.name) }

  var hostSettings: PeerHostSettings {
    var settings = membership.hostSettings(pool: pool)
    // A coordinator's port is its own: a second server there must fail.
    settings.dialsFromListenPort = false
    return settings
  }

  /// Joins with a host that listens, is found as a coordinator from then on, and puts its addresses
  /// into the file.
  mutating func join(with host: PeerHost) async throws {
    network = await membership.join(file.chainID, with: host, pool: pool) { Output.note($0) }
    await network?.advertise(NodeRole.coordinator.rawValue)
    let own = await host.ownAddresses().filter { !$0.isRelayed }
    let outside = own.filter { AddressGroup.scope(of: $0) != .loopback }
    file.bootstraps.removeAll { $0.peer == host.peerID }
    let room = NetworkFile.bootstrapsMax - file.bootstraps.count
    file.bootstraps += (outside.isEmpty ? own : outside).prefix(max(0, room))
    try store.write(file)
    let sections = network?.controlSections ?? []
    _ = await host.begin { [membership] in
      await membership.answerQuestions(about: host) { sections }
    }
  }
}
