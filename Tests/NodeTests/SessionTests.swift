import Coordinator
import Cryptography
import Glibc
import Networking
import Persistence
import Primitives
import Testing

/// Whole sessions over loopback sockets: coordinator, validator, evaluator and workers.
@Suite(.serialized) struct SessionTests {
  /// Two well separated clouds: a toy problem, but real training.
  static let csv: Bytes = {
    var random = SplitMix64(seed: 3)
    var lines = ""
    for row in 0..<120 {
      let label = row % 2
      let center = label == 0 ? 2 : 6
      let values = (0..<4).map { _ in center + Int(random.next() % 3) }
      lines += values.map(String.init).joined(separator: ",") + ",\(label)\n"
    }
    return Bytes(lines.utf8)
  }()

  static func order(
    dataset: String, rounds: Int = 3, audit: Double = 1, clients: Int = 4
  ) -> JSONValue {
    [
      "name": "toy", "model_type": "mlp", "dataset_cid": .string(dataset),
      "total_rounds": JSONValue(rounds), "min_participants": 1,
      "clients": JSONValue(clients), "seed": 7, "audit_rate": .number(audit), "segment_steps": 5,
      "learning_rate": 0.1, "batch_size": 4, "local_epochs": 3,
      "model_config": [
        "hidden_size": 8,
        "architecture": [
          "input_dim": 4, "output_dim": 2, "activation": "relu", "output_activation": "softmax",
        ],
        "optimizer": ["type": "sgd"], "loss": "cross_entropy", "metrics": ["accuracy"],
      ],
    ]
  }

  /// Runs one session to its end and returns its last view.
  static func session(_ network: LocalNetwork, rounds: Int = 3) async throws -> JSONValue {
    try await network.run {
      let coordinator = network.coordinator
      for _ in 0..<200 where await coordinator.nodeViews.elements?.count != network.nodeCount {
        try await Task.sleep(for: .milliseconds(20))
      }
      let cid = try await coordinator.addContent(csv)
      let id = try await coordinator.createSession(order(dataset: cid, rounds: rounds))
      try await coordinator.startSession(id)
      for _ in 0..<600 {
        if let view = await coordinator.sessionView(id), view["state"]?.text == "completed",
          let last = await coordinator.roundViews(id)?.elements?.last, last["accuracy"] != .null
        {
          let check = try await coordinator.verifySession(id)
          #expect(check["mismatches"] == .array([]))
          // The first view may be older than the last round's score.
          return await coordinator.sessionView(id) ?? view
        }
        try await Task.sleep(for: .milliseconds(50))
      }
      let view = await coordinator.sessionView(id) ?? .null
      print(view.text(indented: true))
      return view
    }
  }

  @Test("an honest session trains, is checked, paid and reproducible on 1, 2 and 4 workers")
  func honest() async throws {
    var hashes: Set<String> = []
    for count in [1, 2, 4] {
      let network = try LocalNetwork(workers: .init(repeating: .init(), count: count))
      defer { network.remove() }
      let view = try await Self.session(network)
      #expect(view["state"]?.text == "completed", "\(view.text())")
      #expect((view["accuracy"]?.double ?? 0) > 0.8)
      hashes.insert(view["model_hash"]?.text ?? "none")
      let status = await network.coordinator.ledgerStatus
      #expect(status["supply"] == status["supply_counted"])
    }
    #expect(hashes.count == 1)
  }
}
