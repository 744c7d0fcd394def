internal import Cryptography
internal import FederatedLearning
internal import Networking
internal import Orchestration
internal import Peering
internal import Primitives
internal import UsefulWork

/// How a referee asks the parties of a dispute, over the connections that they have dialled.
extension CoordinatorServer {
  private enum AskingLimits {
    /// How long a validator may train disputed work: as long as a worker may.
    static let standTimeout = SessionLimits.hardDeadline
    /// The pause before a party that is away is looked for again.
    static let awayPause: Duration = .milliseconds(100)
  }

  /// A signed reply and when it was there.
  struct TimedReply: Sendable {
    let reply: SignedDisputeReply
    let at: Tick
  }

  /// What the validator stands by; nil if it has nothing to say.
  func stand(of referral: DisputeReferral) async -> DisputeStand? {
    let deadline = loop.now.advanced(by: AskingLimits.standTimeout)
    let body = referral.work.encoded()
    let bytes = await trying(referral.keys.second.peerID, until: deadline) {
      connection, left async throws(PeerError) in
      try await connection.request(method: RPCMethod.stand, body: body, deadline: left)
    }
    return bytes.flatMap { try? DisputeStand(decoding: $0) }
  }

  /// Asks both parties at once and returns what each has signed by the deadline.
  func ask(
    _ question: DisputeQuestion, of referral: DisputeReferral, until deadline: Tick
  ) async -> DisputeSides<TimedReply?> {
    async let first = ask(question, .first, of: referral, until: deadline)
    async let second = ask(question, .second, of: referral, until: deadline)
    return DisputeSides(first: await first, second: await second)
  }

  private func ask(
    _ question: DisputeQuestion, _ side: DisputeSide, of referral: DisputeReferral,
    until deadline: Tick
  ) async -> TimedReply? {
    let key = referral.keys[side]
    let body = DisputeCall(work: referral.work, question: question).encoded()
    let bytes = await trying(key.peerID, until: deadline) {
      connection, left async throws(PeerError) in
      try await self.download(
        body, from: connection, max: referral.answerBytesMax, deadline: left, until: deadline)
    }
    let at = loop.now
    guard let bytes else { return nil }
    let reply = try? await compute.run {
      let reply = try SignedDisputeReply(decoding: bytes, limits: DisputeLimits.answer)
      return reply.answer(to: question, of: key) == nil ? nil : reply
    }
    return reply.map { TimedReply(reply: $0, at: at) }
  }

  private func download(
    _ body: Bytes, from connection: PeerConnection, max: Int, deadline: Duration,
    until end: Tick
  ) async throws(PeerError) -> Bytes {
    let reader = try await connection.requestStream(
      method: RPCMethod.dispute, body: body, deadline: deadline)
    var content = Bytes()
    while let chunk = try await reader.nextChunk() {
      guard content.count + chunk.count <= max, loop.now < end else {
        await reader.cancel()
        throw .deadlineExceeded(method: RPCMethod.dispute, after: deadline)
      }
      content += chunk
    }
    return content
  }

  /// Calls a node until it answers or refuses, or the deadline has passed; one that is away may
  /// come back meanwhile.
  private func trying(
    _ peer: PeerID, until deadline: Tick,
    _ call: (PeerConnection, Duration) async throws(PeerError) -> Bytes
  ) async -> Bytes? {
    while loop.now < deadline, !Task.isCancelled {
      if let node = nodes[peer] {
        do throws(PeerError) {
          return try await call(node.connection, deadline.duration(since: loop.now))
        } catch {
          guard error.mayPass else { return nil }
        }
      }
      try? await loop.sleep(for: AskingLimits.awayPause)
    }
    return nil
  }
}

extension PeerError {
  /// Whether the same party may still answer: it was cut off or is just starting.
  fileprivate var mayPass: Bool {
    switch self {
    case .refused(let refusal): ["starting", "busy"].contains(refusal.code)
    case .socket, .silent, .closed, .handshakeTimedOut, .overloaded, .refusedByUs, .dialledTooSoon,
      .dialsFailed:
      true
    case .cancelled, .addressNotUsable, .peering, .protocolRefused, .streamReset, .streamEnded,
      .deadlineExceeded, .filtered, .ownPeer, .noAddress, .nameUnknown, .relayRefused, .relay,
      .reachability, .rendezvousRefused, .rendezvous, .envelope:
      false
    }
  }
}
