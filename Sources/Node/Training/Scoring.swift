package import NeuralNetworks

/// Everything that is told about a model on some examples.
package struct Score: Hashable, Sendable {
  /// Examples looked at.
  package let examples: Int
  /// Mean loss.
  package let loss: Double
  /// Figures, the most telling first.
  package let metrics: [EpochScore.Metric]
  /// Which classes were taken for which; nil where there are none, or too many.
  package let confusion: ConfusionMatrix?
}

/// Scores models on one set of examples.
package struct Scoring: Sendable {
  private let architecture: ModelArchitecture
  private let source: any DatasetSource
  private let threads: Int

  /// A square of more classes is no use to anybody.
  private static let confusionClassesMax = 1_000

  /// Examples that fit the model.
  package init(architecture: ModelArchitecture, source: any DatasetSource, threads: Int) {
    self.architecture = architecture
    self.source = source
    self.threads = threads
  }

  /// What was gathered from the batches.
  private struct Answers {
    var loss = 0.0
    var correct = 0
    var count = 0
    var labels: [Int32] = []
    var predictions: [Int32] = []
    /// How sure the model is of class 1, where there are two.
    var scores: [Float] = []
    var targets: [Float] = []
    var values: [Float] = []
  }

  /// Computes all examples; `isBrief` leaves out what a table has no room for.
  package func score(_ parameters: ParameterBuffer, isBrief: Bool = false) throws -> Score {
    let inference = Inference(
      architecture, parameters: parameters, purpose: .evaluation, threads: threads)
    var answers = Answers()
    try inference.forEachBatch(of: source) { gather($0, into: &answers) }
    let loss = answers.loss / Double(source.rows * architecture.rowsPerExample)
    let confusion = isBrief ? nil : try confusion(answers)
    return Score(
      examples: source.rows, loss: loss,
      metrics: try metrics(answers, loss: loss, confusion, isBrief: isBrief),
      confusion: confusion)
  }

  private func gather(_ batch: Inference.Batch, into answers: inout Answers) {
    for row in 0..<batch.rows { answers.loss += Double(batch.losses[row]) }
    answers.correct += batch.correct
    answers.count += batch.answers
    switch architecture.output {
    case .classes where !architecture.readsTokens:
      answers.labels += batch.labels
      for row in 0..<batch.rows {
        let outputs = batch.outputs[row * batch.columns..<(row + 1) * batch.columns]
        var best = outputs.startIndex
        for place in outputs.indices where outputs[place] > outputs[best] { best = place }
        answers.predictions.append(Int32(best - outputs.startIndex))
        if batch.columns == 2 {
          answers.scores.append(outputs[outputs.startIndex + 1] - outputs[outputs.startIndex])
        }
      }
    case .classes: break
    case .flags where batch.columns == 1:
      answers.labels += batch.targets.map { $0 > 0.5 ? 1 : 0 }
      answers.predictions += batch.outputs.map { $0 > 0 ? 1 : 0 }
      answers.scores += batch.outputs
    case .flags: break
    case .values:
      answers.targets += batch.targets
      answers.values += batch.outputs
    }
  }

  private func confusion(_ answers: Answers) throws -> ConfusionMatrix? {
    let classes = max(2, architecture.outputs)
    guard !answers.predictions.isEmpty, classes <= Self.confusionClassesMax else { return nil }
    return try ConfusionMatrix(
      labels: answers.labels, predictions: answers.predictions, classes: classes)
  }

  private func metrics(
    _ answers: Answers, loss: Double, _ confusion: ConfusionMatrix?, isBrief: Bool
  ) throws -> [EpochScore.Metric] {
    if architecture.readsTokens {
      return [.init("perplexity", Ranking.perplexity(crossEntropy: loss))]
    }
    if case .values = architecture.output {
      let errors = try RegressionErrors(
        targets: answers.targets, predictions: answers.values, width: architecture.outputs)
      let first = EpochScore.Metric("r2", errors.rSquared)
      return isBrief ? [first] : [first, .init("mae", errors.meanAbsolute)]
    }
    var metrics = [
      EpochScore.Metric("accuracy", Double(answers.correct) / Double(max(1, answers.count)))
    ]
    guard let confusion else { return metrics }
    let isBinary = confusion.classes == 2
    metrics += [
      .init("precision", isBinary ? confusion.precision(of: 1) : confusion.macroPrecision),
      .init("recall", isBinary ? confusion.recall(of: 1) : confusion.macroRecall),
      .init("f1", isBinary ? confusion.f1(of: 1) : confusion.macroF1),
    ]
    // Test data of one class alone have no ranking; everything else is still told.
    if isBinary,
      let area = try? Ranking.areaUnderROC(
        scores: answers.scores, isPositive: answers.labels.map { $0 == 1 })
    {
      metrics.append(.init("auc", area))
    }
    return metrics
  }
}
