package import Peering
import Primitives

extension PeerConnection {
  /// Asks the peer what it is and speaks (`/ipfs/id/1.0.0`).
  package func identify() async throws(PeerError) -> IdentifyMessage {
    let stream = try open(IdentifyMessage.protocolID)
    defer { release(stream) }
    finish(stream)
    let frame = try await withDeadline(
      services.timeouts.handshake, method: IdentifyMessage.protocolID, on: stream
    ) { () async throws(PeerError) in
      try await self.readFrame(from: stream, limit: IdentifyMessage.bytesMax)
    }
    guard let frame else { throw .streamEnded }
    do { return try IdentifyMessage(decoding: frame) } catch { throw .peering(error) }
  }

  /// Sends `count` pings one after the other (`/ipfs/ping/1.0.0`); returns the time each took.
  package func echo(count: Int) async throws(PeerError) -> [Duration] {
    let stream = try open(PingProtocol.protocolID)
    defer { release(stream) }
    var times: [Duration] = []
    for index in 0..<count {
      let payload = Bytes(repeating: UInt8(truncatingIfNeeded: index), count: 32)
      let start = ContinuousClock.now
      try await write(payload, to: stream)
      let answer = try await withDeadline(
        services.timeouts.silence, method: PingProtocol.protocolID, on: stream
      ) { () async throws(PeerError) in
        try await self.readExactly(PingProtocol.payloadBytes, from: stream)
      }
      guard answer == payload else { throw .peering(.multistreamMalformed) }
      times.append(ContinuousClock.now - start)
    }
    return times
  }
}
