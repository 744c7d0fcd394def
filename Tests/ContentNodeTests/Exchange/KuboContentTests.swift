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

/// The library that is Kubo: `MARTLET_KUBO`, as `Scripts/interop` sets it in a network namespace
/// that has no way out. Without one, Kubo would speak to the world.
private let kuboLibrary: String? = {
  guard let path = getenv("MARTLET_KUBO").map({ String(cString: $0) }) else { return nil }
  return access(path, R_OK) == 0 ? path : nil
}()

/// Bitswap with Kubo, which `Scripts/bootstrap --peers` fetches, in both directions.
@Suite(
  "Content exchanged with Kubo",
  .enabled(if: kuboLibrary != nil, "no MARTLET_KUBO: run Scripts/interop"),
  .timeLimit(.minutes(5)))
struct KuboContentTests {
  /// An address of the local network, which `Scripts/interop` gives to the namespace.
  private static let address = "10.77.0.1"

  private static func withKubo(
    _ body: @Sendable (CommandedPeer, ExchangeNode) async throws -> Void
  ) async throws {
    let library = try #require(kuboLibrary)
    try await ExchangeWorld.withLoop { loop in
      let kubo = try await CommandedPeer(
        loop: loop, interpreter: "/usr/bin/env", program: "kubo_peer.py",
        options: ["library": .string(library), "address": .string(address)])
      defer { kubo.stop() }
      try await ExchangeWorld.withNode(loop, listeningOn: "/ip4/\(address)/tcp/0") { node in
        try await body(kubo, node)
      }
    }
  }

  static func write(_ content: Bytes, to path: String) {
    guard let file = fopen(path, "w") else { return }
    fwrite(content, 1, content.count, file)
    fclose(file)
  }

  static func read(_ path: String) -> Bytes {
    guard let file = fopen(path, "r") else { return [] }
    defer { fclose(file) }
    var content = Bytes()
    var piece = Bytes(repeating: 0, count: 1 << 20)
    while case let count = fread(&piece, 1, piece.count, file), count > 0 {
      content += piece.prefix(count)
    }
    return content
  }

  @Test("we fetch a file of 45 MB from Kubo")
  func fetchFile() async throws {
    try await Self.withKubo { kubo, node in
      let content = ExchangeWorld.bytes(45_613_057, seed: 4)
      let path = kubo.process.directory + "/file"
      Self.write(content, to: path)
      let cid = try CID(parsing: try await kubo.ask("add_path", ["path": .string(path)]).text ?? "")
      let fetched = try await node.fetch(cid, from: [try await kubo.address()], pinning: "kubo")
      #expect(fetched.counts.bytes > 45_613_057)
      #expect(try await node.content(of: cid) == content)
      #expect(await node.exchange.misconduct.isEmpty)
    }
  }

  @Test("we fetch a sharded directory from Kubo, whole, its list alone, and one path of it")
  func fetchDirectory() async throws {
    try await Self.withKubo { kubo, node in
      let folder = kubo.process.directory + "/folder"
      mkdir(folder, 0o755)
      let stem = String(repeating: "long-", count: 24)
      for number in 0..<2_400 {
        Self.write(Bytes("content \(number)".utf8), to: "\(folder)/\(stem)\(number)")
      }
      let added = try await kubo.ask("add_path", ["path": .string(folder)]).text ?? ""
      let root = try CID(parsing: added)
      let address = try await kubo.address()
      let path = ContentPath(root: root, segments: ["\(stem)77"])
      let one = try await node.exchange.fetch(ContentFetch(path), from: [address])
      let file = try #require(one.resolved?.cid)
      #expect(try await node.content(of: file) == Bytes("content 77".utf8))
      let list = try await node.exchange.fetch(
        ContentFetch(ContentPath(root: root), scope: .entity), from: [address])
      #expect(list.counts.blocks > 10 && list.counts.blocks < 2_400)
      let whole = try await node.fetch(root, from: [address], pinning: "folder")
      #expect(whole.counts.blocks + whole.counts.localBlocks > 2_400)
    }
  }

  @Test("Kubo downloads a file from us, in its own blocks and in ours")
  func serveFile() async throws {
    try await Self.withKubo { kubo, node in
      for (profile, seed) in [(UnixFSProfile.v0In2015, 5 as UInt64), (.v1In2025, 6)] {
        let (file, content) = try await node.add(
          byteCount: 45_000_000, seed: seed, profile: profile)
        #expect(try await kubo.ask("connect", ["address": node.address.json]) == true)
        let path = kubo.process.directory + "/\(seed)"
        let fetched = try await kubo.ask(
          "fetch", ["cid": .string("\(file.cid)"), "path": .string(path)])
        #expect(fetched == true)
        #expect(Self.read(path) == content)
      }
    }
  }
}
