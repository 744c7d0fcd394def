/// How often each class was taken for each other one, and the figures that follow from it.
///
/// A figure whose denominator is zero is 0, as scikit-learn's `zero_division=0`. Macro figures are
/// plain means over the classes that occur, as a label or as a prediction.
public struct ConfusionMatrix: Hashable, Sendable {
  /// The number of classes.
  public let classes: Int
  /// [classes, classes]: row = label, column = prediction.
  public let counts: [Int]

  /// Counts pairs of labels and predictions; both are 0 ..< classes.
  public init(
    labels: [Int32], predictions: [Int32], classes: Int
  ) throws(MetricError) {
    guard (1...Dataset.Limits.classesMax).contains(classes) else { throw .classes(classes) }
    guard labels.count == predictions.count else {
      throw .counts(labels.count, predictions.count)
    }
    guard !labels.isEmpty else { throw .empty }
    var counts = [Int](repeating: 0, count: classes * classes)
    for (row, (label, prediction)) in zip(labels, predictions).enumerated() {
      for value in [label, prediction] where !(0..<Int32(classes)).contains(value) {
        throw .label(Int(value), row: row, classes: classes)
      }
      counts[Int(label) * classes + Int(prediction)] += 1
    }
    self.classes = classes
    self.counts = counts
  }

  /// How often `label` was taken for `prediction`.
  public subscript(label: Int, prediction: Int) -> Int { counts[label * classes + prediction] }

  /// Examples of a class.
  public func support(of label: Int) -> Int {
    (0..<classes).reduce(0) { $0 + self[label, $1] }
  }

  private func predicted(_ label: Int) -> Int {
    (0..<classes).reduce(0) { $0 + self[$1, label] }
  }

  /// The fraction classified right.
  public var accuracy: Double {
    Double((0..<classes).reduce(0) { $0 + self[$1, $1] }) / Double(counts.reduce(0, +))
  }

  /// The fraction of predictions of a class that are right.
  public func precision(of label: Int) -> Double {
    quotient(self[label, label], predicted(label))
  }

  /// The fraction of examples of a class that were found.
  public func recall(of label: Int) -> Double {
    quotient(self[label, label], support(of: label))
  }

  /// 2 · true positives / (labels + predictions) of a class.
  public func f1(of label: Int) -> Double {
    quotient(2 * self[label, label], support(of: label) + predicted(label))
  }

  /// Classes that occur as a label or as a prediction.
  private var occurring: [Int] {
    (0..<classes).filter { support(of: $0) + predicted($0) > 0 }
  }

  /// Mean precision over the classes.
  public var macroPrecision: Double { mean(occurring.map { precision(of: $0) }) }
  /// Mean recall over the classes.
  public var macroRecall: Double { mean(occurring.map { recall(of: $0) }) }
  /// Mean F1 over the classes.
  public var macroF1: Double { mean(occurring.map { f1(of: $0) }) }
}

private func quotient(_ part: Int, _ whole: Int) -> Double {
  whole == 0 ? 0 : Double(part) / Double(whole)
}

private func mean(_ values: [Double]) -> Double {
  values.reduce(0, +) / Double(values.count)
}

/// Why a figure could not be computed.
public enum MetricError: Error, Equatable, Sendable {
  case empty
  case counts(Int, Int)
  case classes(Int)
  case label(Int, row: Int, classes: Int)
  case notFinite(row: Int)
  /// Ranking needs examples inside and outside the class.
  case oneClass(Int)
}

extension MetricError: CustomStringConvertible {
  /// One lower-case sentence.
  public var description: String {
    switch self {
    case .empty: "there are no predictions"
    case .counts(let one, let other): "\(one) labels but \(other) predictions"
    case .classes(let count): "\(count) classes, expected 1 to \(Dataset.Limits.classesMax)"
    case .label(let label, let row, let classes):
      "row \(row) has the class \(label), expected 0 to \(classes - 1)"
    case .notFinite(let row): "the prediction of row \(row) is NaN or infinite"
    case .oneClass(let label): "every or no example has the class \(label)"
    }
  }
}
