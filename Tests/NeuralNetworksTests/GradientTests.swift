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

@Suite struct GradientTests {
  @Test("the gradient agrees with central finite differences", arguments: UInt64(0)..<6)
  func finiteDifferences(seed: UInt64) throws {
    let shape = try ModelShape(units: seed.isMultiple(of: 2) ? [5, 6, 4] : [4, 5, 6, 3])
    let rows = 7
    let network = Network(shape: shape, batchSize: rows)
    let stream = PhiloxStream(seed: seed, domain: .syntheticData, index: 0)
    for (place, value) in stream.uniform(rows * shape.inputs, scale: 1).enumerated() {
      network.input[place] = value
    }
    for row in 0..<rows { network.labels[row] = Int32(row % shape.outputs) }
    // Biases too are random: at zero a dead layer puts the next one exactly on ReLU's corner.
    var parameters = PhiloxStream(seed: seed, domain: .syntheticData, index: 1)
      .uniform(shape.parameterCount, scale: 0.8)
    _ = network.computeGradient(parameters, count: rows)
    let gradient = (0..<shape.parameterCount).map { network.gradient[$0] }
    // The step balances the error of the difference (h²) against that of Float32 losses (ε / h).
    let h: Float = 2e-3
    for index in parameters.indices {
      let saved = parameters[index]
      parameters[index] = saved + h
      let above = network.computeGradient(parameters, count: rows)
      parameters[index] = saved - h
      let below = network.computeGradient(parameters, count: rows)
      parameters[index] = saved
      let difference = (above - below) / (2 * h)
      // A hidden unit that switches within the step bends the loss; the margin covers one.
      #expect(abs(difference - gradient[index]) < 3e-3, "parameter \(index)")
    }
  }

  @Test("loss, gradient and steps agree with NumPy float64", arguments: 0..<4)
  func numPy(index: Int) throws {
    let document = try JSONValue(parsing: Reference.bytes("mlp_reference.json"))
    let example = try #require(document.elements)[index]
    func numbers(_ name: String) throws -> [Double] {
      try #require(example[name]?.elements).compactMap { $0.double }
    }
    func number(_ name: String) throws -> Double { try #require(example[name]?.double) }
    let shape = try ModelShape(units: try numbers("units").map { Int($0) })
    let labels = try numbers("labels").map { Int32($0) }
    let dataset = try Dataset(
      features: try numbers("features").map { Float($0) }, labels: labels, inputs: shape.inputs,
      classes: shape.outputs)
    let start = ParameterBuffer(try numbers("parameters").map { Float($0) })
    let steps = Int(try number("steps"))
    let settings = try TrainingSettings(
      learningRate: Float(try number("rate")), batchSize: labels.count, epochs: steps,
      optimizer: .init(
        momentum: Float(try number("momentum")), weightDecay: Float(try number("decay"))))
    let order = (0..<Int32(labels.count)).map { $0 }
    let run = TrainingRun(
      shape: shape, state: TrainingState(base: start, settings: settings), dataset: dataset,
      settings: settings, order: .explicit(Array(repeating: order, count: steps)))
    try run.run(steps: 1)
    let loss = try number("loss")
    #expect(abs(Double(run.lastLoss) - loss) < 1e-5 * loss)
    try run.run(steps: steps)
    try expectClose(run.state.parameters.values, numbers("result"))
    let network = Network(shape: shape, batchSize: labels.count)
    for (place, value) in dataset.features.enumerated() { network.input[place] = value }
    for (place, label) in labels.enumerated() { network.labels[place] = label }
    _ = network.computeGradient(start.values, count: labels.count)
    try expectClose((0..<shape.parameterCount).map { network.gradient[$0] }, numbers("gradient"))
  }

  /// Relative to the largest entry, as cancellation makes small entries inexact.
  private func expectClose(_ values: [Float], _ expected: [Double]) {
    #expect(values.count == expected.count)
    let scale = expected.map(abs).max() ?? 0
    let worst = zip(values, expected).map { abs(Double($0) - $1) }.max() ?? .infinity
    #expect(worst < 1e-5 * scale)
  }
}
