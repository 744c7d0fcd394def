import Cryptography
import Glibc
import Networking
import Peering
import Primitives
import Telemetry

/// Measures peer streams between two processes: `PeerBench serve` prints its address and a port of
/// plain TCP, which `PeerBench measure` takes. Benchmarks/peers/run.sh runs both.
@main
struct PeerBench {
  /// Pieces of one streamed body; each fits a default socket buffer a few times over.
  static let chunk = Bytes(repeating: 0x5A, count: 256 * 1_024)
  /// Chunks of one bulk measurement: 256 MiB.
  static let chunkCount = 1_024
  /// Calls of one measurement.
  private static let callCount = 5_000
  /// Connections of one measurement.
  private static let connectionCount = 200
  /// Measurements of each figure; the median is printed. `--smoke` only shows that all works.
  private static let rounds = isSmoke ? 1 : 5
  private static let isSmoke = CommandLine.arguments.contains("--smoke")

  static func main() async throws {
    let loop = try EventLoop()
    let thread = loop.start(named: "peer-bench")
    let arguments = CommandLine.arguments
    let host = PeerHost(
      loop: loop, identity: .generate(), settings: PeerHostSettings(), protocols: [.rpc(answer)])
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await host.run() }
      switch arguments.dropFirst().first {
      case "serve":
        try await loop.perform { try await serve(host) }
      case "measure" where arguments.count >= 4:
        let address = try Multiaddr(arguments[2])
        let rawPort = UInt16(arguments[3]) ?? 0
        try await loop.perform { try await measure(host, address, rawPort: rawPort) }
      case "bulk" where arguments.count >= 3:
        let address = try Multiaddr(arguments[2])
        try await loop.perform { try await measureBulk(try await host.dial(address)) }
      case "ping" where arguments.count >= 3:
        let address = try Multiaddr(arguments[2])
        try await loop.perform {
          let connection = try await host.dial(address)
          try await measurePing("ping go-libp2p") { try await connection.echo(count: $0) }
        }
      default:
        print("usage: PeerBench serve | measure ADDRESS RAWPORT | bulk ADDRESS | ping ADDRESS")
      }
      await host.stop()
    }
    loop.stop()
    thread.join()
  }

  private static let answer: RPCHandler = { call in
    switch call.request.method {
    case "download":
      return .streamed([]) { writer in
        for _ in 0..<chunkCount { try await writer.send(chunk) }
      }
    case "upload":
      while (try? await call.nextChunk()) != nil {}
      return .success([])
    case "usage":
      return .success(Bytes(ProcessUsage.now().text.utf8))
    default:
      return .success(call.request.body)
    }
  }

  private static func serve(_ host: PeerHost) async throws {
    let raw = try SocketListener(at: .tcp(host: "127.0.0.1", port: 0), on: host.loop)
    guard case .tcp(_, let rawPort) = raw.address else { return }
    print(try await host.listen(on: Multiaddr("/ip4/127.0.0.1/tcp/0")), rawPort)
    fflush(nil)
    await RawTCP(loop: host.loop).serve(raw)
  }

  private static func measure(
    _ host: PeerHost, _ address: Multiaddr, rawPort: UInt16
  ) async throws {
    let connection = try await host.dial(address)
    let raw = RawTCP(loop: host.loop)
    try await measurePing("raw TCP ping") { try await raw.echo(count: $0, port: rawPort) }
    try await measurePing("ping") { try await connection.echo(count: $0) }
    try await measureCalls(connection)
    let megabytes = chunkCount * chunk.count / 1_000_000
    try await report("raw TCP download", unit: "MB/s", count: megabytes) {
      try await raw.download(port: rawPort)
    }
    try await measureBulk(connection)
    try await report("connections", unit: "per second", count: connectionCount) {
      for _ in 0..<connectionCount {
        let fresh = try await host.dial(address)
        _ = try await fresh.request(method: "echo")
        await fresh.close()
      }
    }
    let connections = ConnectionCosts(loop: host.loop, server: connection, address: address)
    let costs = try await connections.responderMilliseconds(rounds: rounds, count: connectionCount)
    printLine("responder's CPU per connection with a fresh id", costs, "ms")
    let memory = try await connections.idleMegabytes(count: isSmoke ? 100 : 1_000)
    print("a node with \(isSmoke ? 100 : 1_000) connections: \(memory) MB resident")
  }

  private static func measurePing(
    _ name: String, _ echo: (Int) async throws -> [Duration]
  ) async throws {
    var medians: [Double] = []
    for _ in 0..<rounds {
      let times = try await echo(2_000).sorted()
      medians.append(times[times.count / 2] / .microseconds(1))
    }
    printLine(name, medians, "us, median of 2,000")
  }

  private static func measureCalls(_ connection: PeerConnection) async throws {
    let body = Bytes(repeating: 1, count: 100)
    try await report("calls one after the other", unit: "per second", count: callCount) {
      for _ in 0..<callCount { _ = try await connection.request(method: "echo", body: body) }
    }
    let parallel = 32
    try await report("calls, 32 at once", unit: "per second", count: callCount) {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<parallel {
          group.addTask {
            for _ in 0..<(callCount / parallel) {
              _ = try await connection.request(method: "echo", body: body)
            }
          }
        }
        try await group.waitForAll()
      }
    }
  }

  private static func measureBulk(_ connection: PeerConnection) async throws {
    let megabytes = chunkCount * chunk.count / 1_000_000
    try await reportCPU("download", connection) {
      try await report("download", unit: "MB/s", count: megabytes) {
        let reader = try await connection.requestStream(method: "download")
        while try await reader.nextChunk() != nil {}
      }
    }
    try await reportCPU("upload", connection) {
      try await report("upload", unit: "MB/s", count: megabytes) {
        _ = try await connection.upload(method: "upload") { (writer) async throws(PeerError) in
          for _ in 0..<chunkCount { try await writer.send(chunk) }
        }
      }
    }
  }

  /// The processor time of both sides for each gigabyte, which a busy machine does not change much.
  private static func reportCPU(
    _ name: String, _ connection: PeerConnection, _ body: () async throws -> Void
  ) async throws {
    func usage() async throws -> (ours: Int, theirs: Int) {
      let theirs = try await connection.request(method: "usage")
      return (
        ProcessUsage.now().cpuMicroseconds,
        ProcessUsage(String(decoding: theirs, as: UTF8.self)).cpuMicroseconds
      )
    }
    let before = try await usage()
    try await body()
    let after = try await usage()
    let gigabytes = Double(rounds * chunkCount * chunk.count) / 1e9
    let (ours, theirs) = (after.ours - before.ours, after.theirs - before.theirs)
    let rounded = { (figure: Int) in (Double(figure) / 1e4 / gigabytes).rounded() / 100 }
    print("\(name): \(rounded(ours)) s of our CPU and \(rounded(theirs)) s of theirs per GB")
  }

  private static func report(
    _ name: String, unit: String, count: Int, _ body: () async throws -> Void
  ) async throws {
    var rates: [Double] = []
    for _ in 0..<rounds {
      let start = ContinuousClock.now
      try await body()
      rates.append(Double(count) / ((ContinuousClock.now - start) / .seconds(1)))
    }
    printLine(name, rates, unit)
  }

  private static func printLine(_ name: String, _ figures: [Double], _ unit: String) {
    let sorted = figures.sorted()
    let rounded = { (figure: Double) in (figure * 10).rounded() / 10 }
    print(
      "\(name): \(rounded(sorted[sorted.count / 2])) \(unit)",
      "(\(rounded(sorted[0]))–\(rounded(sorted[sorted.count - 1])))")
    fflush(nil)
  }
}
