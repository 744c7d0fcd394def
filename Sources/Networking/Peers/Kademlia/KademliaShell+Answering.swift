import Cryptography
import Peering
import Primitives

extension KademliaShell {
  /// Requests one stream may carry before it is closed, and how long it may be silent.
  private static let requestsPerStreamMax = 256
  private static let streamIdle: Duration = .seconds(60)

  func servedProtocol() -> StreamProtocol {
    StreamProtocol(
      protocolID, limits: StreamLimits(inboundPerPeerMax: 16, inboundMax: 2_048)
    ) { [weak self] stream in
      for _ in 0..<Self.requestsPerStreamMax {
        let bytes = try await stream.readMessage(
          limit: KademliaLimits.messageBytesMax, within: Self.streamIdle)
        guard let bytes, let self else { return }
        if let answer = try await self.answer(bytes, from: stream.peer) {
          try await stream.writeMessage(answer)
        }
      }
    }
  }

  /// The answer to a message, or nil where none is due.
  private func answer(_ bytes: Bytes, from peer: PeerID) throws -> Bytes? {
    let message = try KademliaMessage(decoding: bytes)
    let sender = host.assumeIsolated { $0.book.intern(peer, now: loop.now) }
    let request = try message.request(from: sender, intern: intern)
    let call = nextServed
    nextServed &+= 1
    handle(.request(request, from: sender, admission: admission(peer), call: call))
    guard let reply = replies.removeValue(forKey: call) else { return nil }
    let response = try reply.get()
    guard request.hasAnswer else { return nil }
    return KademliaMessage(response, to: request, peer: describe).encoded()
  }
}
