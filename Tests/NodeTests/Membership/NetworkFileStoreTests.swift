import Cryptography
import Glibc
import Node
import Peering
import Persistence
import Primitives
import Testing

@Suite("networks of a home")
struct NetworkFileStoreTests {
  static let chain = SHA256.hash(Bytes("chain".utf8))

  static func withHome(_ body: (HomeDirectory) throws -> Void) throws {
    var template = Array("/tmp/martlet-test-XXXXXX".utf8CString)
    let made = mkdtemp(&template)
    let path = String(cString: try #require(made))
    defer { removeDirectory(path) }
    try body(HomeDirectory(path: "\(path)/home"))
  }

  @Test("a network is kept under its name, for the owner's eyes only, and found by name and path")
  func store() throws {
    try Self.withHome { home in
      let store = NetworkFileStore(home: home)
      #expect(store.names.isEmpty)
      let file = try NetworkFile(name: "testnet", chainID: Self.chain)
      try store.write(file)
      try store.write(NetworkFile(name: "alpha", chainID: Self.chain))
      #expect(store.names == ["alpha", "testnet"])
      #expect(try store.find("testnet") == file)
      #expect(try store.find(store.path(of: "testnet")) == file)
      var status = stat()
      #expect(stat(store.path(of: "testnet"), &status) == 0 && status.st_mode & 0o077 == 0)
    }
  }

  @Test("a missing file, a damaged one and a name that leads elsewhere are told apart")
  func faults() throws {
    try Self.withHome { home in
      let store = NetworkFileStore(home: home)
      try store.write(NetworkFile(name: "n", chainID: Self.chain))
      try home.write(Bytes("{}".utf8), to: "networks/bad.json")
      func fault(_ word: String) -> NetworkFileError? {
        do {
          _ = try store.find(word)
          return nil
        } catch {
          return error as? NetworkFileError
        }
      }
      #expect(fault("none")?.fault == nil && fault("none")?.path == store.path(of: "none"))
      #expect(fault("bad")?.fault == .missing(field: "format"))
      #expect(fault("..")?.fault == .name(".."))
      #expect(fault("n") == nil)
    }
  }

  @Test("anchors are kept, and what is damaged of them is left out")
  func anchors() throws {
    try Self.withHome { home in
      try home.create()
      let peer = try SigningKey(seed: Bytes(repeating: 1, count: 32)).publicKey.peerID
      let anchors = try (1...3).map { try Multiaddr("/ip4/127.0.0.1/tcp/\($0)/p2p/\(peer)") }
      let file = AnchorFile(home: home, keyName: "identity")
      #expect(file.read().isEmpty)
      try file.write(anchors)
      #expect(file.read() == anchors)
      try home.write(Bytes(#"["x", 1, "/ip4/127.0.0.1/tcp/1"]"#.utf8), to: "identity.anchors")
      #expect(file.read().isEmpty)
      try home.write(Bytes("[".utf8), to: "identity.anchors")
      #expect(file.read().isEmpty)
    }
  }
}
