internal import NeuralNetworks
internal import Persistence
internal import Primitives

/// What a model says about examples.
package struct Prediction: Sendable {
  /// Names of the outputs: classes, or "value".
  package let columns: [String]
  /// [rows, columns]: probabilities, scores or values.
  package let outputs: [Float]
  /// The number of examples.
  package let rows: Int
  /// What the largest output of an example is called; nil where outputs are no classes.
  package let bestName: String?

  /// Computes the examples of a file with a model of ours or one in the ONNX format.
  package init(modelPath: String, dataPath: String, threads: Int) throws {
    guard let bytes = try AtomicFile.read(modelPath, byteCountMax: SavedModel.fileBytesMax) else {
      throw LocalTrainingError.missingFile(path: modelPath)
    }
    // A safetensors file has its JSON header behind eight bytes of length; a name that says so is
    // believed, so that a damaged one is called what it is.
    let looksLikeOurs = bytes.count > 8 && bytes[8] == UInt8(ascii: "{")
    guard looksLikeOurs || modelPath.hasSuffix(".safetensors") else {
      try self.init(onnx: bytes, path: modelPath, dataPath: dataPath)
      return
    }
    try self.init(
      SavedModel(file: bytes, path: modelPath), dataPath: dataPath, threads: threads)
  }

  private init(_ model: SavedModel, dataPath: String, threads: Int) throws {
    let architecture = model.configuration.architecture
    guard !architecture.readsTokens else { throw LocalTrainingError.nothingToPredict }
    let source = try PredictionData(dataPath, for: model).source
    outputs = try Inference(
      architecture, parameters: model.parameters, purpose: .prediction, threads: threads
    ).outputs(of: source)
    rows = source.rows
    bestName = architecture.output == .classes ? "probability" : nil
    switch architecture.output {
    case .classes: columns = (0..<architecture.outputs).map(model.preparation.name(ofClass:))
    case .flags where architecture.outputs == 1:
      columns = [model.preparation.name(ofClass: 1)]
    case .flags: columns = (0..<architecture.outputs).map(model.preparation.name(ofClass:))
    case .values:
      columns =
        architecture.outputs == 1
        ? ["value"] : (0..<architecture.outputs).map { "value \($0)" }
    }
  }

  private init(onnx bytes: Bytes, path: String, dataPath: String) throws {
    do {
      let runner = try ONNXRunner(ONNXModel(decoding: bytes))
      let source = try PredictionData(
        dataPath, inputs: runner.inputs, of: path
      ).source
      outputs = try runner.outputs(of: source)
      rows = source.rows
      let width = outputs.count / max(1, rows)
      columns = width == 1 ? ["value"] : (0..<width).map { "\($0)" }
      bestName = width == 1 ? nil : "score"
    } catch let error as ONNXError {
      throw LocalTrainingError.model(path: path, reason: error.description)
    }
  }

  /// The outputs of one example.
  package func row(_ row: Int) -> ArraySlice<Float> {
    outputs[row * columns.count..<(row + 1) * columns.count]
  }

  /// The class of one example with the largest output; the first of equal ones.
  package func best(_ row: Int) -> (name: String, output: Float) {
    let values = Array(self.row(row))
    var best = 0
    for column in values.indices where values[column] > values[best] { best = column }
    return (columns[best], values[best])
  }
}
