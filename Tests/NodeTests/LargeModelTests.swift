import Coordinator
import Primitives
import Testing

/// A session whose updates and states are larger than any message.
@Suite(.serialized) struct LargeModelTests {
  private static let inputs = 784
  private static let hidden = 3_000

  /// A few images of two kinds: dark with a bright half, above or below.
  private static let csv: Bytes = {
    var random = SplitMix64(seed: 5)
    var lines = ""
    for row in 0..<30 {
      let values = (0..<inputs).map { pixel in
        let isBright = (pixel < inputs / 2) == (row % 2 == 0)
        return (isBright ? 8 : 0) + Int(random.next() % 3)
      }
      lines += values.map(String.init).joined(separator: ",") + ",\(row % 2)\n"
    }
    return Bytes(lines.utf8)
  }()

  private static func order(dataset: String) -> JSONValue {
    [
      "name": "large", "model_type": "mlp", "dataset_cid": .string(dataset), "total_rounds": 2,
      "min_participants": 1, "clients": 2, "seed": 7, "audit_rate": 0.25, "segment_steps": 1,
      "learning_rate": 0.01, "batch_size": 3, "local_epochs": 2,
      "model_config": [
        "hidden_size": JSONValue(hidden),
        "architecture": [
          "input_dim": JSONValue(inputs), "output_dim": 2, "activation": "relu",
          "output_activation": "softmax",
        ],
        "optimizer": ["type": "sgd", "momentum": 0.9], "loss": "cross_entropy",
        "metrics": ["accuracy"],
      ],
    ]
  }

  @Test("a model of nine megabytes is trained, checked by samples, paid and recomputed")
  func largeModel() async throws {
    try await FaultTests.run(workers: [.init(), .init()]) { network in
      let coordinator = network.coordinator
      let dataset = try await coordinator.addContent(Self.csv)
      let id = try await coordinator.createSession(Self.order(dataset: dataset))
      try await coordinator.startSession(id)
      _ = try await network.end(of: id)
      let check = try await coordinator.verifySession(id)
      #expect(check["updates"] == 4)
      #expect(check["mismatches"] == .array([]))
      // Two of eight segments: only the first two of a task need no state of the worker.
      let updates = await coordinator.roundViews(id)?.elements?.flatMap {
        $0["updates"]?.elements ?? []
      }
      #expect(updates?.count == 4)
      for update in updates ?? [] {
        #expect(update["replayed_segments"] == 2)
        #expect(update["segments"] == 8)
      }
      let accounts = await coordinator.accountViews.elements ?? []
      #expect(accounts.allSatisfy { $0["rejected"]?.integer == 0 })
      #expect(try await coordinator.modelFile(id).count > 8 << 20)
      await FaultTests.requireSoundLedger(network)
    }
  }
}
