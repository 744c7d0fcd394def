import ContentNode
import ContentStore
import Cryptography
import ForeignPeers
import Glibc
import Networking
import Peering
import Persistence
import Primitives
import Testing

private let pythonOfPeers: String? = {
  guard let path = getenv("MARTLET_PY_LIBP2P").map({ String(cString: $0) }) else { return nil }
  return access(path, X_OK) == 0 ? path : nil
}()

/// Bitswap with py-libp2p, which `Scripts/bootstrap --peers` installs, in both directions.
@Suite(
  "Content exchanged with py-libp2p",
  .enabled(if: pythonOfPeers != nil, "no MARTLET_PY_LIBP2P: run Scripts/interop"),
  .timeLimit(.minutes(5)))
struct PyContentTests {
  private static func withPython(
    _ body: @Sendable (CommandedPeer, ExchangeNode) async throws -> Void
  ) async throws {
    let interpreter = try #require(pythonOfPeers)
    try await ExchangeWorld.withLoop { loop in
      let python = try await CommandedPeer(
        loop: loop, interpreter: interpreter, program: "py_peer.py", options: ["bitswap": true])
      defer { python.stop() }
      try await ExchangeWorld.withNode(loop) { node in try await body(python, node) }
    }
  }

  @Test("we fetch a file from py-libp2p")
  func fetch() async throws {
    try await Self.withPython { python, node in
      let content = ExchangeWorld.bytes(3_000_000, seed: 7)
      let path = python.process.directory + "/file"
      KuboContentTests.write(content, to: path)
      let name = try await python.ask("add_file", ["path": .string(path), "chunk": 60_000])
      let cid = try CID(decoding: Hex.decode(name.text ?? ""))
      _ = try await node.fetch(cid, from: [try await python.address()])
      #expect(try await node.content(of: cid) == content)
    }
  }

  @Test("py-libp2p fetches a file from us")
  func serve() async throws {
    try await Self.withPython { python, node in
      let (file, content) = try await node.add(
        byteCount: 3_000_000, seed: 8, profile: .v0In2015)
      try await python.ask("connect", ["address": node.address.json])
      let path = python.process.directory + "/fetched"
      try await python.ask(
        "fetch_file",
        ["cid": .string("\(file.cid)"), "peer": node.host.peerID.json, "path": .string(path)])
      #expect(KuboContentTests.read(path) == content)
    }
  }
}
