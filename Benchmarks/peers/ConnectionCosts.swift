import Cryptography
import Glibc
import Networking
import Peering
import Primitives

/// What the process has used so far.
struct ProcessUsage {
  let cpuMicroseconds: Int
  let residentKibibytes: Int

  /// Of this process.
  static func now() -> ProcessUsage {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    let micro = [usage.ru_utime, usage.ru_stime].reduce(0) {
      $0 + Int($1.tv_sec) * 1_000_000 + Int($1.tv_usec)
    }
    var pages = 0
    if let file = fopen("/proc/self/statm", "r") {
      var text = [CChar](repeating: 0, count: 128)
      fgets(&text, Int32(text.count), file)
      fclose(file)
      let words = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
        .split(separator: " ")
      pages = words.count > 1 ? Int(words[1]) ?? 0 : 0
    }
    return ProcessUsage(
      cpuMicroseconds: micro, residentKibibytes: pages * sysconf(Int32(_SC_PAGESIZE)) / 1_024)
  }

  init(cpuMicroseconds: Int, residentKibibytes: Int) {
    self.cpuMicroseconds = cpuMicroseconds
    self.residentKibibytes = residentKibibytes
  }

  /// Two numbers, for the wire.
  var text: String { "\(cpuMicroseconds) \(residentKibibytes)" }

  init(_ text: String) {
    let numbers = text.split(separator: " ").compactMap { Int($0) }
    self.init(
      cpuMicroseconds: numbers.first ?? 0, residentKibibytes: numbers.last ?? 0)
  }
}

/// What connections cost the node that answers them.
struct ConnectionCosts: Sendable {
  let loop: EventLoop
  /// A connection that only asks for figures.
  let server: PeerConnection
  let address: Multiaddr

  private func usage() async throws -> ProcessUsage {
    ProcessUsage(String(decoding: try await server.request(method: "usage"), as: UTF8.self))
  }

  /// Its processor time for each connection: TCP, handshake with an id it never saw, identify both
  /// ways, one ping, the end.
  func responderMilliseconds(rounds: Int, count: Int) async throws -> [Double] {
    var figures: [Double] = []
    for _ in 0..<rounds {
      let before = try await usage().cpuMicroseconds
      for _ in 0..<count {
        try await withFreshHost { host in
          let connection = try await host.dial(address)
          _ = try await connection.identify()
          _ = try await connection.echo(count: 1)
        }
      }
      figures.append(
        Double(try await usage().cpuMicroseconds - before) / 1_000 / Double(count))
    }
    return figures
  }

  /// Its resident memory with `count` idle connections of as many peers.
  func idleMegabytes(count: Int) async throws -> Int {
    let hosts = (0..<count).map { _ in
      PeerHost(
        loop: loop, identity: .generate(), settings: PeerHostSettings(), protocols: [])
    }
    return try await withThrowingTaskGroup(of: Void.self) { group in
      for host in hosts { group.addTask { await host.run() } }
      for host in hosts {
        let connection = try await host.dial(address)
        await connection.waitUntilIdentified()
        _ = try await connection.ping()
      }
      // Past the next keep-alive, which gives idle buffers back.
      try await loop.sleep(for: .seconds(5))
      let megabytes = try await usage().residentKibibytes / 1_000
      for host in hosts { await host.stop() }
      try await group.waitForAll()
      return megabytes
    }
  }

  private func withFreshHost(_ body: (PeerHost) async throws -> Void) async throws {
    var settings = PeerHostSettings()
    settings.identifiesPeers = false
    let host = PeerHost(
      loop: loop, identity: .generate(), settings: settings, protocols: [])
    let running = Task(executorPreference: loop.taskExecutor) { await host.run() }
    defer { running.cancel() }
    try await body(host)
    await host.stop()
    await running.value
  }
}
