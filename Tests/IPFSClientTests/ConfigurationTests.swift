import IPFSClient
import Primitives
import Testing

@Suite("Configuration of the client")
struct ConfigurationTests {
  static func configuration(
    _ variables: [String: String]
  ) throws(IPFSClientError) -> IPFSClientConfiguration {
    try IPFSClientConfiguration { variables[$0] }
  }

  @Test("where Kubo is not assumed, only nodes that a variable names are there")
  func nothingAssumed() throws {
    #expect(
      try IPFSClientConfiguration(environment: { _ in nil }, assumesKubo: false).nodes.isEmpty)
    let named = try IPFSClientConfiguration(
      environment: { $0 == "PRSM_IPFS_HOST" ? "ipfs" : nil }, assumesKubo: false)
    #expect(
      named.nodes.map(\.description) == ["rpc:http://ipfs:5001", "gateway:http://localhost:8080"])
    #expect(try IPFSClientConfiguration(environment: { _ in nil }).nodes.count == 2)
  }

  @Test("the defaults are those of PRSM's guide, and no public gateway is among the nodes")
  func defaults() throws {
    let configuration = try Self.configuration([:])
    #expect(
      configuration.nodes.map(\.description) == [
        "rpc:http://localhost:5001", "gateway:http://localhost:8080",
      ])
    #expect(configuration.timeout == .seconds(60))
    #expect(configuration.retry.attemptsMax == 3)
    #expect(configuration.connectionsMax == 100)
    #expect(configuration.cacheSize == ByteCount(100_000_000))
    #expect(configuration.concurrencyMax == 10)
    #expect(configuration.contentSizeMax == .gibibytes(1))
  }

  @Test("every variable of PRSM's guide is read")
  func seed() throws {
    let configuration = try Self.configuration([
      "PRSM_IPFS_HOST": "ipfs", "PRSM_IPFS_PORT": "5002", "PRSM_IPFS_TIMEOUT": "7",
      "PRSM_IPFS_GATEWAY": "https://gateway.example", "PRSM_IPFS_PROVENANCE": "false",
      "PRSM_IPFS_REWARDS": "0", "PRSM_MAX_MODEL_SIZE_MB": "1000",
      "PRSM_IPFS_MAX_CONNECTIONS": "12", "PRSM_IPFS_CACHE_SIZE_MB": "3",
      "PRSM_IPFS_RETRY_ATTEMPTS": "5",
    ])
    #expect(
      configuration.nodes.map(\.description) == [
        "rpc:http://ipfs:5002", "gateway:https://gateway.example",
      ])
    #expect(configuration.timeout == .seconds(7) && configuration.stallTimeout == .seconds(7))
    #expect(!configuration.recordsProvenance && !configuration.paysRewards)
    #expect(configuration.contentSizeMax == ByteCount(1_000_000_000))
    #expect(configuration.connectionsMax == 12 && configuration.retry.attemptsMax == 5)
    #expect(configuration.cacheSize == ByteCount(3_000_000))
  }

  @Test("our own prefix wins, variable by variable, and an empty one is not set")
  func precedence() throws {
    let configuration = try Self.configuration([
      "PRSM_IPFS_TIMEOUT": "7", "MARTLET_IPFS_TIMEOUT": "9", "PRSM_IPFS_HOST": "old",
      "MARTLET_IPFS_PORT": "5003", "MARTLET_IPFS_HOST": "", "MARTLET_IPFS_GATEWAY": "none",
      "MARTLET_IPFS_CONCURRENCY": "4", "MARTLET_IPFS_REDIS": "unix:/run/redis.sock",
    ])
    #expect(configuration.timeout == .seconds(9))
    #expect(configuration.nodes.map(\.description) == ["rpc:http://old:5003"])
    #expect(configuration.concurrencyMax == 4)
    #expect(configuration.redis == "unix:/run/redis.sock")
  }

  @Test("a list of nodes takes the place of host and gateway")
  func list() throws {
    let configuration = try Self.configuration([
      "MARTLET_IPFS_NODES": "rpc:http://a:1, https://b/base/ http://c:5001",
      "PRSM_IPFS_HOST": "unused",
    ])
    #expect(
      configuration.nodes.map(\.description) == [
        "rpc:http://a:1", "gateway:https://b/base", "rpc:http://c:5001",
      ])
    #expect(configuration.nodes.map(\.name) == ["a:1", "b", "c:5001"])
    let many = (0...64).map { "http://n\($0)" }.joined(separator: ",")
    #expect(throws: IPFSClientError.self) {
      try Self.configuration(["MARTLET_IPFS_NODES": many])
    }
  }

  @Test(
    "what is wrong is named with its variable and its value",
    arguments: [
      ("PRSM_IPFS_PORT", "70000"), ("MARTLET_IPFS_TIMEOUT", "soon"),
      ("PRSM_IPFS_REWARDS", "perhaps"), ("PRSM_IPFS_GATEWAY", "ftp://x"),
      ("PRSM_IPFS_CACHE_SIZE_MB", "-1"), ("MARTLET_IPFS_RETRY_ATTEMPTS", "0"),
      ("MARTLET_IPFS_NODES", "http://user@host"), ("PRSM_IPFS_HOST", "a b"),
    ])
  func wrong(variable: String, value: String) throws {
    do {
      _ = try Self.configuration([variable: value])
      Issue.record("\(variable)=\(value) was accepted")
    } catch {
      guard case .configuration(let name, _, _) = error else {
        Issue.record("\(error)")
        return
      }
      #expect(name == variable)
    }
  }

  @Test(
    "an address of a node is http, short and plain",
    arguments: [
      "", "rpc:", "http://", "file:///etc/passwd", "http://h/?q", "http://h#f", "http://h/\u{7}",
      "http://" + String(repeating: "a", count: 3_000),
    ])
  func addresses(text: String) {
    #expect(throws: IPFSClientError.self) { try NodeAddress(parsing: text) }
  }
}
