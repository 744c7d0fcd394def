import CShim
import Primitives
import Testing

@testable import NeuralNetworks

@Suite struct TrainingFaultTests {
  private func run(
    _ architecture: ModelArchitecture, source: any DatasetSource, rate: Float, batch: Int = 4,
    epochs: Int = 50, scale: Float = 1, rule: Optimizer.Rule = .sgd(momentum: 0, nesterov: false)
  ) throws -> TrainingRun {
    let settings = try TrainingSettings(
      learningRate: rate, batchSize: batch, epochs: epochs, optimizer: Optimizer(rule))
    let base = ParameterBuffer(
      ParameterBuffer(randomFor: architecture, seed: 2).values.map { $0 * scale })
    return TrainingRun(
      architecture: architecture,
      state: TrainingState(base: base, architecture: architecture, settings: settings),
      source: source, settings: settings, order: .shuffled(seed: 1, firstEpoch: 0, client: 0))
  }

  @Test("a step that overflows is named with its operation, however many steps a call has")
  func overflow() throws {
    let architecture = try ModelArchitecture(
      body: .linear(inputs: 3, outputs: 1), output: .values(.squared))
    let source = try ExampleTable(
      features: (0..<24).map { Float($0 % 5) * 10 },
      targets: .numbers((0..<8).map { Float($0) }, width: 1), rows: 8, inputShape: [3])
    var failures: [TrainingFailure] = []
    for size in [1, 7, 200] {
      let run = try run(architecture, source: source, rate: 1)
      do {
        while !run.isFinished { try run.run(steps: size) }
        Issue.record("the run did not fail")
      } catch {
        failures.append(error)
      }
    }
    guard case .notFinite(let failure)? = failures.first else {
      Issue.record("another failure: \(failures)")
      return
    }
    // The error doubles its digits with each step until its square overflows.
    #expect(failure.step > 2 && failure.step < 100)
    #expect(failure.operation == "loss/mean_squared_error")
    #expect(failures == [failures[0], failures[0], failures[0]])
  }

