import NeuralNetworks
import Primitives
import Testing

@testable import FederatedLearning

@Suite struct DigitsCurveTests {
  @Test("ten clients reproduce the loss and accuracy curve of the NumPy baseline")
  func curve() throws {
    let digits = try DigitsFixture()
    let architecture = try ModelArchitecture(units: [64, 128, 10])
    let settings = try TrainingSettings(learningRate: 0.1, batchSize: 32, epochs: 5)
    let shards = try digits.train.partitioned(clients: 10)
    var model = try ParameterBuffer(
      decoding: Fixture.bytes("digits_initial.f32"), for: architecture)
    // Loss and accuracy of the baseline after rounds 1, 2, 5 and 10.
    let expected = [
      1: (1.44624, 0.7722), 2: (0.92010, 0.8694), 5: (0.43195, 0.9056), 10: (0.26354, 0.9389),
    ]
    for round in 1...10 {
      var updates: [ClientUpdate] = []
      for (client, shard) in shards.enumerated() {
        let run = TrainingRun(
          architecture: architecture,
          state: TrainingState(base: model, architecture: architecture, settings: settings),
          source: shard, settings: settings, order: .splitMix(seed: UInt64(1000 * round + client)))
        try run.run(steps: run.schedule.steps)
        updates.append(
          ClientUpdate(client: client, examples: shard.rows, parameters: run.state.parameters))
      }
      model = try weightedMean(updates)
      let score = try Evaluation(model, architecture: architecture, source: digits.test)
      guard let (loss, accuracy) = expected[round] else { continue }
      #expect(abs(score.loss - loss) < 0.0001, "round \(round): \(score)")
      #expect(abs(score.accuracy - accuracy) < 0.003, "round \(round): \(score)")
    }
  }

  @Test("four clients reach 0.95 in ten rounds from any seed", arguments: UInt64(1)...8)
  func ownSeeds(seed: UInt64) throws {
    let digits = try DigitsFixture()
    let architecture = try ModelArchitecture(units: [64, 128, 10])
    let settings = try TrainingSettings(learningRate: 0.1, batchSize: 16, epochs: 5)
    let shards = try digits.train.partitioned(clients: 4)
    var model = ParameterBuffer(randomFor: architecture, seed: seed)
    for round in 0..<10 {
      var updates: [ClientUpdate] = []
      for (client, shard) in shards.enumerated() {
        let run = TrainingRun(
          architecture: architecture,
          state: TrainingState(base: model, architecture: architecture, settings: settings),
          source: shard, settings: settings,
          order: .shuffled(seed: seed, firstEpoch: UInt32(round * 5), client: UInt32(client)))
        try run.run(steps: run.schedule.steps)
        updates.append(
          ClientUpdate(client: client, examples: shard.rows, parameters: run.state.parameters))
      }
      model = try weightedMean(updates)
    }
    let score = try Evaluation(model, architecture: architecture, source: digits.test)
    #expect(score.accuracy >= 0.95)
  }
}
