package import Cryptography
package import Networking
package import Peering
package import Persistence
package import Primitives

/// Which coordinator a node works for.
package enum CoordinatorPlace: Sendable {
  /// The one at an address, which ends in `/p2p/ID`.
  case address(Multiaddr)
  /// Whoever the network's file names, wherever it is found.
  case network(NetworkFile)
}

/// How a process is a member of a network of peers: its home, how it is found, and what it does for
/// others.
package struct Membership: Sendable {
  /// Names and anchors that wait for their thread.
  private static let queueMax = 64

  /// Where it begins.
  package var place: CoordinatorPlace
  /// Holds the anchors, and the socket file of questions.
  package var home: HomeDirectory
  /// The name of the key file, without `.key`.
  package var keyName = "identity"
  /// Where peers reach it; nil for any port, on this machine only if the network is there.
  package var listen: Multiaddr?
  /// Addresses that are told to peers too.
  package var announced: [Multiaddr] = []
  /// When it answers others' questions about the network.
  package var serving = PeerNetworkSettings.Serving.whenReachable
  /// What it relays for others; nil for nothing.
  package var relay: RelayServerLimits?
  /// Whether it talks to anyone but its coordinator.
  package var meetsPeers = true
  /// The secret of a private network, where no file has it.
  package var key: PrivateNetworkKey?
  /// Whom it talks to at all.
  package var filter = PeerFilter()
  /// Who works in the same process under another key; a list of members need not name them.
  package var ownPeers: Set<PeerID> = []
  /// What all its connections together may send, and what they may receive.
  package var bandwidthMax: BitRate?

  /// Where it says it is; without that it is in no group.
  package var site: DeclaredPlace?
  /// Kinds of resources that it offers to groups.
  package var kinds: [String] = []
  /// Its right to be in the network, where the network asks for one.
  package var invitation: NetworkInvitation?
  /// Stakes, where the network asks for them and this process follows the chain.
  package var stakes: StakeBook?

  /// The usual member.
  package init(place: CoordinatorPlace, home: HomeDirectory) {
    self.place = place
    self.home = home
  }

  /// The network's file, where there is one.
  package var file: NetworkFile? {
    if case .network(let file) = place { file } else { nil }
  }

  /// The socket file where it answers questions.
  package var controlPath: String { home.file("p2p.sock") }

  /// Looks names up and writes anchors.
  package static func pool() -> ComputePool {
    ComputePool(named: "peers", threads: 1, queueMax: queueMax)
  }

  /// How its host behaves; `pool` is a thread that may block.
  package func hostSettings(pool: ComputePool) -> PeerHostSettings {
    var settings = PeerHostSettings()
    settings.resolver = NameResolver(pool: pool)
    settings.filter = admitted
    settings.bandwidthMax = bandwidthMax
    settings.announcedAddresses = announced
    settings.privateNetwork = key ?? file?.key
    settings.identifiesPeers = meetsPeers
    // Who has to punch holes dials from where it listens; on one machine nobody has to.
    settings.dialsFromListenPort = meetsPeers && AddressGroup.scope(of: listenAddress) != .loopback
    return settings
  }

  /// Whom it talks to: where the network lists its members, those, and whom it begins with.
  private var admitted: PeerFilter {
    guard let file, case .listed(let peers) = file.profile.rule, filter.allowedPeers.isEmpty else {
      return filter
    }
    var filter = filter
    filter.allowedPeers = Set(peers + file.coordinators + file.bootstraps.compactMap(\.peer))
    filter.allowedPeers.formUnion(ownPeers)
    return filter
  }

  /// Where it listens.
  package var listenAddress: Multiaddr {
    if let listen { return listen }
    let isLocal = !named.isEmpty && named.allSatisfy { AddressGroup.scope(of: $0) == .loopback }
    return Multiaddr([
      .ip4(isLocal ? [127, 0, 0, 1] : [0, 0, 0, 0]), .tcp(0),
    ])
  }

  /// The peers that it begins with.
  private var named: [Multiaddr] {
    switch place {
    case .address(let address): [address]
    case .network(let file): file.bootstraps
    }
  }

  /// How it is a member of a chain's network; `pool` is a thread that may block.
  package func networkSettings(of chainID: Digest, pool: ComputePool) -> PeerNetworkSettings? {
    var settings: PeerNetworkSettings
    switch place {
    case .address(let address):
      guard let coordinator = address.peer else { return nil }
      settings = PeerNetworkSettings(chainID: chainID, coordinator: coordinator)
    case .network(let file): settings = PeerNetworkSettings(file)
    }
    settings.serving = serving
    settings.relay = relay
    // Who listens on this machine alone meets nobody whose addresses it could be sent to.
    let isOnOwnMachine = AddressGroup.scope(of: listenAddress) == .loopback
    settings.discoversOwnMachineOnly = isOnOwnMachine
    settings.dialsLocalAddresses = isOnOwnMachine
    let anchors = AnchorFile(home: home, keyName: keyName)
    settings.anchors = anchors.read()
    settings.keepAnchors = { list in try? await pool.run { try anchors.write(list) } }
    return settings
  }

  /// Listens, where others may come.
  package func listen(with host: PeerHost) async throws {
    if meetsPeers { _ = try await host.listen(on: listenAddress) }
  }

  /// The stakes to be kept by whoever follows the chain; nil where nobody asks for them.
  package func stakesToKeep() -> StakeBook? {
    site != nil && file?.profile.isByStake == true ? StakeBook() : nil
  }

  /// Joins a chain's network with a host that listens; `report` gets a line if it can be in no
  /// group of its place.
  package func join(
    _ chainID: Digest, with host: PeerHost, pool: ComputePool,
    report: @Sendable (String) -> Void = { _ in }
  ) async -> PeerNetwork? {
    guard meetsPeers, let settings = networkSettings(of: chainID, pool: pool) else { return nil }
    let network = await PeerNetwork(host: host, settings: settings)
    await network.start()
    if let site, let profile = file?.profile {
      // Elsewhere no member knows stakes, and one that did would see another line of succession.
      var member = GroupSettings(
        profile: profile, place: site, kinds: kinds, invitation: invitation)
      if profile.isByStake, let stakes { member.stake = { stakes.stake(of: $0) } }
      if let absence = await network.joinGroup(member) { report(absence.words) }
    }
    return network
  }

  /// Answers questions about the host until it is cancelled. Who cannot make the socket file, in a
  /// home with a very long name, answers none.
  package func answerQuestions(
    about host: PeerHost, sections: @escaping @Sendable () -> [PeerControlSection]
  ) async {
    guard meetsPeers, keyName == "identity" else { return }
    try? await PeerControl(host: host, sections: sections).run(at: controlPath)
  }
}
