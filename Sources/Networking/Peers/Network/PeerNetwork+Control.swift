import Peering
import Primitives

extension PeerNetwork {
  /// What a member answers to questions at its socket file, beside what its host does.
  package nonisolated var controlSections: [PeerControlSection] {
    [
      PeerControlSection(name: "network", isLive: true) { await self.report() },
      PeerControlSection(name: "dht", isLive: true) { await self.kademlia.liveReport() },
      PeerControlSection(name: "ports", isLive: false) { await self.checkPorts() },
    ]
  }

  /// Lets connected peers dial each of our addresses.
  private func checkPorts() async -> JSONValue {
    let servers = await PortCheck.servers(of: host)
    let findings = await PortCheck.run(on: host, by: autoNAT, asking: servers)
    return [
      "asked": .integer(Int64(min(servers.count, PortCheck.serversMax))),
      "ports": .array(findings.map(\.json)),
    ]
  }
}
