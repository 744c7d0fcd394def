import Cryptography
import Glibc
import Networking
import Peering
import Primitives
import Telemetry
import Testing

@Suite("addresses behind TXT records", .timeLimit(.minutes(5)))
struct TextRecordTests {
  @Test("a /dnsaddr address leads, over another one, to the peer it names and to nobody else")
  func dialling() async throws {
    try await AttackedHost.run(PeerHostSettings()) { server in
      let names = try NameServer()
      defer { names.stop() }
      let peer = server.host.peerID
      let stranger = SigningKey.generate().publicKey.peerID
      let port = try #require(server.address.port)
      names.records.withLock {
        $0["_dnsaddr.net.example"] = [
          "dnsaddr=/ip4/127.0.0.1/tcp/9/p2p/\(stranger)", "dnsaddr=/dnsaddr/a.example/p2p/\(peer)",
          "other text",
        ]
        $0["_dnsaddr.a.example"] = ["dnsaddr=/ip4/127.0.0.1/tcp/\(port)/p2p/\(peer)"]
        $0["_dnsaddr.circle.example"] = ["dnsaddr=/dnsaddr/circle.example/p2p/\(peer)"]
      }
      let pool = ComputePool(named: "names", threads: 1, queueMax: 8)
      defer { pool.stop() }
      var settings = PeerHostSettings()
      settings.resolver = NameResolver(pool: pool, nameServer: ("127.0.0.1", names.port))
      let client = PeerHost(
        loop: server.loop, identity: .generate(), settings: settings, protocols: [])
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await client.run() }
        func address(_ name: String, _ peer: PeerID) throws -> Multiaddr {
          try Multiaddr("/dnsaddr/\(name)/p2p/\(peer)")
        }
        let connection = try await client.connect(
          to: peer, at: [address("net.example", peer)])
        #expect(await connection.provenPeer == peer)
        for name in ["circle.example", "unknown.example"] {
          await #expect(throws: PeerError.nameUnknown(name)) {
            _ = try await client.dial(address(name, peer))
          }
        }
        // The record is there, and names another peer.
        await #expect(throws: PeerError.nameUnknown("a.example")) {
          _ = try await client.dial(address("a.example", stranger))
        }
        await client.stop()
        try await group.waitForAll()
      }
    }
  }
}

/// A name server on loopback that knows TXT records only (RFC 1035).
private final class NameServer: Sendable {
  let port: UInt16
  let records = Lock<[String: [String]]>([:])
  private let number: Int32
  private let isStopped = Lock(false)

  init() throws {
    number = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let number = number
    let status = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(number, $0, length) | getsockname(number, $0, &length)
      }
    }
    port = UInt16(bigEndian: address.sin_port)
    guard status == 0 else { throw SocketError.closed }
    var patience = timeval(tv_sec: 0, tv_usec: 50_000)
    setsockopt(
      number, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    NamedThread("name-server") { [self] in serve() }.detach()
  }

  func stop() { isStopped.withLock { $0 = true } }

  private func serve() {
    var question = Bytes(repeating: 0, count: 1_024)
    while !isStopped.withLock({ $0 }) {
      var sender = sockaddr_in()
      var length = socklen_t(MemoryLayout<sockaddr_in>.size)
      withUnsafeMutablePointer(to: &sender) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { from in
          let count = recvfrom(number, &question, question.count, 0, from, &length)
          guard count > 12 else { return }
          let reply = answer(Bytes(question.prefix(count)))
          sendto(number, reply, reply.count, 0, from, length)
        }
      }
    }
    close(number)
  }

  private func answer(_ question: Bytes) -> Bytes {
    var labels: [String] = []
    var offset = 12
    while offset < question.count, question[offset] != 0 {
      let end = offset + 1 + Int(question[offset])
      labels.append(String(decoding: question[(offset + 1)..<end], as: UTF8.self))
      offset = end
    }
    let name = labels.joined(separator: ".")
    let texts = records.withLock { $0[name] }
    // Response, recursion available; code 3: no such name.
    var reply: Bytes = [question[0], question[1], 0x81, texts == nil ? 0x83 : 0x80]
    reply += [0, 1, 0, UInt8(texts?.count ?? 0), 0, 0, 0, 0] + question[12..<(offset + 5)]
    for text in texts ?? [] {
      let data = [UInt8(text.utf8.count)] + Bytes(text.utf8)
      reply += [0xC0, 12, 0, 16, 0, 1, 0, 0, 0, 60, 0, UInt8(data.count)] + data
    }
    return reply
  }
}
