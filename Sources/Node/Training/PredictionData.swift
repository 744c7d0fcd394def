package import NeuralNetworks
internal import Primitives

/// Examples of a file, prepared as a model's training data were.
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

  /// Rows of `inputs` numbers for a model that tells nothing else.
  init(_ path: String, inputs: Int, of model: String) throws {
    let opened = try DataFile.open(path, expected: nil)
    do {
      let format = try DataFormat(opened.source, readsTokens: false)
      let reading = ExampleReading(architecture: nil, targetColumn: nil, divisor: 1)
      var read = try reading.read(opened.source, format: format, labels: nil, target: .none)
      if read.source.layout.inputs == inputs + 1 {
        read = try reading.read(opened.source, format: format, labels: nil, target: .learned)
      }
      guard read.source.layout.inputs == inputs else {
        throw DatasetError.otherInputs(read.source.layout.inputs, expected: inputs)
      }
      source = read.source
    } catch let error as DatasetError {
      throw LocalTrainingError.data(path: path, reason: error.description, hint: error.hint)
    }
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
    let count = model.preparation.classNames?.count ?? max(2, architecture.outputs)
    let classes = ExampleReading.Target.classes(
      count: count, names: model.preparation.classNames)
    guard !wantsTargets else {
      return try reading.read(source, format: format, labels: labels, target: classes).source
    }
    let bare = try reading.read(source, format: format, labels: nil, target: .none).source
    guard bare.layout.inputs == architecture.inputs + 1 else { return bare }
    return try reading.read(source, format: format, labels: nil, target: classes).source
  }
}
