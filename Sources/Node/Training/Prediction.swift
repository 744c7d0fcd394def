package import NeuralNetworks
internal import Primitives

/// What a model says about examples.
package struct Prediction: Sendable {
  /// Names of the outputs: classes, or "value".
  package let columns: [String]
  /// [rows, columns]: probabilities, or values.
  package let outputs: [Float]
  /// The number of examples.
  package let rows: Int
  /// Whether the outputs are probabilities of classes that exclude each other.
  package let hasClasses: Bool

  /// Computes the examples of a file.
  package init(_ model: SavedModel, dataPath: String, threads: Int) throws {
    let architecture = model.configuration.architecture
    let source = try PredictionData(dataPath, for: model).source
    outputs = try Inference(
      architecture, parameters: model.parameters, purpose: .prediction, threads: threads
    ).outputs(of: source)
    rows = source.rows
    hasClasses = architecture.output == .classes
    switch architecture.output {
    case .classes, .flags:
      columns = (0..<architecture.outputs).map(model.preparation.name(ofClass:))
    case .values:
      columns =
        architecture.outputs == 1
        ? ["value"] : (0..<architecture.outputs).map { "value \($0)" }
    }
  }

  /// The outputs of one example.
  package func row(_ row: Int) -> ArraySlice<Float> {
    outputs[row * columns.count..<(row + 1) * columns.count]
  }

  /// The most probable class of one example; the first of equal ones.
  package func best(_ row: Int) -> (name: String, probability: Float) {
    let values = Array(self.row(row))
    var best = 0
    for column in values.indices where values[column] > values[best] { best = column }
    return (columns[best], values[best])
  }
}

/// Examples of a file, prepared as the model's training data were.
package struct PredictionData {
  /// The examples.
  package let source: any DatasetSource

  /// Examples to predict; a column of targets behind the features is left out.
  package init(_ path: String, for model: SavedModel) throws {
    source = try Self.read(path, labels: nil, for: model, wantsTargets: false)
  }

  /// Examples to score a model on.
  package init(scoring path: String, labels: String?, for model: SavedModel) throws {
    source = try Self.read(path, labels: labels, for: model, wantsTargets: true)
  }

  private static func read(
    _ path: String, labels: String?, for model: SavedModel, wantsTargets: Bool
  ) throws -> any DatasetSource {
    let architecture = model.configuration.architecture
    let opened = try DataFile.open(path, expected: nil)
    let labels = try labels.map { try DataFile.open($0, expected: nil).source }
    do {
      let format = try DataFormat(opened.source, readsTokens: architecture.readsTokens)
      var source: any DatasetSource
      if format == .text {
        source = try windows(of: opened.source, model)
      } else {
        source = try table(opened.source, format, labels, model, wantsTargets)
      }
      source = try model.preparation.applied(to: source)
      if wantsTargets {
        try architecture.checkFits(source.layout)
      } else {
        try architecture.checkInputs(source.layout)
      }
      return source
    } catch let error as DatasetError {
      throw LocalTrainingError.data(
        path: path, reason: error.description, hint: error.hint)
    } catch let error as ModelFitError {
      throw LocalTrainingError.data(
        path: path, reason: error.description,
        hint: "give data of the form that the model was trained on")
    }
  }

  private static func windows(
    of source: ByteSource, _ model: SavedModel
  ) throws -> any DatasetSource {
    guard let vocabulary = model.preparation.vocabulary else {
      throw DatasetError.vocabulary("the model has none")
    }
    let tokens = try vocabulary.encode(DataFile.bytes(of: source))
    return try TokenWindows(
      tokens, vocabulary: vocabulary.size, length: model.configuration.architecture.inputs)
  }

  private static func table(
    _ source: ByteSource, _ format: DataFormat, _ labels: ByteSource?, _ model: SavedModel,
    _ wantsTargets: Bool
  ) throws -> any DatasetSource {
    let architecture = model.configuration.architecture
    let reading = ExampleReading(
      architecture: architecture, targetColumn: nil, divisor: model.preparation.divisor)
    let classes = ExampleReading.Target.classes(
      count: model.preparation.classNames?.count ?? architecture.outputs,
      names: model.preparation.classNames)
    guard !wantsTargets else {
      return try reading.read(source, format: format, labels: labels, target: classes).source
    }
    let bare = try reading.read(source, format: format, labels: nil, target: .none).source
    guard bare.layout.inputs == architecture.inputs + 1 else { return bare }
    return try reading.read(source, format: format, labels: nil, target: classes).source
  }
}
