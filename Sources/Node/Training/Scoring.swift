internal import Glibc
package import NeuralNetworks

/// Everything that is told about a model on some examples.
package struct Score: Hashable, Sendable {
  /// Examples looked at.
  package let examples: Int
  /// Mean loss.
  package let loss: Double
  /// Figures, the most telling first.
  package let metrics: [EpochScore.Metric]
  /// [true class, predicted class], for classes only.
  package let confusion: [Int]?
}

/// Scores models on one set of examples.
package struct Scoring: Sendable {
  private let architecture: ModelArchitecture
  private let source: any DatasetSource
  private let threads: Int

  /// Examples that fit the model.
  package init(
    architecture: ModelArchitecture, source: any DatasetSource, threads: Int
  ) {
    self.architecture = architecture
    self.source = source
    self.threads = threads
  }

  /// Computes all examples.
  package func score(_ parameters: ParameterBuffer) throws -> Score {
    let evaluation = try Evaluation(
      parameters, architecture: architecture, source: source, threads: threads)
    var metrics: [EpochScore.Metric] = []
    if architecture.readsTokens {
      metrics.append(.init("perplexity", exp(evaluation.loss)))
    } else if case .values = architecture.output {
      metrics = []
    } else {
      metrics.append(.init("accuracy", evaluation.accuracy))
    }
    return Score(
      examples: source.rows, loss: evaluation.loss, metrics: metrics, confusion: nil)
  }
}
