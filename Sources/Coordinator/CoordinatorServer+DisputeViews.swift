internal import ContentStore
internal import Cryptography
internal import FederatedLearning
internal import Orchestration
internal import Primitives
internal import UsefulWork

/// What people see of disputes.
extension CoordinatorServer {
  func disputeView(_ state: DisputeState) -> JSONValue {
    guard case .ruled(let stored) = state else {
      return [
        "state": "open", "segment": .null, "step": .null, "operator": .null, "rounds": 0,
        "wrong": .array([]), "reason": .null, "recomputed": .null, "transcript_cid": .null,
      ]
    }
    let ruling = stored.ruling
    let reason = ruling.wrong.first.flatMap { ruling.grounds[$0]?.sentence }
    return [
      "state": "settled", "segment": ruling.segment.map { JSONValue($0) } ?? .null,
      "step": ruling.step.map { JSONValue($0) } ?? .null,
      "operator": ruling.operation.map { .string($0) } ?? .null,
      "rounds": JSONValue(ruling.rounds),
      "wrong": .array(ruling.wrong.map { $0 == .first ? "worker" : "validator" }),
      "reason": reason.map { .string($0) } ?? .null,
      "recomputed": ruling.recomputed.map { .string($0.hex) } ?? .null,
      "transcript_cid": stored.transcript.map { .string("\($0)") } ?? .null,
    ]
  }

  /// Every ruling of every session.
  var rulings: [DisputeRuling] {
    sessions.values.flatMap { $0.disputes.values.compactMap(\.ruling) }
  }

  /// Tells watchers that a dispute is over.
  func publishDispute(over assignment: Assignment, in id: Digest) {
    guard broadcast.isHeard, let session = sessions[id],
      let round = session.round(assignment.round)
    else { return }
    broadcast.publish(ServerEvent(name: "session", session: id, data: summary(of: session)))
    broadcast.publish(
      ServerEvent(name: "round", session: id, data: view(of: round, in: session)))
  }
}

extension HostedSession {
  /// Whether a dispute found a validator wrong.
  var isValidatorWrong: Bool {
    disputes.values.contains { $0.ruling?.isValidatorWrong ?? false }
  }
}
