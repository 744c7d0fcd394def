extension PeerNetwork {
  /// What a member answers to questions at its socket file, beside what its host does.
  package nonisolated var controlSections: [PeerControlSection] {
    [
      PeerControlSection(name: "network", isLive: true) { await self.report() },
      PeerControlSection(name: "dht", isLive: true) { await self.kademlia.liveReport() },
      PeerControlSection(name: "group", isLive: true) { await self.groupReport() },
      PeerControlSection(name: "pools") { kind in await self.poolReport(of: kind) },
      PeerControlSection(name: "ports", isLive: false) {
        await PortCheck.report(on: self.host, by: self.autoNAT)
      },
    ]
  }
}
