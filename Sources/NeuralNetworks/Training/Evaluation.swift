/// How well a model does on a data set.
public struct Evaluation: Hashable, Sendable {
  /// Mean loss; of classes the cross-entropy in nats.
  public let loss: Double
  /// Rows whose largest output is their label, ties going to the lowest class; of flags the answers
  /// that are right; 0 where there are only values.
  public let correct: Int
  /// Rows looked at: examples, or tokens; of flags the answers.
  public let examples: Int

  /// The fraction classified right.
  public var accuracy: Double { Double(correct) / Double(examples) }

  /// Evaluates `parameters` on every example; the data fit (`checkFits`).
  public init(
    _ parameters: ParameterBuffer, architecture: ModelArchitecture, source: any DatasetSource,
    threads: Int = 1
  ) throws(DatasetError) {
    let inference = Inference(
      architecture, parameters: parameters, purpose: .evaluation, threads: threads)
    var loss = 0.0
    var correct = 0
    var answers = 0
    try inference.forEachBatch(of: source) { batch in
      for row in 0..<batch.rows { loss += Double(batch.losses[row]) }
      correct += batch.correct
      answers += batch.answers
    }
    self.loss = loss / Double(source.rows * architecture.rowsPerExample)
    self.correct = correct
    examples = answers
  }
}
