import Cryptography
import Networking
import Peering
import Primitives
import Testing

@Suite("Bandwidth of a host", .timeLimit(.minutes(5)))
struct PacingTests {
  private static let bytes = 3_000_000
  /// Two megabytes a second.
  private static let rate = BitRate(bitsPerSecond: 16_000_000)
  /// Without a bound this takes some milliseconds; with it no machine can be faster than this,
  /// whatever was saved up and read at once.
  private static let timeMin: Duration = .seconds(1)

  @Test("a host neither receives nor sends faster than its settings say", arguments: [true, false])
  func bounded(receives: Bool) async throws {
    let swallow = StreamProtocol("/test/swallow/1.0.0") { stream in
      var left = Self.bytes
      while left > 0, let piece = try await stream.read(atMost: 65_536) { left -= piece.count }
      try await stream.writeMessage([1])
    }
    try await withLoop { loop in
      var settings = PeerHostSettings()
      settings.bandwidthMax = Self.rate
      let plain = PeerHostSettings()
      let server = PeerHost(
        loop: loop, identity: .generate(), settings: receives ? settings : plain,
        protocols: [swallow])
      let client = PeerHost(
        loop: loop, identity: .generate(), settings: receives ? plain : settings, protocols: [])
      try await withPeerHosts([server, client]) {
        let address = try await server.listen(on: RelayHostTests.any)
        let start = ContinuousClock.now
        let stream = try await client.open(
          ["/test/swallow/1.0.0"], to: server.peerID, at: [address])
        try await stream.write(Bytes(repeating: 7, count: Self.bytes))
        #expect(try await stream.readMessage(limit: 16, within: .seconds(120)) == [1])
        #expect(ContinuousClock.now - start >= Self.timeMin)
      }
    }
  }
}
