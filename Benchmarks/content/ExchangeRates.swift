import ContentNode
import ContentStore
import Cryptography
import ForeignPeers
import Glibc
import Networking
import Peering
import Persistence
import Primitives

/// Times a node of ours that fetches a file from another one into an empty store, durably: by an
/// archive and by bitswap, over an encrypted connection on loopback.
struct ExchangeRates: Sendable {
  let mebibytes: Int
  let directory: String

  func run(rounds: Int) async throws {
    let path = "\(directory)/fetched"
    try BenchFile.write(mebibytes: mebibytes, to: path)
    let (archives, bitswap) = try await BenchNode.with(store: "\(directory)/serving") { server in
      let cid = try ContentAdder(store: server.store).addBlocking(path: path).cid
      await server.exchange.archives.start()
      var archives = Rates()
      for _ in 0..<rounds { try await fetch(cid, from: server, &archives) }
      await server.host.stopServing(ArchiveExchange.protocolID)
      await server.exchange.bitswap.start()
      var bitswap = Rates()
      for _ in 0..<rounds { try await fetch(cid, from: server, &bitswap) }
      return (archives, bitswap)
    }
    archives.report("fetch-archive")
    bitswap.report("fetch-bitswap")
  }

  private func fetch(_ cid: CID, from server: BenchNode, _ rates: inout Rates) async throws {
    let address = server.address
    let (bytes, time) = try await BenchNode.with(store: "\(directory)/fetching") { client in
      let start = client.loop.now
      let fetched = try await client.exchange.fetch(
        ContentFetch(ContentPath(root: cid)), from: [address])
      return (fetched.counts.bytes, client.loop.now.duration(since: start))
    }
    _ = system("rm -rf '\(directory)/fetching'")
    rates.add(bytes, in: time)
  }
}

/// Times a node of ours that fetches a file from Kubo by bitswap.
struct KuboRate: Sendable {
  private static let address = "10.77.0.1"

  let mebibytes: Int
  let directory: String

  func run(rounds: Int) async throws {
    guard let library = getenv("MARTLET_KUBO") else { return }
    let path = "\(directory)/for-kubo"
    try BenchFile.write(mebibytes: mebibytes, to: path)
    let options: JSONValue = [
      "library": .string(String(cString: library)), "address": .string(Self.address),
    ]
    let rates = try await BenchNode.with(
      store: "\(directory)/unused", listeningOn: "/ip4/\(Self.address)/tcp/0"
    ) { node in
      let kubo = try await CommandedPeer(
        loop: node.loop, interpreter: "/usr/bin/env", program: "kubo_peer.py", options: options)
      defer { kubo.stop() }
      let name = try await kubo.ask("add_path", ["path": .string(path)]).text ?? ""
      let (cid, address) = (try CID(parsing: name), try await kubo.address())
      var rates = Rates()
      for _ in 0..<rounds { try await fetch(cid, from: address, &rates) }
      return rates
    }
    rates.report("fetch-kubo")
  }

  private func fetch(_ cid: CID, from address: Multiaddr, _ rates: inout Rates) async throws {
    let (bytes, time) = try await BenchNode.with(
      store: "\(directory)/from-kubo", listeningOn: "/ip4/\(Self.address)/tcp/0"
    ) { client in
      let start = client.loop.now
      let fetched = try await client.exchange.fetch(
        ContentFetch(ContentPath(root: cid)), from: [address])
      return (fetched.counts.bytes, client.loop.now.duration(since: start))
    }
    _ = system("rm -rf '\(directory)/from-kubo'")
    rates.add(bytes, in: time)
  }
}

/// Files that nothing compresses.
enum BenchFile {
  static func write(mebibytes: Int, to path: String) throws {
    guard let file = fopen(path, "w") else { throw SocketError.addressInvalid(path) }
    defer { fclose(file) }
    var random = SplitMix64(seed: 1)
    for _ in 0..<mebibytes {
      let words = (0..<(1 << 17)).map { _ in random.next() }
      words.withUnsafeBytes { _ = fwrite($0.baseAddress, 1, $0.count, file) }
    }
  }
}
