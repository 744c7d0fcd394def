import Primitives
import Testing

@testable import NeuralNetworks

/// UCI digits, 8 × 8 grey levels; the test rows are those whose index is a multiple of 5.
@Suite struct DigitsTests {
  private func digits() throws -> (train: Dataset, test: Dataset) {
    let data = try Dataset(
      csv: Reference.bytes("digits.csv"), layout: CSVLayout(featureScale: 16, classes: 10))
    return try data.split(testEvery: 5)
  }

  private func train(
    _ model: ModelConfiguration, on data: Dataset, seed: UInt64
  ) throws -> ParameterBuffer {
    let settings = try TrainingSettings(
      learningRate: try #require(model.learningRate), batchSize: try #require(model.batchSize),
      epochs: try #require(model.epochs), optimizer: model.optimizer, schedule: model.schedule)
    let run = TrainingRun(
      architecture: model.architecture,
      state: TrainingState(
        base: ParameterBuffer(randomFor: model.architecture, seed: seed),
        architecture: model.architecture, settings: settings),
      source: data, settings: settings, order: .shuffled(seed: seed, firstEpoch: 0, client: 0))
    try run.run(steps: .max)
    return run.state.parameters
  }

  @Test(
    "the shipped CNN reads at least 0.975 of the digits from any seed", arguments: UInt64(1)...3)
  func convolutional(seed: UInt64) throws {
    let (train, test) = try digits()
    let model = try ModelConfiguration(json: Example.model("cnn"))
    let parameters = try self.train(model, on: train, seed: seed)
    let score = try Evaluation(parameters, architecture: model.architecture, source: test)
    #expect(score.accuracy >= 0.975, "\(score)")
    #expect(score.examples == 360)
    // Predictions are the probabilities behind the score.
    let outputs = try Inference(model.architecture, parameters: parameters).outputs(of: test)
    var correct = 0
    for row in 0..<test.rows {
      let probabilities = outputs[row * 10..<row * 10 + 10]
      #expect(abs(probabilities.reduce(0, +) - 1) < 1e-5)
      let best = probabilities.indices.max { probabilities[$0] < probabilities[$1] }
      if best.map({ $0 - row * 10 }) == Int(test.labels[row]) { correct += 1 }
    }
    #expect(correct == score.correct)
  }

  @Test("the shipped MLP with dropout reads at least 0.95 of the digits")
  func perceptron() throws {
    let (train, test) = try digits()
    let model = try ModelConfiguration(json: Example.model("mlp"))
    let parameters = try self.train(model, on: train, seed: 1)
    let score = try Evaluation(parameters, architecture: model.architecture, source: test)
    #expect(score.accuracy >= 0.95, "\(score)")
  }

  @Test("evaluation counts flags and values as it says")
  func otherOutputs() throws {
    let flags = try ModelArchitecture(body: .logistic(inputs: 2, outputs: 1), output: .flags)
    // w = (1, 0), b = −1: yes where the first feature is above 1.
    let source = try Dataset(
      features: [0, 0, 2, 0, 3, 0, 0, 5], labels: [0, 1, 0, 0], inputs: 2, classes: 2)
    let model = ParameterBuffer([1, 0, -1])
    let score = try Evaluation(model, architecture: flags, source: source)
    #expect(score.correct == 3 && score.examples == 4)
    let outputs = try Inference(flags, parameters: model).outputs(of: source)
    #expect(abs(outputs[1] - 0.731_058_6) < 1e-6)
    let linear = try ModelArchitecture(
      body: .linear(inputs: 2, outputs: 1), output: .values(.squared))
    let targets = try ExampleTable(
      features: [0, 0, 2, 0], targets: .numbers([1, 0], width: 1), rows: 2, inputShape: [2])
    let values = try Evaluation(model, architecture: linear, source: targets)
    #expect(values.loss == 2.5 && values.correct == 0)
    #expect(try Inference(linear, parameters: model).outputs(of: targets) == [-1, 1])
  }
}
