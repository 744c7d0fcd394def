import Cryptography
import Peering
import Primitives

/// One node's membership of a network: it finds the network's peers by Kademlia and on the local
/// network, is found by them, learns whether they can reach it, and is reached through relays where
/// they cannot. Lives on the host's loop and ends with the host (docs/specs/peer-network.md).
package actor PeerNetwork {
  /// Whose membership it is.
  package nonisolated let host: PeerHost
  nonisolated package var unownedExecutor: UnownedSerialExecutor {
    host.loop.asUnownedSerialExecutor()
  }
  /// How it is a member.
  package nonisolated let settings: PeerNetworkSettings
  /// Its place in the table of all peers.
  package nonisolated let kademlia: KademliaShell
  nonisolated let relays: RelayClient
  nonisolated let puncher: HolePuncher
  nonisolated let autoNAT: AutoNATClient
  private var relayServer: RelayServer?
  private(set) var discovery: MDNSShell?
  var services: [String] = []
  /// When they are said again because of newcomers.
  var advertiseTimer: TimerToken?
  var isAdvertising = false
  var reachability = Reachability.unknown
  var anchorsKept: [Multiaddr]
  var keptRelays: Set<PeerID> = []
  /// Its group, where it says where it is.
  package internal(set) var group: GroupMembership?

  /// A member that `start` makes one. The host identifies its peers, and its protocols and
  /// listeners are its owner's.
  package init(host: PeerHost, settings: PeerNetworkSettings) async {
    self.host = host
    self.settings = settings
    anchorsKept = settings.anchors
    var rules = KademliaSettings.martlet
    rules.serves = settings.serving == .always
    // Stakes are read from a chain that a node follows once it is a member.
    rules.requiresAdmission = false
    let trusted = settings.trusted
    kademlia = await KademliaShell(
      host: host, protocolID: settings.kademliaProtocol, settings: rules,
      admission: { trusted.contains($0) ? .staked : .none })
    let puncher = HolePuncher(host: host, dialsLocalAddresses: settings.dialsLocalAddresses)
    self.puncher = puncher
    relays = RelayClient(host: host, onCircuit: { await puncher.upgrade($0) })
    autoNAT = AutoNATClient(host: host, serversNeeded: settings.reachabilityServersNeeded)
  }

  /// Joins the network and stays a member until the host ends.
  package func start() async {
    await relays.start()
    await puncher.start()
    await autoNAT.start()
    var limits = DialBackLimits()
    limits.dialsLocalAddresses = settings.dialsLocalAddresses
    await AutoNATServer(host: host, limits: limits).start()
    // Peers of other programs register and look for each other at those who are always there.
    if settings.serving == .always { await RendezvousServer(host: host).start() }
    if let limits = settings.relay {
      relayServer = RelayServer(host: host, limits: limits)
      await relayServer?.start()
    }
    await host.observe { [weak self] event in
      guard case .identified = event else { return }
      self?.assumeIsolated { $0.metSomebody() }
    }
    if settings.serving == .whenReachable, await isOnOneSite() { await kademlia.serve(true) }
    await kademlia.start(anchors: learnAnchors())
    await startDiscovery()
    for address in settings.bootstraps where address.peer != host.peerID {
      begin { await $0.keep(bootstrap: address) }
    }
    begin { await $0.keepReachable() }
    if settings.keepAnchors != nil { begin { await $0.keepAnchors() } }
  }

  /// Begins what ends with the host, and keeps the membership until then.
  func begin(_ body: @escaping @Sendable (PeerNetwork) async -> Void) {
    _ = host.assumeIsolated { host in host.begin { await body(self) } }
  }

  // MARK: Beginning

  /// Whether all of the network that we know is on this machine or site, and so are we: whoever
  /// finds us there reaches us.
  private func isOnOneSite() async -> Bool {
    let own = await host.ownAddresses().filter { !$0.isRelayed }
    let named = settings.bootstraps + settings.anchors
    return !own.isEmpty && (own + named).allSatisfy { AddressGroup.scope(of: $0) != .global }
  }

  /// The peers of the last run, in the host's book.
  private func learnAnchors() -> [PeerHandle] {
    host.assumeIsolated { host in
      var handles: [PeerHandle] = []
      for address in settings.anchors.prefix(PeerNetworkLimits.anchorsMax) {
        guard let peer = address.peer, peer != host.peerID else { continue }
        let handle = host.book.intern(peer, now: host.loop.now)
        host.book.learn([address], of: handle, source: .configured, now: host.loop.now)
        if !handles.contains(handle) { handles.append(handle) }
      }
      return handles
    }
  }

  private func startDiscovery() async {
    guard settings.usesLocalDiscovery else { return }
    var rules = MDNSSettings()
    if settings.discoversOwnMachineOnly {
      rules.includesLoopback = true
      rules.interfaces = ["lo"]
    }
    let shell = MDNSShell(host: host, settings: rules) { [weak self] peer, _ in
      self?.assumeIsolated { $0.discovered(peer) }
    }
    // A machine without a network that carries multicast finds its peers by other ways.
    guard (try? await shell.start()) != nil else { return }
    discovery = shell
  }

  /// A peer of the same site is met at once while few others are known: it may be the only way in.
  private func discovered(_ peer: PeerID) {
    begin { await $0.meet(peer) }
  }

  private func meet(_ peer: PeerID) async {
    guard await kademlia.peerCount < PeerNetworkLimits.peersForCalm,
      await !host.isConnected(peer), let connection = try? await dial(peer)
    else { return }
    await connection.waitUntilIdentified()
    let record = await host.record(of: peer)
    // A neighbour of another network, or one that nobody can ask.
    if record?.protocols.contains(settings.kademliaProtocol) != true { await connection.close() }
  }

  /// Keeps a connection with a bootstrap: one that is dead delays no other.
  private func keep(bootstrap address: Multiaddr) async {
    guard let peer = address.peer else { return }
    var pause = PeerNetworkLimits.bootstrapPauseFirst
    while !Task.isCancelled {
      if let connection = try? await dial(peer, at: [address]) {
        pause = PeerNetworkLimits.bootstrapPauseFirst
        _ = await connection.waitUntilClosed()
      }
      // A part of chance keeps those who lost the same bootstrap from coming back together.
      try? await host.loop.sleep(for: pause * Double.random(in: 0.75..<1.25))
      pause = min(pause * 2, PeerNetworkLimits.bootstrapPauseMax)
    }
  }

  private func metSomebody() {
    guard !services.isEmpty, advertiseTimer == nil else { return }
    begin { network in
      guard await network.kademlia.peerCount < PeerNetworkLimits.peersForCalm else { return }
      await network.advertiseSoon(after: PeerNetworkLimits.advertisePause)
    }
  }
}
