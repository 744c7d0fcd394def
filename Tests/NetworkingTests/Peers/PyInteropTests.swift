import Cryptography
import ForeignPeers
import Glibc
import Networking
import Peering
import Primitives
import Testing

/// Where the Python is that py-libp2p is installed in: `MARTLET_PY_LIBP2P`, as `Scripts/interop`
/// sets it.
let pythonOfPeers: String? = {
  guard let path = getenv("MARTLET_PY_LIBP2P").map({ String(cString: $0) }) else { return nil }
  return access(path, X_OK) == 0 ? path : nil
}()

/// Why the tests of a foreign peer are skipped.
let pythonIsMissing: Comment = "no MARTLET_PY_LIBP2P: run Scripts/interop"

/// Runs a py-libp2p node beside `hosts` of ours, which listen on loopback.
func withPython(
  _ options: JSONValue, hosts count: Int = 1,
  _ change: @escaping @Sendable (inout PeerHostSettings) -> Void = { _ in },
  _ body: @escaping @Sendable (CommandedPeer, [PeerHost]) async throws -> Void
) async throws {
  let interpreter = try #require(pythonOfPeers)
  try await withLoop { loop in
    try await loop.perform {
      let hosts = (0..<count).map { _ in RelayHostTests.host(loop, change) }
      let python = try await CommandedPeer(
        loop: loop, interpreter: interpreter, program: "py_peer.py", options: options)
      defer { python.stop() }
      try await withPeerHosts(hosts) {
        for host in hosts { _ = try await host.listen(on: RelayHostTests.any) }
        try await body(python, hosts)
      }
    }
  }
}

extension PeerHost {
  /// Where it listens on loopback, with its name.
  var loopbackAddress: Multiaddr {
    get throws {
      try #require(ownAddresses().first { !$0.isRelayed }).withoutOwner.naming(peerID)
    }
  }
}

/// Against py-libp2p, which `Scripts/bootstrap --peers` installs.
@Suite(
  "py-libp2p", .enabled(if: pythonOfPeers != nil, pythonIsMissing), .timeLimit(.minutes(5)))
struct PyInteropTests {
  @Test("we dial py-libp2p, identify it, ping it, and a stream carries bytes both ways")
  func dialPython() async throws {
    try await withPython([:]) { python, hosts in
      let address = try await python.address()
      let connection = try await hosts[0].dial(address)
      #expect(await connection.provenPeer == address.peer)
      let message = try await connection.identify()
      #expect(message.agentVersion.contains("py-libp2p"))
      #expect(message.protocols.contains(PingProtocol.protocolID))
      #expect(PeerID(protobufKey: message.publicKey) == address.peer)
      #expect(try SignedPeerRecord(decoding: message.signedPeerRecord).peer == address.peer)
      #expect(try await connection.echo(count: 20).count == 20)
      let stream = try await connection.openStream(["/test/echo/1.0.0"])
      try await RelayHostTests.echoes(Bytes(repeating: 7, count: 600_000), on: stream)
    }
  }

  @Test("py-libp2p dials us, identifies us, pings us, and a stream carries bytes both ways")
  func pythonDials() async throws {
    try await withPython([:]) { python, hosts in
      let host = hosts[0]
      let address = try await host.loopbackAddress
      try await python.ask("connect", ["address": address.json])
      let identity = try await python.ask("identify", ["peer": host.peerID.json])
      #expect(identity["agent"]?.text == "martlet")
      #expect(identity["signer"] == host.peerID.json)
      #expect(identity["protocols"]?.strings.contains(PingProtocol.protocolID) == true)
      let pings = try await python.ask("ping", ["peer": host.peerID.json, "count": 20])
      #expect(pings.elements?.count == 20)
      let echoed = try await python.ask("echo", ["peer": host.peerID.json, "size": 600_000])
      #expect(echoed == true)
      #expect(await host.openConnections.count == 1)
    }
  }

  @Test("py-libp2p is refused under another identity")
  func wrongPython() async throws {
    try await withPython([:]) { python, hosts in
      let address = try await python.address()
      let actual = try #require(address.peer)
      let expected = SigningKey.generate().publicKey.peerID
      await #expect(throws: PeerError.peering(.wrongPeer(expected: expected, actual: actual))) {
        _ = try await hosts[0].dial(address.naming(expected))
      }
    }
  }

  @Test("either side pushes a protocol that it began to serve, and the other one knows it")
  func push() async throws {
    try await withPython([:]) { python, hosts in
      let host = hosts[0]
      let theirs = try await python.itself().peer
      _ = try await host.connect(to: theirs, at: [try await python.address()])
      try await eventually(on: host.loop) {
        await host.knows("/ipfs/id/push/1.0.0", of: theirs)
      }
      #expect(
        try await python.ask("push", ["peer": host.peerID.json, "protocol": "/test/new/1.0.0"])
          == true)
      try await eventually(on: host.loop) { await host.knows("/test/new/1.0.0", of: theirs) }
      await host.serve(StreamProtocol("/test/ours/1.0.0") { _ in })
      try await eventually(on: host.loop) {
        try await python.ask("known_protocols", ["peer": host.peerID.json]).strings
          .contains("/test/ours/1.0.0")
      }
    }
  }

  /// Version 0.8.1 encrypts with Salsa20 and a nonce of 8 bytes where libp2p/specs
  /// pnet/Private-Networks-PSK-V1-Spec.md asks for XSalsa20 and 24 bytes, so no other
  /// implementation talks to it through a secret. Kubo is the peer for that.
  @Test("a private network of py-libp2p is not ours, nor is one without a secret, either way")
  func privateNetwork() async throws {
    let secret = SystemRandom.bytes(32)
    let key = try #require(PrivateNetworkKey(secret: secret))
    try await withPython(["secret": .string(Hex.encode(secret))], hosts: 1) { settings in
      settings.privateNetwork = key
      settings.timeouts.handshake = .seconds(2)
    } _: { python, hosts in
      let address = try await python.address()
      await #expect(throws: PeerError.self) { _ = try await hosts[0].dial(address) }
      await #expect(throws: ForeignPeerError.self) {
        try await python.ask("connect", ["address": try await hosts[0].loopbackAddress.json])
      }
      #expect(await hosts[0].openConnections.isEmpty)
    }
  }
}

extension PeerHost {
  /// Whether the book says that a peer speaks a protocol.
  func knows(_ protocolID: String, of peer: PeerID) -> Bool {
    let record = book.handle(of: peer).flatMap { book.record(of: $0) }
    return record?.protocols.contains(protocolID) ?? false
  }
}
