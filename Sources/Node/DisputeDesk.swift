internal import Cryptography
internal import Networking
internal import Orchestration
internal import Peering
internal import Primitives
internal import Telemetry
package import UsefulWork

/// Answers the questions about one piece of work; nil for a question outside of it.
package typealias DisputeAnswering = @Sendable (DisputeQuery) throws -> DisputeAnswer?

extension DisputeParty where Self: Sendable {
  /// Answers for this party, remembering what it has computed.
  package func answering(segmentSteps: Int) -> DisputeAnswering {
    // A referee asks one question at a time: nobody waits for this lock.
    let responder = Lock(DisputeResponder(party: self, segmentSteps: segmentSteps))
    return { query in try responder.withLock { try $0.answer(query) } }
  }
}

/// Where a node answers a referee: on threads of its own, so that training or replays in hand
/// cannot make it miss a deadline.
final class DisputeDesk: Sendable {
  enum Limits {
    /// Parties whose steps are remembered: a few more than a coordinator's disputes at once.
    static let partiesMax = 4
    /// As many as a coordinator's disputes at once, so that none waits for another's training.
    static let threads = 2
    /// Questions and trainings that wait; a coordinator asks one question a dispute at a time.
    static let queueMax = 64
  }

  private struct Party {
    let work: DisputedWork
    let answering: DisputeAnswering
  }

  let compute = ComputePool(
    named: "dispute", threads: Limits.threads, queueMax: Limits.queueMax)
  let identity: SigningKey
  private let parties = Lock<[Party]>([])

  init(identity: SigningKey) { self.identity = identity }

  /// Who answers for this work, if it has been asked lately.
  func party(for work: DisputedWork) -> DisputeAnswering? {
    parties.withLock { all in all.first { $0.work == work }?.answering }
  }

  /// Remembers who answers for this work; the one that came first makes room.
  func keep(_ answering: @escaping DisputeAnswering, for work: DisputedWork) {
    parties.withLock { all in
      all.removeAll { $0.work == work }
      all.append(Party(work: work, answering: answering))
      if all.count > Limits.partiesMax { all.removeFirst() }
    }
  }

  /// Answers a question and signs the answer.
  func answer(_ call: DisputeCall, by answering: @escaping DisputeAnswering) async throws
    -> RPCAnswer
  {
    let question = call.question
    let bytes = try await compute.run { [identity] in
      guard let answer = try answering(question.query) else {
        throw RPCError(code: "not_found", message: "the work has no such part")
      }
      return SignedDisputeReply(signing: answer, to: question, key: identity).encoded()
    }
    return .streamed([], body: bytes)
  }
}
