import Primitives
import Testing

@testable import NeuralNetworks

/// Reference values: scikit-learn 1.9.1, written by Tests/References/metrics.py.
@Suite struct MetricsTests {
  private let reference: JSONValue

  init() throws { reference = try JSONValue(parsing: Reference.bytes("metrics.json")) }

  private func numbers(_ value: JSONValue?) throws -> [Double] {
    try #require(value?.elements).map { try #require($0.double) }
  }

  private func equal(_ value: Double, _ expected: JSONValue?) -> Bool {
    guard let expected = expected?.double else { return false }
    return abs(value - expected) < 1e-12
  }

  @Test("the figures of a confusion matrix are scikit-learn's")
  func classification() throws {
    for item in try #require(reference["classification"]?.elements) {
      let labels = try numbers(item["labels"]).map { Int32($0) }
      let classes = Int(try #require(item["classes"]?.integer))
      let matrix = try ConfusionMatrix(
        labels: labels, predictions: numbers(item["predictions"]).map { Int32($0) },
        classes: classes)
      #expect(try matrix.counts.map { Double($0) } == numbers(item["confusion"]))
      #expect(equal(matrix.accuracy, item["accuracy"]))
      #expect(equal(matrix.macroPrecision, item["macro_precision"]))
      #expect(equal(matrix.macroRecall, item["macro_recall"]))
      #expect(equal(matrix.macroF1, item["macro_f1"]))
      for number in 0..<classes {
        #expect(equal(matrix.precision(of: number), item["precision"]?.elements?[number]))
        #expect(equal(matrix.recall(of: number), item["recall"]?.elements?[number]))
        #expect(equal(matrix.f1(of: number), item["f1"]?.elements?[number]))
      }
      let scores = try numbers(item["scores"]).map { Float($0) }
      if item["auc"] != nil {
        let area = try Ranking.areaUnderROC(scores: scores, labels: labels, classes: classes)
        #expect(equal(area, item["auc"]))
      } else {
        #expect(throws: MetricError.oneClass(5)) {
          try Ranking.areaUnderROC(scores: scores, labels: labels, classes: classes)
        }
      }
    }
  }

  @Test("the errors of numbers are scikit-learn's")
  func regression() throws {
    for item in try #require(reference["regression"]?.elements) {
      let errors = try RegressionErrors(
        targets: numbers(item["targets"]).map { Float($0) },
        predictions: numbers(item["predictions"]).map { Float($0) },
        width: Int(try #require(item["width"]?.integer)))
      #expect(equal(errors.meanSquared, item["mse"]))
      #expect(equal(errors.meanAbsolute, item["mae"]))
      #expect(equal(errors.rSquared, item["r2"]))
    }
    #expect(try RegressionErrors(targets: [2, 2], predictions: [2, 2]).rSquared == 1)
  }

  @Test("ties count half, and the order of examples does not matter")
  func ties() throws {
    #expect(
      try Ranking.areaUnderROC(scores: [1, 1, 1], isPositive: [true, false, false]) == 0.5)
    #expect(
      try Ranking.areaUnderROC(scores: [3, 1, 2, 1], isPositive: [true, false, false, true])
        == 0.625)
    #expect(abs(Ranking.perplexity(crossEntropy: Elementary.logarithm(62)) - 62) < 1e-12)
  }

  @Test("what has no figure is refused by name")
  func refused() {
    #expect(throws: MetricError.empty) {
      try ConfusionMatrix(labels: [], predictions: [], classes: 2)
    }
    #expect(throws: MetricError.counts(1, 2)) {
      try ConfusionMatrix(labels: [1], predictions: [1, 0], classes: 2)
    }
    #expect(throws: MetricError.label(2, row: 1, classes: 2)) {
      try ConfusionMatrix(labels: [1, 1], predictions: [1, 2], classes: 2)
    }
    #expect(throws: MetricError.notFinite(row: 1)) {
      try Ranking.areaUnderROC(scores: [0, .nan], isPositive: [true, false])
    }
    #expect(throws: MetricError.oneClass(1)) {
      try Ranking.areaUnderROC(scores: [0, 1], isPositive: [true, true])
    }
    #expect(throws: MetricError.notFinite(row: 0)) {
      try RegressionErrors(targets: [1], predictions: [.infinity])
    }
  }
}
