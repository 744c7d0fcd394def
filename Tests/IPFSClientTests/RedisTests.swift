import ContentStore
import Glibc
import Networking
import Primitives
import Telemetry
import Testing

@testable import IPFSClient

@Suite("Redis")
struct RedisTests {
  static func values(_ text: String, inPiecesOf count: Int = 1_000) throws -> [RESPValue] {
    var decoder = RESPDecoder()
    var values: [RESPValue] = []
    let bytes = Bytes(text.utf8)
    for start in stride(from: 0, to: bytes.count, by: count) {
      try decoder.append(Bytes(bytes[start..<min(bytes.count, start + count)]))
      while let value = try decoder.next() { values.append(value) }
    }
    return values
  }

  /// The examples of the protocol's specification, versions 2 and 3.
  static let examples: [(String, RESPValue)] = [
    ("+OK\r\n", .simple("OK")), ("-ERR unknown\r\n", .error("ERR unknown")),
    (":1000\r\n", .integer(1_000)), (":-1\r\n", .integer(-1)),
    ("$6\r\nfoobar\r\n", .bulk(Bytes("foobar".utf8))), ("$0\r\n\r\n", .bulk([])),
    ("$-1\r\n", .null), ("*-1\r\n", .null), ("_\r\n", .null), ("#t\r\n", .bool(true)),
    (",1.23\r\n", .double(1.23)), (",-inf\r\n", .double(-.infinity)),
    (
      "(3492890328409238509324850943850943825024385\r\n",
      .bigNumber("3492890328409238509324850943850943825024385")
    ),
    ("!21\r\nSYNTAX invalid syntax\r\n", .error("SYNTAX invalid syntax")),
    ("=15\r\ntxt:Some string\r\n", .verbatim(Bytes("txt:Some string".utf8))),
    ("*2\r\n:1\r\n*1\r\n+a\r\n", .array([.integer(1), .array([.simple("a")])])),
    ("~1\r\n+a\r\n", .set([.simple("a")])), ("*0\r\n", .array([])),
    ("%1\r\n+first\r\n:1\r\n", .map([.simple("first"), .integer(1)])),
    (">1\r\n+message\r\n", .push([.simple("message")])),
  ]

  @Test("every kind of value is read, whole and byte by byte", arguments: examples.indices)
  func kinds(index: Int) throws {
    let (text, value) = Self.examples[index]
    #expect(try Self.values(text) == [value])
    #expect(try Self.values(text + text, inPiecesOf: 1) == [value, value])
    for count in 0..<text.utf8.count {
      #expect(try Self.values(String(decoding: text.utf8.prefix(count), as: UTF8.self)).isEmpty)
    }
  }

  @Test(
    "what is malformed or too large is refused",
    arguments: [
      "?\r\n", ":x\r\n", "$-2\r\n", "$1048577\r\n", "*4097\r\n", "%3000\r\n", "#y\r\n", "_x\r\n",
      "$1\r\nabc", "+a\nb\r\n", "($\r\n", ",e\r\n", "*99999999999999999999\r\n",
      String(repeating: "*1\r\n", count: 9), "+" + String(repeating: "a", count: 5_000),
      "*2\r\n*4095\r\n",
    ])
  func refused(text: String) {
    let error = #expect(throws: RESPError.self) {
      _ = try Self.values(text + String(repeating: ":1\r\n", count: 100))
    }
    #expect(error != nil)
  }

  @Test("a command is a list of strings")
  func command() {
    let bytes = respCommand([Bytes("GET".utf8), Bytes("a b".utf8)])
    #expect(bytes == Bytes("*2\r\n$3\r\nGET\r\n$3\r\na b\r\n".utf8))
  }

  @Test("an address is a file, or a host with a port and a password")
  func addresses() throws {
    #expect(try RedisAddress(parsing: "unix:/run/r").socket == .unix(path: "/run/r"))
    let address = try RedisAddress(parsing: "redis://:secret@127.0.0.1:7000")
    #expect(address.socket == .tcp(host: "127.0.0.1", port: 7_000))
    #expect(address.hello.last == Bytes("secret".utf8))
    for text in ["", "http://x", "redis://", "redis://a:b:c", "redis://h:x", "redis://u@h"] {
      #expect(throws: RedisError.self) { try RedisAddress(parsing: text) }
    }
  }

  static let server = "/usr/bin/redis-server"

  @Test(
    "a real server keeps facts for several clients; without it they find out themselves",
    .enabled(if: access(RedisTests.server, X_OK) == 0, "redis-server is not installed"))
  func realServer() async throws {
    try await withTemporaryDirectory { directory in
      let socket = directory + "/redis.sock"
      let status = system(
        "\(Self.server) --port 0 --unixsocket \(socket) --save '' --appendonly no"
          + " --dir \(directory) --daemonize yes > \(directory)/log 2>&1")
      try #require(status == 0)
      while access(socket, R_OK) != 0 { try await Task.sleep(for: .milliseconds(10)) }
      let redis = try RedisClient(address: "unix:\(socket)")
      defer { redis.close() }
      #expect(try await redis.get("nothing") == nil)
      try await redis.set("key", to: [0, 13, 10, 255], for: .seconds(60))
      #expect(try await redis.get("key") == [0, 13, 10, 255])
      await #expect(throws: RedisError.self) {
        try await redis.command([Bytes("NOSUCHCOMMAND".utf8)])
      }
      // A refusal costs no connection.
      #expect(try await redis.get("key") == [0, 13, 10, 255])
      try await Self.sharedFacts(socket)
      // It closes instead of answering.
      _ = try? await redis.command([Bytes("SHUTDOWN".utf8), Bytes("NOSAVE".utf8)])
      await #expect(throws: RedisError.self) { try await redis.get("key") }
      await #expect(throws: RedisError.resting) { try await redis.get("key") }
    }
  }

  static func sharedFacts(_ socket: String) async throws {
    let cid = DownloadTests.honest.cid
    let expected = ContentInformation(
      cid: cid, kind: "file", size: UInt64(DownloadTests.content.count))
    let node = TestNode(DownloadTests.honest.blocks)
    try await withNodes([node]) { urls in
      for _ in 0..<2 {
        try await withClient(
          ["gateway:\(urls[0])"], adjusting: { $0.redis = "unix:\(socket)" }
        ) { client in
          let found = try await client.information(about: cid)
          #expect(found == expected)
        }
      }
      #expect(node.requests.withLock { $0.count } == 1)
      try await withClient(
        ["gateway:\(urls[0])"], adjusting: { $0.redis = "unix:\(socket).none" }
      ) { client in
        let found = try await client.information(about: cid)
        #expect(found == expected)
      }
      #expect(node.requests.withLock { $0.count } == 2)
    }
  }
}
