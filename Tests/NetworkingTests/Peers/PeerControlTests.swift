import Cryptography
import Glibc
import Networking
import Peering
import Primitives
import Testing

@Suite("Asking a running host", .timeLimit(.minutes(5)))
struct PeerControlTests {
  @Test("a host tells of its peers, and each section answers its own question")
  func questions() async throws {
    let path = "/tmp/martlet-control-\(getpid()).sock"
    defer { unlink(path) }
    try await withLoop { loop in
      let (host, other) = (RelayHostTests.host(loop), RelayHostTests.host(loop))
      try await withPeerHosts([host, other]) {
        let address = try await other.listen(on: RelayHostTests.any)
        await (try await host.connect(to: other.peerID, at: [address])).waitUntilIdentified()
        let sections = [
          PeerControlSection(name: "work", isLive: true) { ["role": "worker"] },
          PeerControlSection(name: "slow", isLive: false) { ["took": "long"] },
        ]
        let answering = Task {
          try await PeerControl(host: host, sections: { sections }).run(at: path)
        }
        defer { answering.cancel() }
        while access(path, F_OK) != 0 {
          try await loop.perform { try await loop.sleep(for: .milliseconds(1)) }
        }
        let live = try await PeerControl.ask("live", at: path, on: loop)
        #expect(live["peer_id"]?.text == "\(host.peerID)")
        let peers = try #require(live["peers"]?.elements)
        #expect(peers.map { $0["peer_id"]?.text } == ["\(other.peerID)"])
        #expect(peers[0]["direction"]?.text == "outbound")
        #expect(live["work"]?["role"]?.text == "worker")
        #expect(live["slow"] == nil)
        #expect(try await PeerControl.ask("slow", at: path, on: loop)["took"]?.text == "long")
        #expect(try await PeerControl.ask("nothing", at: path, on: loop)["error"] != nil)
        // The first picture asked for the round trip, so a later one has it.
        var roundTrip: JSONValue?
        while roundTrip?.integer == nil {
          let next = try await PeerControl.ask("live", at: path, on: loop)
          roundTrip = next["peers"]?.elements?.first?["round_trip_us"]
        }
      }
    }
  }

  @Test("what was refused is in the picture")
  func refusals() async throws {
    try await withLoop { loop in
      var settings = PeerHostSettings()
      settings.filter.deniedBlocks = [try AddressBlock("127.0.0.0/8")]
      let host = PeerHost(loop: loop, identity: .generate(), settings: settings, protocols: [])
      let other = RelayHostTests.host(loop)
      try await withPeerHosts([host, other]) {
        let address = try await host.listen(on: RelayHostTests.any)
        await #expect(throws: PeerError.self) {
          _ = try await other.connect(to: host.peerID, at: [address])
        }
        let refused = await host.liveReport()["refusals"]?.elements ?? []
        #expect(refused.count >= 1)
        #expect(refused.first?["what"]?.text?.contains("deny list") == true)
      }
    }
  }
}
