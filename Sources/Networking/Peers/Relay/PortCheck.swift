package import Cryptography
package import Peering
package import Primitives

/// Who can connect to an address of ours.
package enum PortVerdict: String, Sendable {
  /// Somebody elsewhere got through.
  case open = "public"
  /// Somebody on this machine or site did, and nobody else could.
  case local
  /// Those who tried did not.
  case closed = "private"
  /// Nobody tried.
  case unknown
}

/// What peers found about one address.
package struct PortFinding: Sendable {
  /// Where we listen, or say that we do.
  package let address: Multiaddr
  /// Who got through: over a connection of their own they gave back the number we drew.
  package fileprivate(set) var reached: [PeerID] = []
  /// Who did not.
  package fileprivate(set) var missed: [PeerID] = []
  /// Who would not try, or did not answer.
  package fileprivate(set) var declined: [PeerID] = []

  /// What they say together.
  package var verdict: PortVerdict {
    if !reached.isEmpty { return AddressGroup.scope(of: address) == .global ? .open : .local }
    return missed.isEmpty ? .unknown : .closed
  }

  /// One row for programs.
  package var json: JSONValue {
    [
      "address": .string("\(address)"), "verdict": .string(verdict.rawValue),
      "reached_by": Self.names(reached), "missed_by": Self.names(missed),
      "declined_by": Self.names(declined),
    ]
  }

  private static func names(_ peers: [PeerID]) -> JSONValue {
    .array(peers.map { .string("\($0)") })
  }
}

/// Lets peers that speak AutoNAT dial each of our addresses.
package enum PortCheck {
  /// Peers asked: more than have to agree, so that some may be busy.
  package static let serversMax = 6
  /// Addresses that one peer is asked about: it dials so often for us in a minute
  /// (`DialBackLimits.dialsPerPeerMax`).
  private static let addressesPerServerMax = 3

  /// The connected peers that can be asked.
  package static func servers(of host: PeerHost) async -> [PeerID] {
    await host.connectedPeers(speaking: [AutoNATProtocol.dialRequest, AutoNATProtocol.status])
  }

  /// Asks peers about our direct addresses; what the most distant can use comes first.
  package static func run(
    on host: PeerHost, by client: AutoNATClient, asking servers: [PeerID]
  ) async -> [PortFinding] {
    let own = await host.ownAddresses().filter { !$0.isRelayed }.map(\.withoutOwner)
    let ordered =
      own.filter { AddressGroup.scope(of: $0) == .global }
      + own.filter { AddressGroup.scope(of: $0) != .global }
    var findings = ordered.map { PortFinding(address: $0) }
    await withTaskGroup(of: [(Int, PeerID, Bool?)].self) { group in
      for (turn, server) in servers.prefix(serversMax).enumerated() {
        // Each begins elsewhere, so that many addresses are shared out.
        let indices = ordered.indices.map { ($0 + turn) % ordered.count }
        let asked = Array(indices.prefix(addressesPerServerMax))
        group.addTask { await ask(server, about: asked, of: ordered, client) }
      }
      for await answers in group {
        for (index, server, isReachable) in answers {
          switch isReachable {
          case true?: findings[index].reached.append(server)
          case false?: findings[index].missed.append(server)
          case nil: findings[index].declined.append(server)
          }
        }
      }
    }
    return findings
  }

  /// What the connected peers find, for programs.
  package static func report(on host: PeerHost, by client: AutoNATClient) async -> JSONValue {
    let servers = await servers(of: host)
    let findings = await run(on: host, by: client, asking: servers)
    return [
      "asked": .integer(Int64(min(servers.count, serversMax))),
      "ports": .array(findings.map(\.json)),
    ]
  }

  private static func ask(
    _ server: PeerID, about indices: [Int], of addresses: [Multiaddr], _ client: AutoNATClient
  ) async -> [(Int, PeerID, Bool?)] {
    var answers: [(Int, PeerID, Bool?)] = []
    for index in indices {
      let answer = try? await client.ask(server, about: [addresses[index]])
      answers.append((index, server, answer?.isReachable))
    }
    return answers
  }
}
