import Coordinator
import Cryptography
import FederatedLearning
import Glibc
import Ledger
import Networking
import NeuralNetworks
import Node
import Orchestration
import Primitives
import Telemetry
import Testing
import UsefulWork

/// Disputes between workers and validators over real sockets, with the coordinator as referee.
@Suite(.serialized) struct DisputeSessionTests {
  /// What a session left: its view, and the first dispute over a rejected update.
  struct Ended {
    let session: JSONValue
    let dispute: JSONValue
    let label: String
  }

  /// Runs a session to its end and until no dispute is open.
  static func ended(_ network: FaultyNetwork) async throws -> Ended {
    let id = try await network.begin()
    _ = try await network.end(of: id)
    try await network.wait("the disputes are over") {
      let all = await updates(of: id, network).map { $0["dispute"]?["state"]?.text ?? "" }
      return all.contains("settled") && !all.contains("open")
    }
    let disputed = await updates(of: id, network).first { $0["dispute"] != .null }
    return Ended(
      session: await network.coordinator.sessionView(id) ?? .null,
      dispute: disputed?["dispute"] ?? .null, label: disputed?["worker_label"]?.text ?? "")
  }

  static func updates(of id: Digest, _ network: FaultyNetwork) async -> [JSONValue] {
    let rounds = await network.coordinator.roundViews(id)?.elements ?? []
    return rounds.flatMap { $0["updates"]?.elements ?? [] }
      .filter { $0["status"]?.text == "rejected" && $0["dispute"] != .null }
  }

  static func words(_ dispute: JSONValue) -> [String] {
    dispute["wrong"]?.elements?.compactMap(\.text) ?? []
  }

  /// The operator at which each kind of lie is caught. What is altered, scaled or made up after a
  /// segment shows where the state is closed; a careful liar puts one bit into the optimizer.
  static let operators = [
    "alter-step": "optimizer/sgd", "copied": "state/root", "other-data": "loss/softmax_cross_entropy",
    "other-update": "record", "random": "state/root", "scaled": "state/root",
    "skip-epoch": "state/root", "stale": "state/root",
  ]

  @Test("every kind of lie leads to a named operator", arguments: Lie.named.keys.sorted())
  func named(_ lie: String) async throws {
    let wanted = try await FaultTests.undisturbedHash()
    let workers = [LocalNetwork.Worker(), .init(), .init(lie: lie)]
    try await FaultTests.run(workers: workers) { network in
      let ended = try await Self.ended(network)
      #expect(ended.session["model_hash"]?.text == wanted)
      #expect(ended.session["validator_wrong"] == false)
      #expect(ended.label == "worker-2")
      #expect(Self.words(ended.dispute) == ["worker"])
      #expect(ended.dispute["operator"]?.text == Self.operators[lie], "\(ended.dispute.text())")
      guard lie != "other-update" else { return }
      #expect(ended.dispute["reason"]?.text == "the referee computes another result")
      #expect((ended.dispute["rounds"]?.integer ?? 0) > 3)
    }
  }
}
