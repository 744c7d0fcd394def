/// How well a model does on a data set.
public struct Evaluation: Hashable, Sendable {
  /// Mean cross-entropy in nats.
  public let loss: Double
  /// Examples whose largest logit is their label; ties go to the lowest class.
  public let correct: Int
  /// Examples looked at.
  public let examples: Int

  /// The fraction classified right.
  public var accuracy: Double { Double(correct) / Double(examples) }

  /// Rows evaluated at once: enough to use the matrix kernels, small enough for any cache.
  private static let batchSize = 64

  /// Evaluates `parameters` on every example; the shape must fit the data set.
  public init(_ parameters: ParameterBuffer, shape: ModelShape, dataset: Dataset) {
    precondition(parameters.values.count == shape.parameterCount)
    precondition(dataset.inputs == shape.inputs && dataset.classes <= shape.outputs)
    let network = Network(shape: shape, batchSize: min(Self.batchSize, dataset.rows))
    var loss = 0.0
    var correct = 0
    for start in stride(from: 0, to: dataset.rows, by: Self.batchSize) {
      let count = min(Self.batchSize, dataset.rows - start)
      dataset.features.withUnsafeBufferPointer { features in
        guard let source = features.baseAddress else { return }
        network.input.update(
          from: source + start * dataset.inputs, count: count * dataset.inputs)
      }
      for row in 0..<count { network.labels[row] = dataset.labels[start + row] }
      let score = parameters.values.withUnsafeBufferPointer { buffer in
        buffer.baseAddress.map { network.score($0, count: count) } ?? (loss: 0, correct: 0)
      }
      loss += score.loss
      correct += score.correct
    }
    self.loss = loss / Double(dataset.rows)
    self.correct = correct
    examples = dataset.rows
  }
}
