package import NeuralNetworks
package import Primitives

/// What turns files into the numbers that a model was trained on; it travels inside the model's
/// file, so that a prediction does the same.
package struct DataPreparation: Hashable, Sendable {
  /// What is done to features.
  package enum Scaling: Hashable, Sendable {
    case none
    /// The numbers of the training rows.
    case standard(Standardisation)
    case divisor(Float)
  }

  /// What is done to features.
  package var scaling: Scaling
  /// Names of the classes, where the data have words.
  package var classNames: [String]?
  /// Names of the features, where the data have a header.
  package var featureNames: [String]
  /// How text becomes tokens, for language models.
  package var vocabulary: Vocabulary?

  /// Collects the parts.
  package init(
    scaling: Scaling = .none, classNames: [String]? = nil, featureNames: [String] = [],
    vocabulary: Vocabulary? = nil
  ) {
    self.scaling = scaling
    self.classNames = classNames
    self.featureNames = featureNames
    self.vocabulary = vocabulary
  }

  /// The name of a class.
  package func name(ofClass number: Int) -> String {
    guard let classNames, classNames.indices.contains(number) else { return "\(number)" }
    return classNames[number]
  }

  /// Examples with scaled features.
  func applied(to source: any DatasetSource) throws(DatasetError) -> any DatasetSource {
    guard case .standard(let standardisation) = scaling else { return source }
    return try Self.standardised(source, by: standardisation)
  }

  private static func standardised(
    _ source: some DatasetSource, by standardisation: Standardisation
  ) throws(DatasetError) -> any DatasetSource {
    try StandardisedSource(source, by: standardisation)
  }

  /// What files are divided by while they are read.
  var divisor: Float {
    if case .divisor(let number) = scaling { number } else { 1 }
  }

  /// The document inside a model's file.
  package var json: JSONValue {
    var members: [JSONValue.Member] = []
    switch scaling {
    case .none: break
    case .standard(let standardisation): members.append(.init("standard", standardisation.json))
    case .divisor(let number): members.append(.init("divisor", .number(Double(number))))
    }
    if let classNames {
      members.append(.init("classes", .array(classNames.map { .string($0) })))
    }
    if !featureNames.isEmpty {
      members.append(.init("features", .array(featureNames.map { .string($0) })))
    }
    if let vocabulary { members.append(.init("vocabulary", vocabulary.json)) }
    return .object(members)
  }

  /// Reads what `json` wrote.
  package init(json: JSONValue) throws(DatasetError) {
    scaling = .none
    if let standard = json["standard"] {
      scaling = .standard(try Standardisation(json: standard))
    } else if let number = json["divisor"]?.double {
      guard number.isFinite, number > 0, Float(number) > 0 else {
        throw .header(format: "model", reason: "the divisor is not a positive number")
      }
      scaling = .divisor(Float(number))
    }
    classNames = try Self.names(json["classes"])
    featureNames = try Self.names(json["features"]) ?? []
    vocabulary = try json["vocabulary"].map { (value) throws(DatasetError) in
      try Vocabulary(json: value)
    }
  }

  private static func names(_ value: JSONValue?) throws(DatasetError) -> [String]? {
    guard let value else { return nil }
    guard let list = value.elements else {
      throw .header(format: "model", reason: "expected a list of names")
    }
    let names = list.compactMap(\.text)
    guard names.count == list.count else {
      throw .header(format: "model", reason: "expected a list of names")
    }
    return names
  }
}
