import Coordinator
import Glibc
import IPFSClient
import Networking
import Primitives
import Testing

@Suite("Metrics of content", .serialized)
struct ContentMetricsTests {
  @Test("PRSM's names are there from the first scrape, the durations as a real histogram")
  func names() async throws {
    try await APIFixture().run { target in
      let first = try await target.send(.get, "/metrics")
      for line in [
        "ipfs_operations_total{operation=\"upload\",status=\"success\"} 0",
        "# TYPE ipfs_operation_duration_seconds histogram",
        "ipfs_cache_hits_total 0", "martlet_content_blocks 0", "martlet_content_damaged_blocks 0",
      ] {
        #expect(first.text.contains("\n\(line)\n"), "\(line)")
      }
      let stored = try await target.send(
        .post, Sample.api + "/ipfs/upload", key: target.key, body: .bytes(Sample.csv))
      let cid = try #require(stored.json?["cid"]?.text)
      for _ in 0..<3 {
        _ = try await target.send(.get, Sample.api + "/ipfs/download/\(cid)")
      }
      _ = try await target.send(.get, Sample.api + "/ipfs/health")
      let text = try await target.send(.get, "/metrics").text
      for line in [
        "ipfs_operations_total{operation=\"upload\",status=\"success\"} 1",
        "ipfs_operations_total{operation=\"download\",status=\"success\"} 3",
        "ipfs_operation_duration_seconds_bucket{operation=\"upload\",le=\"+Inf\"} 1",
        "ipfs_operation_duration_seconds_count{operation=\"download\"} 3",
        "ipfs_node_health{node=\"embedded\"} 1", "martlet_content_pins 1",
        "martlet_content_uploaded_bytes_total \(Sample.csv.count)",
        "martlet_content_downloaded_bytes_total \(3 * Sample.csv.count)",
      ] {
        #expect(text.contains("\n\(line)\n"), "\(line)")
      }
    }
  }

  @Test("every query of the Grafana dashboard names metrics that are exported")
  func dashboard() async throws {
    let board = try JSONValue(parsing: file("Deploy/grafana/content.json"))
    let panels = try #require(board["panels"]?.elements)
    let queries = panels.flatMap { $0["targets"]?.elements ?? [] }.compactMap { $0["expr"]?.text }
    #expect(queries.count >= panels.count - 1)
    #expect(Set(panels.compactMap { $0["id"]?.integer }).count == panels.count)
    let exported = try await exportedNames()
    for query in queries {
      let names = metricNames(in: query)
      #expect(!names.isEmpty, "\(query)")
      for name in names { #expect(exported.contains(name), "\(name) in \(query)") }
    }
    // The other direction: PRSM's names are all drawn.
    let drawn = Set(queries.flatMap(metricNames))
    for name in [
      "ipfs_node_health", "ipfs_operations_total", "ipfs_operation_duration_seconds_bucket",
      "ipfs_cache_hits_total", "ipfs_cache_misses_total",
    ] {
      #expect(drawn.contains(name), "\(name)")
    }
  }

  /// The series of a coordinator that has a node which fails.
  private func exportedNames() async throws -> Set<String> {
    var configuration = IPFSClientConfiguration()
    configuration.nodes = [try NodeAddress(parsing: "gateway:http://127.0.0.1:1")]
    configuration.retry.attemptsMax = 1
    return try await APIFixture(ipfs: configuration).run { target in
      _ = try await target.send(
        .post, Sample.api + "/ipfs/upload", key: target.key, body: .bytes(Sample.csv))
      let missing = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
      _ = try await target.send(.get, Sample.api + "/ipfs/download/\(missing)")
      let text = try await target.send(.get, "/metrics").text
      return Set(
        text.split(separator: "\n").filter { !$0.hasPrefix("#") }
          .map { String($0.prefix { $0 != "{" && $0 != " " }) })
    }
  }

  /// Words of our two families; PromQL's own words and labels have none of their prefixes.
  private func metricNames(in query: String) -> [String] {
    query.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init)
      .filter { $0.hasPrefix("ipfs_") || $0.hasPrefix("martlet_") }
  }

  private func file(_ path: String) throws -> Bytes {
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let file = try #require(fopen("/\(root)/\(path)", "r"), "\(path)")
    defer { fclose(file) }
    var bytes = Bytes(repeating: 0, count: 1 << 20)
    let count = fread(&bytes, 1, bytes.count, file)
    return Bytes(bytes.prefix(count))
  }
}
