import Cryptography
package import Peering
package import Primitives

extension PeerNetwork {
  // MARK: Anchors

  /// Hands on the peers to begin with at the next start, whenever they are others than before.
  func keepAnchors() async {
    var pause = PeerNetworkLimits.anchorsFirst
    while !Task.isCancelled {
      try? await host.loop.sleep(for: pause)
      pause = PeerNetworkLimits.anchorsPause
      let now = await anchors()
      // A node that lost everybody keeps those it knew.
      guard !now.isEmpty, now != anchorsKept else { continue }
      anchorsKept = now
      await settings.keepAnchors?(now)
    }
  }

  /// Where the peers are that answer now: trusted ones that are connected, then those of the table.
  package func anchors() async -> [Multiaddr] {
    addresses(ofTable: await kademlia.anchors)
  }

  private func addresses(ofTable table: [PeerHandle]) -> [Multiaddr] {
    host.assumeIsolated { host in
      let trusted = host.connectedHandles().filter {
        host.book.peer(of: $0).map(settings.trusted.contains) ?? false
      }
      var addresses: [Multiaddr] = []
      var seen: Set<PeerHandle> = []
      for handle in trusted + table where seen.insert(handle).inserted {
        guard let record = host.book.record(of: handle), record.peer != host.peerID else {
          continue
        }
        let best = record.addresses.filter {
          !$0.address.isRelayed && $0.address.isDialable && $0.failures == 0
        }
        addresses += best.prefix(PeerNetworkLimits.addressesPerAnchorMax)
          .map { $0.address.naming(record.peer) }
      }
      return Array(addresses.prefix(PeerNetworkLimits.anchorsMax))
    }
  }

  // MARK: Reachability

  /// Asks peers whether they can reach us, serves when they can, and has relays reach us when they
  /// cannot.
  func keepReachable() async {
    try? await host.loop.sleep(for: PeerNetworkLimits.reachabilityFirst)
    while !Task.isCancelled {
      await askAboutAddresses()
      reachability = await autoNAT.reachability
      if settings.serving == .whenReachable, reachability != .unknown {
        await kademlia.serve(reachability == .reachable)
      }
      if reachability == .unreachable { await askRelays() }
      let pause =
        reachability == .unknown
        ? PeerNetworkLimits.reachabilityPause : PeerNetworkLimits.reachabilityRenewal
      try? await host.loop.sleep(for: pause)
    }
  }

  private func askAboutAddresses() async {
    let own = await host.ownAddresses().filter { !$0.isRelayed }
    let asked = own.filter {
      settings.dialsLocalAddresses || AddressGroup.scope(of: $0) == .global
    }
    guard !asked.isEmpty else { return }
    let names = [AutoNATProtocol.dialRequest, AutoNATProtocol.status]
    let servers = await host.connectedPeers(speaking: names)
    for server in servers.prefix(PeerNetworkLimits.reachabilityServers) {
      _ = try? await autoNAT.ask(server, about: asked)
    }
  }

  private func askRelays() async {
    for relay in await host.connectedPeers(speaking: [RelayProtocol.hop])
    where keptRelays.count < PeerNetworkLimits.relaysWanted && keptRelays.insert(relay).inserted {
      begin { await $0.relays.keep(at: relay) }
    }
  }

  // MARK: For people

  /// What this member is and knows.
  package func report() async -> JSONValue {
    [
      "network": .string(settings.name), "peer_id": .string("\(host.peerID)"),
      "serving": .bool(await kademlia.isServing),
      "reachability": .string("\(reachability)"),
      "table": .integer(Int64(await kademlia.peerCount)),
      "relays": .array(await relays.relays.map { .string("\($0)") }),
      "services": .array(services.map { .string($0) }),
    ]
  }
}
