import CKernels
import Cryptography
import FoundationEssentials
import Primitives
import Testing

@testable import NeuralNetworks

/// Small runs with dropout, batch norm, clipping and a smaller last batch.
enum SmallRuns {
  static let count = 3

  static func make(_ index: Int, threads: Int = 1, variant: UInt32? = nil) throws -> TrainingRun {
    let models: [(ModelArchitecture.Body, Optimizer.Rule)] = [
      (
        .perceptron(Perceptron(units: [7, 9, 4], activation: .gelu, dropout: 0.2)),
        .rmsProp(smoothing: 0.9, epsilon: 1e-6, momentum: 0.5)
      ),
      (
        .convolutional(
          ConvolutionalNetwork(
            image: ImageSize(height: 6, width: 6, channels: 1),
            blocks: [
              ConvolutionBlock(channels: 4, hasBatchNormalization: true, pooling: .init(.max)),
              ConvolutionBlock(channels: 5, activation: .silu, pooling: .init(.average, size: 3)),
            ], hidden: [6], outputs: 4, dropout: 0.3)), .adamW(.init())
      ),
      (
        .transformer(
          TransformerNetwork(
            vocabulary: 6, context: 5, layers: 2, width: 8, heads: 2, dropout: 0.1)),
        .adam(.init())
      ),
    ]
    let (body, rule) = models[index]
    let architecture = try ModelArchitecture(body: body, output: .classes)
    let settings = try TrainingSettings(
      learningRate: 0.01, batchSize: 4, epochs: 4,
      optimizer: Optimizer(rule, weightDecay: 0.01),
      schedule: LearningRateSchedule(.cosine(floor: 0.1), warmupSteps: 3), gradientNormMax: 1)
    return TrainingRun(
      architecture: architecture,
      state: TrainingState(
        base: ParameterBuffer(randomFor: architecture, seed: 9), architecture: architecture,
        settings: settings),
      source: try source(for: architecture, rows: 11), settings: settings,
      order: .shuffled(seed: 21, firstEpoch: 8, client: 2), threads: threads,
      kernels: try variant.map { try #require(mk_variant_kernels(mk_variant($0))) }
        ?? Kernels.active)
  }

  static func source(
    for architecture: ModelArchitecture, rows: Int
  ) throws -> any DatasetSource {
    let stream = PhiloxStream(seed: 4, domain: .syntheticData, index: 0)
    let classes = UInt32(architecture.outputs)
    guard architecture.readsTokens else {
      return try Dataset(
        features: stream.uniform(rows * architecture.inputs, scale: 1),
        labels: stream.words(rows).map { Int32($0 % classes) }, inputs: architecture.inputs,
        classes: architecture.outputs)
    }
    let length = architecture.inputs
    let tokens = stream.words(rows * length + 1).map { Int32($0 % classes) }
    return ExampleTable(
      unchecked: .tokens(Array(tokens.dropLast()), vocabulary: Int(classes)),
      targets: .tokens(Array(tokens.dropFirst()), vocabulary: Int(classes), length: length),
      inputShape: [length], rows: rows)
  }
}

@Suite struct StepTraceTests {
  @Test("a traced step ends where a plain one does", arguments: 0..<SmallRuns.count)
  func sameStep(index: Int) throws {
    let plain = try SmallRuns.make(index)
    let traced = try SmallRuns.make(index)
    for step in 0..<7 {
      try plain.run(steps: 1)
      let trace = try traced.traceStep()
      #expect(trace.step == step)
      #expect(trace.entries.map(\.name) == traced.operationNames(ofStep: step))
      #expect(trace.entries.count == traced.operationCount(ofStep: step))
      #expect(trace.entries.last?.digest == plain.stateRoot())
      #expect(traced.lastLoss == plain.lastLoss)
    }
  }