  @Test("a parameter that overflows in the update is named with its tensor")
  func overflowInUpdate() throws {
    let architecture = try ModelArchitecture(
      body: .linear(inputs: 2, outputs: 1), output: .values(.absolute))
    let source = try ExampleTable(
      features: [3e38, 1, 3e38, 1], targets: .numbers([1, 1], width: 1), rows: 2,
      inputShape: [2])
    let run = try run(architecture, source: source, rate: 100, batch: 2, scale: 0)
    #expect(
      throws: TrainingFailure.notFinite(
        NumericFailure(step: 0, operation: "optimizer/sgd", tensor: "layers.0.kernel"))
    ) { try run.run(steps: 1) }
  }

  @Test("a learning rate that is too large is said before the numbers end")
  func divergence() throws {
    let architecture = try ModelArchitecture(
      body: .linear(inputs: 3, outputs: 1), output: .values(.absolute))
    let source = try ExampleTable(
      features: (0..<24).map { Float($0 % 5) },
      targets: .numbers((0..<8).map { Float($0) }, width: 1), rows: 8, inputShape: [3])
    let wild = try run(
      architecture, source: source, rate: 1, rule: .sgd(momentum: 0.999, nesterov: false))
    try wild.run(steps: 200)
    let finding = try #require(wild.divergence.finding)
    #expect(finding.loss > DivergenceWatch.factor * finding.reference)
    #expect(finding.step + 1 >= DivergenceWatch.firstStep)
    #expect("\(finding)".contains("the learning rate is too large"))
    let tame = try run(architecture, source: source, rate: 0.01)
    try tame.run(steps: 100)
    #expect(tame.divergence.finding == nil)
  }

  @Test("divergence is measured from the loss of knowing nothing, not from the best one")
  func divergenceReference() throws {
    let classes = try ModelArchitecture(units: [3, 4])
    func finding(_ losses: [Float], first: Float? = nil) -> DivergenceWatch.Finding? {
      var watch = DivergenceWatch(classes, first: first)
      for (step, loss) in losses.enumerated() { watch.note(loss, step: step) }
      return watch.finding
    }
    let learned = [Float](repeating: 0.001, count: 96)
    // ln 4 = 1.386: a spike far above the best loss is no divergence, ten times ln 4 is one.
    #expect(finding(learned + [Float](repeating: 13.8, count: 16)) == nil)
    #expect(finding(learned + [Float](repeating: 13.9, count: 16))?.step == 111)
    // Unscaled data start high; a run that goes on knows how high.
    #expect(finding([Float](repeating: 50, count: 96)) == nil)
    #expect(finding([1] + [Float](repeating: 50, count: 95), first: 50) == nil)
    #expect(finding([1] + [Float](repeating: 50, count: 95))?.step == 63)
    // Momentum may overshoot in the first steps, and one batch of sixteen proves nothing.
    #expect(finding([Float](repeating: 13.9, count: 48) + learned, first: 1) == nil)
    #expect(finding(learned + [200] + learned) == nil)
    #expect(DivergenceWatch.isDiverged(loss: 13.9, classes))
    #expect(DivergenceWatch.isDiverged(loss: .nan, classes))
    #expect(!DivergenceWatch.isDiverged(loss: 13.8, classes))
    let values = try ModelArchitecture(
      body: .linear(inputs: 3, outputs: 1), output: .values(.squared))
    #expect(!DivergenceWatch.isDiverged(loss: 1e9, values))
  }

  @Test("data that do not fit a model are refused by what is wrong")
  func fit() throws {
    func fit(
      _ body: ModelArchitecture.Body, _ output: ModelOutput, _ layout: ExampleLayout
    ) throws {
      try ModelArchitecture(body: body, output: output).checkFits(layout)
    }
    let classes = ExampleLayout(inputShape: [3], target: .classes(4))
    let numbers = ExampleLayout(inputShape: [3], target: .numbers(width: 2))
    let text = ExampleLayout(
      inputShape: [5], input: .tokens(vocabulary: 9), target: .tokens(vocabulary: 9, length: 5))
    let mlp = ModelArchitecture.Body.perceptron(Perceptron(units: [3, 4]))
    let gpt = ModelArchitecture.Body.transformer(
      TransformerNetwork(vocabulary: 9, context: 5, layers: 1, width: 4, heads: 1))
    try fit(mlp, .classes, classes)
    try fit(.linear(inputs: 3, outputs: 2), .values(.squared), numbers)
    try fit(.logistic(inputs: 3, outputs: 2), .flags, numbers)
    try fit(gpt, .classes, text)
    #expect(throws: ModelFitError.inputs(3, expected: 2)) {
      try fit(.perceptron(Perceptron(units: [2, 4])), .classes, classes)
    }
    #expect(throws: ModelFitError.classes(4, limit: 3)) {
      try fit(.perceptron(Perceptron(units: [3, 3])), .classes, classes)
    }
    #expect(throws: ModelFitError.otherTargets(loss: "cross_entropy")) {
      try fit(mlp, .classes, numbers)
    }
    #expect(throws: ModelFitError.otherTargets(loss: "mse")) {
      try fit(.linear(inputs: 3, outputs: 1), .values(.squared), classes)
    }
    #expect(throws: ModelFitError.targets(2, expected: 1)) {
      try fit(.linear(inputs: 3, outputs: 1), .values(.squared), numbers)
    }
    #expect(throws: ModelFitError.tokensForNumbers) {
      try fit(.perceptron(Perceptron(units: [5, 9])), .classes, text)
    }
    #expect(throws: ModelFitError.inputs(3, expected: 5)) { try fit(gpt, .classes, classes) }
    #expect(throws: ModelFitError.noTargets) {
      try fit(mlp, .classes, ExampleLayout(inputShape: [3], target: .none))
    }
  }

  @Test("a label or token beyond the model stops the step that meets it")
  func indexOutOfRange() throws {
    let mlp = try ModelArchitecture(units: [2, 3])
    let labels = ExampleTable(
      unchecked: .numbers([1, 2, 3, 4]), targets: .classes([0, 3], count: 3), inputShape: [2],
      rows: 2)
    #expect(throws: TrainingFailure.indexOutOfRange(step: 0)) {
      try run(mlp, source: labels, rate: 0.1).run(steps: 1)
    }
    #expect(throws: DatasetError.label(3, row: 1, classes: 3)) {
      try Evaluation(
        ParameterBuffer(randomFor: mlp, seed: 1), architecture: mlp, source: labels)
    }
    let gpt = try ModelArchitecture(
      body: .transformer(
        TransformerNetwork(vocabulary: 4, context: 2, layers: 1, width: 4, heads: 1)),
      output: .classes)
    let tokens = ExampleTable(
      unchecked: .tokens([0, -1], vocabulary: 4),
      targets: .tokens([1, 2], vocabulary: 4, length: 2), inputShape: [2], rows: 1)
    #expect(throws: TrainingFailure.indexOutOfRange(step: 0)) {
      try run(gpt, source: tokens, rate: 0.1).run(steps: 1)
    }
  }

  @Test("batches of one and a smaller last batch train every family", arguments: 0..<3)
  func smallBatches(index: Int) throws {
    let architecture = try SmallRuns.make(index).architecture
    for (rows, batch) in [(1, 1), (3, 1), (3, 2), (5, 64)] {
      let run = try run(
        architecture, source: try SmallRuns.source(for: architecture, rows: rows), rate: 0.01,
        batch: batch, epochs: 2)
      try run.run(steps: .max)
      #expect(run.isFinished && run.step == 2 * ((rows + batch - 1) / batch))
    }
  }

  // In a process of its own: other tests would change the C library's count of bytes in use.
  @Test("steps keep no memory")
  func memory() async {
    await #expect(processExitsWith: .success) {
      let run = try SmallRuns.make(1)
      try run.run(steps: 1)
      var least = Int.max
      for _ in 0..<5 {
        let before = Int(shim_heap_bytes_in_use())
        try run.run(steps: 2)
        least = min(least, Int(shim_heap_bytes_in_use()) - before)
      }
      #expect(least <= 0)
    }
  }
}
