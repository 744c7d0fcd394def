import Coordinator
import IPFSClient
import MartletClient
import Networking
import Primitives
import Testing

@Suite("REST of IPFS", .serialized)
struct APIIPFSTests {
  private static let ipfs = Sample.api + "/ipfs"
  private static let missing = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"

  /// Nothing listens at ports of this kind: the kernel gives none below 1024 to a client.
  private static func deadNodes() throws -> IPFSClientConfiguration {
    var configuration = IPFSClientConfiguration()
    configuration.nodes = [
      try NodeAddress(parsing: "rpc:http://127.0.0.1:1"),
      try NodeAddress(parsing: "gateway:http://127.0.0.1:2"),
    ]
    configuration.retry.attemptsMax = 1
    return configuration
  }

  @Test("health has the fields of PRSM's guide in their order, and no others")
  func healthFields() async throws {
    try await APIFixture().run { target in
      let answer = try await target.send(.get, Self.ipfs + "/health")
      #expect(answer.status == 200)
      let json = try #require(answer.json)
      #expect(json.members?.map(\.name) == ["status", "nodes", "performance"])
      #expect(json["nodes"]?.members?.map(\.name) == ["total", "healthy", "unhealthy"])
      #expect(
        json["performance"]?.members?.map(\.name)
          == ["avg_response_time", "cache_hit_rate", "operations_per_second"])
      #expect(json["status"]?.text == "healthy")
      #expect(json["nodes"]?["total"]?.integer == 1, "without nodes it is the own store")
      #expect(json["nodes"]?["healthy"]?.integer == 1)
      #expect(json["nodes"]?["unhealthy"]?.integer == 0)
      #expect(SchemaCheck.faults(in: json, "IPFSHealth") == [])
    }
  }

  @Test("configured nodes that nobody can reach make health worse, and files here are still read")
  func deadNodesAreSeen() async throws {
    try await APIFixture(ipfs: Self.deadNodes()).run { target in
      let stored = try await upload(Sample.csv, to: target)
      let cid = try #require(stored.json?["cid"]?.text)
      // A node that was asked five times for what nobody has is left alone and unhealthy.
      for _ in 0..<5 {
        let lost = try await target.send(.get, Self.ipfs + "/download/\(Self.missing)")
        #expect(lost.status == 502)
        #expect(lost.code == "nodes_failed")
      }
      let health = try await target.send(.get, Self.ipfs + "/health")
      #expect(health.json?["status"]?.text == "unhealthy")
      #expect(health.json?["nodes"]?["total"]?.integer == 2)
      #expect(health.json?["nodes"]?["unhealthy"]?.integer == 2)
      let status = try await target.send(.get, Self.ipfs + "/status")
      let json = try #require(status.json)
      #expect(SchemaCheck.faults(in: json, "IPFSStatus") == [])
      let nodes = try #require(json["nodes"]?.elements)
      #expect(nodes.compactMap { $0["kind"]?.text } == ["embedded", "rpc", "gateway"])
      #expect(nodes.compactMap { $0["healthy"]?.bool } == [true, false, false])
      #expect(nodes[1]["breakers"]?["read"]?.text == "open")
      #expect(nodes[2]["breakers"]?["write"] == nil, "a gateway takes nothing")
      let file = try await target.send(.get, Self.ipfs + "/download/\(cid)")
      #expect(file.body == Sample.csv)
    }
  }

  @Test("a node that never answered is unhealthy from the first look on")
  func neverHeard() async throws {
    try await APIFixture(ipfs: Self.deadNodes()).run { target in
      let health = try await target.send(.get, Self.ipfs + "/health")
      #expect(health.json?["status"]?.text == "unhealthy")
      #expect(health.json?["nodes"]?["healthy"]?.integer == 0)
      #expect(health.json?["nodes"]?["unhealthy"]?.integer == 2)
    }
  }

  @Test("an upload comes back by its CID, and its pin is listed by its size")
  func roundTrip() async throws {
    try await APIFixture().run { target in
      let bytes = Sample.bytes(3_000_000)
      let stored = try await upload(bytes, to: target, query: "?filename=weights.bin")
      #expect(stored.status == 201)
      let json = try #require(stored.json)
      #expect(SchemaCheck.faults(in: json, "IPFSResult") == [])
      #expect(json["success"]?.bool == true)
      #expect(json["size"]?.integer == 3_000_000)
      #expect(json["metadata"]?["filename"]?.text == "weights.bin")
      #expect(json["metadata"]?["pinned"]?.bool == true)
      let cid = try #require(json["cid"]?.text)
      #expect(stored.headers["Location"] == Self.ipfs + "/download/\(cid)")
      let file = try await target.send(.get, Self.ipfs + "/download/\(cid)")
      #expect(file.body == bytes)
      #expect(file.headers["ETag"] == "\"\(cid)\"")
      // The same file by the other way has the same name.
      let other = try await target.send(.get, Sample.api + "/content/\(cid)")
      #expect(other.body == bytes)
      _ = try await upload(Sample.csv, to: target)
      let unpinned = try await upload(Sample.bytes(10, seed: 9), to: target, query: "?pin=false")
      #expect(unpinned.json?["metadata"]?["pinned"]?.bool == false)
      let pins = try await target.send(.get, Self.ipfs + "/pins")
      let list = try #require(pins.json)
      #expect(SchemaCheck.faults(in: list, "PinList") == [])
      #expect(list["pins"]?.elements?.count == 2, "what is not pinned is not listed")
      let largest = try #require(list["pins"]?.elements?.first)
      #expect(largest["cid"]?.text == cid)
      #expect(largest["name"]?.text == "weights.bin")
      #expect(largest["bytes"]?.integer == json["metadata"]?["cumulative_size"]?.integer)
      let one = try await target.send(.get, Self.ipfs + "/pins?limit=1")
      #expect(one.json?["pins"]?.elements?.count == 1)
      let status = try await target.send(.get, Self.ipfs + "/status")
      #expect(
        status.json?["traffic"]?["uploaded_bytes"]?.integer
          == Int64(3_000_010 + Sample.csv.count))
      #expect(status.json?["traffic"]?["downloaded_bytes"]?.integer == 6_000_000)
      #expect(status.json?["store"]?["pins"]?.integer == 2)
    }
  }

  @Test("a file that came by another way after nobody had it is found at once")
  func foundAfterMissing() async throws {
    try await APIFixture().run { target in
      // The CID of "hello" as one raw block.
      let cid = "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq"
      let lost = try await target.send(.get, Self.ipfs + "/download/\(cid)")
      #expect(lost.status == 404)
      #expect(lost.code == "unknown_content")
      let stored = try await target.send(
        .post, Sample.api + "/content", key: target.key, body: .bytes(Bytes("hello".utf8)))
      #expect(stored.json?["cid"]?.text == cid)
      let found = try await target.send(.get, Self.ipfs + "/download/\(cid)")
      #expect(found.text == "hello")
    }
  }

  @Test("what a client gets wrong has a status and a code, and uploads need a key")
  func refusals() async throws {
    var settings = APISettings()
    settings.uploadBytesMax = 1_000
    try await APIFixture(settings: settings).run { target in
      let reads: [(String, Int, String)] = [
        ("/download/nonsense", 400, "malformed_cid"),
        ("/download/\(Self.missing)", 404, "unknown_content"),
        ("/pins?limit=101", 400, "malformed_number"), ("/nowhere", 404, "unknown_route"),
      ]
      for (path, status, code) in reads {
        let answer = try await target.send(.get, Self.ipfs + path)
        #expect(answer.status == status, "\(path)")
        #expect(answer.code == code, "\(path)")
      }
      let keyless = try await target.send(.post, Self.ipfs + "/upload", body: .bytes([1]))
      #expect(keyless.code == "missing_key")
      let large = try await upload(Sample.bytes(1_001), to: target)
      #expect(large.status == 413)
      #expect(large.code == "body_too_large")
      let pin = try await upload([1], to: target, query: "?pin=maybe")
      #expect(pin.code == "malformed_pin")
      let name = String(repeating: "n", count: 256)
      let long = try await upload([1], to: target, query: "?filename=\(name)")
      #expect(long.code == "malformed_filename")
      let status = try await target.send(.get, Self.ipfs + "/status")
      #expect(status.json?["store"]?["blocks"]?.integer == 0, "nothing is stored half")
    }
  }

  private func upload(
    _ bytes: Bytes, to target: APITarget, query: String = ""
  ) async throws -> Answer {
    try await target.send(
      .post, Self.ipfs + "/upload" + query, key: target.key, body: .bytes(bytes))
  }
}
