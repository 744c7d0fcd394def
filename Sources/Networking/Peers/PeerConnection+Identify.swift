package import Peering
import Primitives

extension PeerConnection {
  /// Asks the peer what it is and speaks (`/ipfs/id/1.0.0`).
  package func identify() async throws(PeerError) -> IdentifyMessage {
    let stream = try open([IdentifyMessage.protocolID])
    defer { release(stream) }
    finish(stream)
    return try await readIdentify(from: stream)
  }

  /// Reads the parts of an identify message to the end of the stream.
  func readIdentify(from stream: UInt32) async throws(PeerError) -> IdentifyMessage {
    try await withDeadline(
      timeouts.handshake, method: IdentifyMessage.protocolID, on: stream
    ) { () async throws(PeerError) in
      var message = IdentifyMessage()
      var left = IdentifyMessage.bytesMax
      for part in 0..<IdentifyMessage.partsMax {
        guard let frame = try await self.readFrame(from: stream, limit: left) else {
          guard part > 0 else { throw .streamEnded }
          break
        }
        left -= frame.count
        do throws(PeeringError) { try message.merge(frame) } catch { throw .peering(error) }
      }
      return message
    }
  }

  /// Suspends until the peer has said what it is and the book knows it, or has failed to.
  package func waitUntilIdentified() async {
    guard identifyWaiters != nil else { return }
    await withUnsafeContinuation { continuation in
      guard identifyWaiters != nil else { return continuation.resume() }
      identifyWaiters?.append(continuation)
    }
  }

  func identificationEnded() {
    let waiters = identifyWaiters ?? []
    identifyWaiters = nil
    for waiter in waiters { waiter.resume() }
  }

  /// Sends `count` pings one after the other (`/ipfs/ping/1.0.0`); returns the time each took.
  package func echo(count: Int) async throws(PeerError) -> [Duration] {
    let stream = try open([PingProtocol.protocolID])
    defer { release(stream) }
    var times: [Duration] = []
    for index in 0..<count {
      let payload = Bytes(repeating: UInt8(truncatingIfNeeded: index), count: 32)
      let start = ContinuousClock.now
      try await write(payload, to: stream)
      let answer = try await withDeadline(
        timeouts.silence, method: PingProtocol.protocolID, on: stream
      ) { () async throws(PeerError) in
        try await self.readExactly(PingProtocol.payloadBytes, from: stream)
      }
      guard answer == payload else { throw .peering(.multistreamMalformed) }
      times.append(ContinuousClock.now - start)
    }
    return times
  }
}
