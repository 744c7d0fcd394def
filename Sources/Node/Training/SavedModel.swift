package import NeuralNetworks
internal import Persistence
package import Primitives

/// A model's file with all that a prediction needs: what it is, how its inputs are made, and its
/// numbers. Other programs read it as ordinary safetensors.
package struct SavedModel: Sendable {
  /// What the model is.
  package let configuration: ModelConfiguration
  /// How its inputs are made.
  package let preparation: DataPreparation
  /// Its numbers.
  package let parameters: ParameterBuffer

  /// The largest file that is read.
  package static let fileBytesMax = ModelArchitecture.Limits.parametersMax * 4 + 2 << 20
  /// The largest header that is read, vocabulary and class names included.
  private static let headerBytesMax = 1 << 20

  private enum Key {
    static let metadata = "__metadata__"
    static let format = "format"
    static let model = "model"
    static let preparation = "preparation"
  }

  /// Collects the parts; the numbers fit the model.
  package init(
    configuration: ModelConfiguration, preparation: DataPreparation, parameters: ParameterBuffer
  ) {
    precondition(parameters.values.count == configuration.architecture.parameterCount)
    self.configuration = configuration
    self.preparation = preparation
    self.parameters = parameters
  }

  /// The file's bytes.
  package var file: Bytes {
    let tensors = configuration.architecture.layout.tensors.map {
      Safetensors.Tensor(
        name: $0.name, shape: $0.sizes, values: Array(parameters.values[$0.range]))
    }
    return Safetensors.encode(
      tensors,
      metadata: [
        .init(Key.format, "martlet"), .init(Key.model, .string(configuration.json.text())),
        .init(Key.preparation, .string(preparation.json.text())),
      ])
  }

  /// Reads a file that `file` gave.
  package init(path: String) throws {
    guard let bytes = try AtomicFile.read(path, byteCountMax: Self.fileBytesMax) else {
      throw LocalTrainingError.missingFile(path: path)
    }
    try self.init(file: bytes, path: path)
  }

  /// Reads the bytes of a file that is called `path` in errors.
  init(file bytes: Bytes, path: String) throws {
    do {
      try self.init(file: bytes)
    } catch let error as SafetensorsError {
      throw LocalTrainingError.model(path: path, reason: error.description)
    } catch let error as ModelConfigurationError {
      throw LocalTrainingError.model(path: path, reason: error.description)
    } catch let error as DatasetError {
      throw LocalTrainingError.model(path: path, reason: error.description)
    } catch let error as DecodingFailure {
      throw LocalTrainingError.model(path: path, reason: error.description)
    }
  }

  /// Reads a file's bytes; they may be anything.
  package init(file bytes: Bytes) throws {
    let metadata = try Self.metadata(of: bytes)
    guard let model = metadata?[Key.model]?.text else {
      throw DecodingFailure.missingField("__metadata__.model")
    }
    configuration = try ModelConfiguration(json: Bytes(model.utf8))
    preparation =
      try metadata?[Key.preparation]?.text.map {
        try DataPreparation(json: JSONValue(parsing: Bytes($0.utf8)))
      } ?? DataPreparation()
    parameters = try ParameterBuffer(safetensors: bytes, for: configuration.architecture)
  }

  /// The free part of a safetensors header.
  private static func metadata(of file: Bytes) throws -> JSONValue? {
    let lengthBytes = 8
    guard file.count >= lengthBytes else { throw DecodingFailure.truncated(what: "safetensors") }
    let length = file.prefix(lengthBytes).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= UInt64(headerBytesMax) else {
      throw DecodingFailure.tooLarge(
        what: "header", size: Int(clamping: length), limit: headerBytesMax)
    }
    guard file.count - lengthBytes >= Int(length) else {
      throw DecodingFailure.truncated(what: "safetensors")
    }
    let header = Bytes(file[lengthBytes..<lengthBytes + Int(length)])
    return try JSONValue(parsing: header)[Key.metadata]
  }
}

/// Fuzz entry: any bytes give a model or an error.
package func fuzzSavedModel(_ bytes: Bytes) { _ = try? SavedModel(file: bytes) }
