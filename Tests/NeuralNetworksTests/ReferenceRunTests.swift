import Primitives
import Testing

@testable import NeuralNetworks

/// Runs of `Tests/References/training_reference.py`: PyTorch 1.13 in float64.
@Suite struct ReferenceRunTests {
  /// One run as the script wrote it.
  private struct Example {
    let name: String
    let model: ModelConfiguration
    let source: ExampleTable
    let start: ParameterBuffer
    let losses: [Double]
    let end: [Double]

    init(_ value: JSONValue) throws {
      func numbers(_ name: String) throws -> [Double] {
        try #require(value[name]?.elements).compactMap(\.double)
      }
      name = try #require(value["name"]?.text)
      model = try ModelConfiguration(try #require(value["config"]))
      let rows = Int(try #require(value["rows"]?.integer))
      let inputs = try numbers("inputs")
      let targets = try numbers("targets")
      let architecture = model.architecture
      if architecture.readsTokens {
        source = ExampleTable(
          unchecked: .tokens(inputs.map { Int32($0) }, vocabulary: architecture.outputs),
          targets: .tokens(
            targets.map { Int32($0) }, vocabulary: architecture.outputs,
            length: architecture.inputs), inputShape: [architecture.inputs], rows: rows)
      } else {
        source = try ExampleTable(
          features: inputs.map { Float($0) },
          targets: architecture.output == .classes
            ? .classes(targets.map { Int32($0) }, count: architecture.outputs)
            : .numbers(targets.map { Float($0) }, width: architecture.outputs),
          rows: rows, inputShape: [architecture.inputs])
      }
      start = ParameterBuffer(try numbers("start").map { Float($0) })
      losses = try numbers("losses")
      end = try numbers("end")
    }

    func makeRun(threads: Int = 1) throws -> TrainingRun {
      let settings = try TrainingSettings(
        learningRate: try #require(model.learningRate), batchSize: try #require(model.batchSize),
        epochs: try #require(model.epochs), optimizer: model.optimizer, schedule: model.schedule,
        gradientNormMax: model.gradientNormMax)
      let order = (0..<Int32(source.rows)).map { $0 }
      return TrainingRun(
        architecture: model.architecture,
        state: TrainingState(base: start, architecture: model.architecture, settings: settings),
        source: source, settings: settings,
        order: .explicit(Array(repeating: order, count: settings.epochs)), threads: threads)
    }
  }

  private static func examples() throws -> [Example] {
    let document = try JSONValue(parsing: Reference.bytes("training_reference.json"))
    return try #require(document.elements).map { try Example($0) }
  }

  @Test("ten steps of every family and optimizer agree with PyTorch", arguments: 0..<11)
  func agrees(index: Int) throws {
    let example = try Self.examples()[index]
    let run = try example.makeRun()
    for (step, expected) in example.losses.enumerated() {
      try run.run(steps: 1)
      #expect(
        abs(Double(run.lastLoss) - expected) < 1e-5 * max(expected, 0.1),
        "\(example.name), step \(step)")
    }
    let values = run.state.parameters.values
    #expect(values.count == example.end.count)
    // Relative to the largest entry of each tensor, as cancellation makes small entries inexact.
    for tensor in example.model.architecture.layout.tensors {
      let expected = example.end[tensor.range]
      let scale = expected.map(abs).max() ?? 0
      let worst = zip(values[tensor.range], expected).map { abs(Double($0) - $1) }.max() ?? 0
      #expect(worst < 1e-5 * max(scale, 0.1), "\(example.name), \(tensor.name)")
    }
  }

  @Test("a run may stop after any step and go on from its state", arguments: 0..<11)
  func resumes(index: Int) throws {
    let example = try Self.examples()[index]
    let whole = try example.makeRun()
    try whole.run(steps: 10)
    let first = try example.makeRun()
    try first.run(steps: 4)
    let settings = first.settings
    let order = (0..<Int32(example.source.rows)).map { $0 }
    let second = TrainingRun(
      architecture: example.model.architecture, state: first.state, source: example.source,
      settings: settings, order: .explicit(Array(repeating: order, count: settings.epochs)))
    try second.run(steps: 6)
    #expect(second.stateRoot() == whole.stateRoot())
  }
}
