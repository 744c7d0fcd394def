import CKernels
import FoundationEssentials
import Primitives
import Testing

@testable import NeuralNetworks

/// Files of `Tests/References`.
enum Reference {
  static func bytes(_ name: String) throws -> Bytes {
    let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    return Bytes(try Data(contentsOf: tests.appending(path: "References/\(name)")))
  }
}

/// Files of `Examples`.
enum Example {
  /// A configuration of `Examples/models`.
  static func model(_ name: String) throws -> Bytes {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return Bytes(try Data(contentsOf: root.appending(path: "Examples/models/\(name).json")))
  }
}

@Suite struct GradientTests {
  /// Small models in which every layer, activation and loss occurs.
  static let models: [(ModelArchitecture.Body, ModelOutput)] = [
    (.perceptron(Perceptron(units: [5, 6, 4])), .classes),
    (.perceptron(Perceptron(units: [4, 5, 6, 3])), .classes),
    (.perceptron(Perceptron(units: [4, 5, 5, 3], activation: .tanh)), .flags),
    (.perceptron(Perceptron(units: [4, 6, 2], activation: .sigmoid)), .values(.squared)),
    (.perceptron(Perceptron(units: [4, 6, 2], activation: .gelu)), .values(.huber(delta: 0.7))),
    (.perceptron(Perceptron(units: [4, 6, 5, 2], activation: .silu)), .values(.absolute)),
    (.perceptron(Perceptron(units: [4, 3, 2], activation: .none)), .values(.squared)),
    (.logistic(inputs: 5, outputs: 1), .flags), (.logistic(inputs: 5, outputs: 3), .classes),
    (.linear(inputs: 4, outputs: 2), .values(.squared)),
    (
      .convolutional(
        ConvolutionalNetwork(
          image: ImageSize(height: 6, width: 5, channels: 2),
          blocks: [
            ConvolutionBlock(channels: 3, pooling: .init(.max)),
            ConvolutionBlock(channels: 4, kernel: 2, padding: 0, activation: .tanh),
          ], hidden: [5], outputs: 3)), .classes
    ),
    (
      .convolutional(
        ConvolutionalNetwork(
          image: ImageSize(height: 7, width: 7, channels: 1),
          blocks: [
            ConvolutionBlock(
              channels: 3, stride: 2, padding: 2, hasBatchNormalization: true,
              activation: .silu, pooling: .init(.average)),
            ConvolutionBlock(
              channels: 2, kernel: 1, padding: 0, hasBatchNormalization: true, activation: .gelu),
          ], outputs: 2)), .classes
    ),
    (
      .transformer(
        TransformerNetwork(
          vocabulary: 5, context: 4, layers: 2, width: 6, heads: 2, feedForward: 7)), .classes
    ),
    (
      .transformer(
        TransformerNetwork(
          vocabulary: 4, context: 3, layers: 1, width: 4, heads: 1, activation: .silu,
          normalization: .rms)), .classes
    ),
  ]

  @Test("the gradient agrees with central finite differences", arguments: 0..<models.count)
  func finiteDifferences(index: Int) throws {
    let (body, output) = Self.models[index]
    let architecture = try ModelArchitecture(body: body, output: output)
    let harness = try StepHarness(architecture, examples: architecture.readsTokens ? 2 : 7)
    harness.fill(seed: UInt64(index))
    // Biases too are random: at zero a dead layer puts the next one exactly on ReLU's corner.
    var parameters = PhiloxStream(seed: UInt64(index), domain: .syntheticData, index: 1)
      .uniform(architecture.parameterCount, scale: 0.8)
    _ = try harness.loss(parameters)
    let gradient = harness.gradient
    let layout = architecture.layout
    for index in 0..<architecture.trainableCount {
      /// The step balances the error of the difference (h²) against that of Float32 losses (ε / h).
      func error(_ h: Float) throws -> Float {
        let saved = parameters[index]
        defer { parameters[index] = saved }
        parameters[index] = saved + h
        let above = try harness.loss(parameters)
        parameters[index] = saved - h
        let difference = (above - (try harness.loss(parameters))) / (2 * h)
        // Where a hidden unit switches within the step, the loss is bent; the margin covers one.
        return abs(difference - gradient[index]) / max(1, abs(difference))
      }
      // More units may switch within the larger step than the margin covers.
      let isClose = try error(2e-3) < 3e-3 || error(5e-4) < 3e-3
      #expect(isClose, "\(layout.tensor(holding: index)?.name ?? "") \(index)")
    }
    #expect(gradient.contains { abs($0) > 1e-3 })
  }

  @Test("loss, gradient and steps agree with NumPy float64", arguments: 0..<4)
  func numPy(index: Int) throws {
    let document = try JSONValue(parsing: Reference.bytes("mlp_reference.json"))
    let example = try #require(document.elements)[index]
    func numbers(_ name: String) throws -> [Double] {
      try #require(example[name]?.elements).compactMap { $0.double }
    }
    func number(_ name: String) throws -> Double { try #require(example[name]?.double) }
    let architecture = try ModelArchitecture(units: try numbers("units").map { Int($0) })
    let labels = try numbers("labels").map { Int32($0) }
    let dataset = try Dataset(
      features: try numbers("features").map { Float($0) }, labels: labels,
      inputs: architecture.inputs, classes: architecture.outputs)
    let start = ParameterBuffer(try numbers("parameters").map { Float($0) })
    let steps = Int(try number("steps"))
    let settings = try TrainingSettings(
      learningRate: Float(try number("rate")), batchSize: labels.count, epochs: steps,
      optimizer: .init(
        momentum: Float(try number("momentum")), weightDecay: Float(try number("decay"))))
    let order = (0..<Int32(labels.count)).map { $0 }
    let run = TrainingRun(
      architecture: architecture,
      state: TrainingState(base: start, architecture: architecture, settings: settings),
      source: dataset, settings: settings,
      order: .explicit(Array(repeating: order, count: steps)))
    try run.run(steps: 1)
    let loss = try number("loss")
    #expect(abs(Double(run.lastLoss) - loss) < 1e-5 * loss)
    try run.run(steps: steps)
    try expectClose(run.state.parameters.values, numbers("result"))
    let harness = try StepHarness(architecture, examples: labels.count)
    harness.arena.store(dataset.features, at: harness.program.input.offset)
    harness.arena.store(labels.map { UInt32($0) }, at: harness.program.target.offset)
    _ = try harness.loss(start.values)
    try expectClose(harness.gradient, numbers("gradient"))
  }

  /// Relative to the largest entry, as cancellation makes small entries inexact.
  private func expectClose(_ values: [Float], _ expected: [Double]) {
    #expect(values.count == expected.count)
    let scale = expected.map(abs).max() ?? 0
    let worst = zip(values, expected).map { abs(Double($0) - $1) }.max() ?? .infinity
    #expect(worst < 1e-5 * scale)
  }
}
