package import Primitives

/// How numbers are brought to a size that trains well.
package enum DataScaling: Hashable, Sendable {
  /// As they are.
  case none
  /// Every feature to mean 0 and deviation 1, by the training rows.
  case standard
  /// Divided by this: 255 for grey levels of a byte.
  case divisor(Float)
}

/// What a person says about data.
package struct DataOrder: Sendable {
  /// The training file.
  package var training: String
  /// Its labels, where they are a file of their own.
  package var labels: String?
  /// The test file; nil keeps rows of the training file aside.
  package var test: String?
  /// The test file's labels.
  package var testLabels: String?
  /// Rows kept aside, in millionths.
  package var testPartsPerMillion: Int
  /// The name of the target column of a CSV file; nil for the last.
  package var targetColumn: String?
  /// nil chooses by the kind of file.
  package var scaling: DataScaling?

  /// Collects the parts; `testFraction` counts only without a test file.
  package init(
    training: String, labels: String? = nil, test: String? = nil, testLabels: String? = nil,
    testFraction: Double, targetColumn: String? = nil, scaling: DataScaling? = nil
  ) {
    self.training = training
    self.labels = labels
    self.test = test
    self.testLabels = testLabels
    testPartsPerMillion = test == nil ? Int((testFraction * 1e6).rounded()) : 0
    self.targetColumn = targetColumn
    self.scaling = scaling
  }
}

/// Which files were read, and how: with them anybody gets the same examples.
package struct DataDescription: Hashable, Sendable {
  /// The training file.
  package let training: DataFile
  /// Its labels, where they are a file of their own.
  package let labels: DataFile?
  /// The test file; nil when rows of the training file are kept aside.
  package let test: DataFile?
  /// The test file's labels.
  package let testLabels: DataFile?
  /// Rows kept aside, in millionths.
  package let testPartsPerMillion: Int
  /// The name of the target column; nil for the last.
  package let targetColumn: String?
  /// What was done to the numbers.
  package let scaling: DataScaling

  /// What would be ordered to read the same again; `path` is the training file's new place.
  func order(movedTo path: String?) -> DataOrder {
    var order = DataOrder(
      training: path ?? training.path, labels: labels?.path, test: test?.path,
      testLabels: testLabels?.path, testFraction: 0, targetColumn: targetColumn,
      scaling: scaling)
    order.testPartsPerMillion = testPartsPerMillion
    return order
  }
}

extension DataDescription: CanonicalCodable {
  /// A map of all fields; what was not there is absent.
  package var canonicalValue: CanonicalValue {
    var fields: [String: CanonicalValue] = [
      "training": training.canonicalValue, "aside": .unsigned(UInt64(testPartsPerMillion)),
    ]
    fields["labels"] = labels?.canonicalValue
    fields["test"] = test?.canonicalValue
    fields["test_labels"] = testLabels?.canonicalValue
    fields["target"] = targetColumn.map { .text($0) }
    switch scaling {
    case .none: break
    case .standard: fields["scaling"] = .text("standard")
    case .divisor(let number): fields["scaling"] = .unsigned(UInt64(number.bitPattern))
    }
    return .map(fields)
  }

  /// Reads the map back.
  package init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    training = try fields.nested("training")
    testPartsPerMillion = try fields.count("aside", max: 1_000_000)
    labels = try Self.file("labels", &fields)
    test = try Self.file("test", &fields)
    testLabels = try Self.file("test_labels", &fields)
    switch fields.optional("target") {
    case nil: targetColumn = nil
    case .text(let name): targetColumn = name
    default: throw .malformed(what: "data description", reason: "expected a column's name")
    }
    scaling = try Self.scaling(fields.optional("scaling"))
    try fields.finish()
  }

  private static func file(
    _ name: String, _ fields: inout CanonicalFields
  ) throws(DecodingFailure) -> DataFile? {
    guard let value = fields.optional(name) else { return nil }
    return try DataFile(canonicalValue: value)
  }

  private static func scaling(_ value: CanonicalValue?) throws(DecodingFailure) -> DataScaling {
    switch value {
    case nil: return .none
    case .text("standard"): return .standard
    case .unsigned(let bits):
      let number = Float(bitPattern: UInt32(truncatingIfNeeded: bits))
      guard bits <= UInt64(UInt32.max), number.isFinite, number > 0 else {
        throw .malformed(what: "scaling", reason: "the divisor is not a positive number")
      }
      return .divisor(number)
    default: throw .malformed(what: "scaling", reason: "it is unknown")
    }
  }
}