  @Test(
    "a referee computes every operation from its evidence alone", arguments: 0..<SmallRuns.count)
  func referee(index: Int) throws {
    let party = try SmallRuns.make(index)
    // The third step of an epoch is the smaller one.
    try party.run(steps: index == 1 ? 2 : 3)
    let state = party.state
    let root = party.stateRoot()
    let trace = try party.traceStep()
    let digests = trace.entries.map(\.digest)
    for operation in digests.indices {
      let evidence = try run(index, from: state).evidence(of: operation)
      let received = try OperationEvidence(decoding: evidence.encoded())
      #expect(received == evidence)
      // The referee knows no parameters but those that the evidence proves.
      let blank = TrainingState(
        parameters: ParameterBuffer([Float](repeating: 0, count: state.parameters.values.count)),
        optimizer: [Float](repeating: 0, count: state.optimizer.count), step: state.step)
      let digest = try run(index, from: blank).recompute(
        operation, from: received, digests: Array(digests[..<operation]), startRoot: root)
      #expect(digest == digests[operation], "\(trace.entries[operation].name)")
    }
  }

  @Test("altered evidence is not taken", arguments: 0..<SmallRuns.count)
  func altered(index: Int) throws {
    let party = try SmallRuns.make(index)
    let state = party.state
    let root = party.stateRoot()
    let digests = try party.traceStep().entries.map(\.digest)
    for operation in stride(from: 0, to: digests.count, by: 3) {
      let evidence = try run(index, from: state).evidence(of: operation)
      for (place, result) in evidence.results.enumerated() {
        var cells = result.cells
        cells[cells.count / 2] = Float(bitPattern: cells[cells.count / 2].bitPattern ^ 1)
        var results = evidence.results
        results[place] = .init(operation: result.operation, cells: cells)
        #expect(
          try run(index, from: state).recompute(
            operation, from: OperationEvidence(state: evidence.state, results: results),
            digests: digests, startRoot: root) == nil)
        results.remove(at: place)
        #expect(
          try run(index, from: state).recompute(
            operation, from: OperationEvidence(state: evidence.state, results: results),
            digests: digests, startRoot: root) == nil)
      }
      guard var other = evidence.state else { continue }
      other.parameters.values[0] += 1
      #expect(
        try run(index, from: state).recompute(
          operation, from: OperationEvidence(state: other, results: evidence.results),
          digests: digests, startRoot: root) == nil)
      #expect(
        try run(index, from: state).recompute(
          operation, from: OperationEvidence(state: nil, results: evidence.results),
          digests: digests, startRoot: root) == nil)
    }
  }

  private func run(_ index: Int, from state: TrainingState) throws -> TrainingRun {
    let fresh = try SmallRuns.make(index)
    return TrainingRun(
      architecture: fresh.architecture, state: state,
      source: try SmallRuns.source(for: fresh.architecture, rows: 11), settings: fresh.settings,
      order: .shuffled(seed: 21, firstEpoch: 8, client: 2))
  }

  @Test("one flipped bit before a step is first seen at the operation that reads it")
  func firstDifference() throws {
    let honest = try SmallRuns.make(1)
    var state = honest.state
    let layout = honest.architecture.layout
    let tensor = try #require(layout.tensors.first { $0.name == "blocks.1.kernel" })
    let index = tensor.offset + 3
    state.parameters.values[index] = Float(
      bitPattern: state.parameters.values[index].bitPattern ^ 1 << 12)
    let other = try run(1, from: state)
    let pairs = zip(try honest.traceStep().entries, try other.traceStep().entries)
    #expect(pairs.first { $0.digest != $1.digest }?.0.name == "blocks.1/conv")
  }

  @Test("damaged evidence is an error or nothing, never a trap")
  func damaged() throws {
    let evidence = try SmallRuns.make(1).evidence(of: 12).encoded()
    var random = SplitMix64(seed: 3)
    for _ in 0..<300 {
      var bytes = evidence
      bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
      bytes.removeLast(Int.random(in: 0..<3, using: &random))
      guard let received = try? OperationEvidence(decoding: bytes) else { continue }
      let digests = [Digest](repeating: .zero, count: 60)
      #expect(
        try SmallRuns.make(1).recompute(12, from: received, digests: digests, startRoot: .zero)
          == nil)
    }
  }
}
