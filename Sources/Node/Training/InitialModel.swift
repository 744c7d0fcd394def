package import NeuralNetworks
internal import Persistence
internal import Primitives

/// The parameters that a training begins with, out of a file of other tensors.
package enum InitialModel {
  /// A map has a line of some hundred bytes for each tensor.
  private static let namesBytesMax = 4 << 20

  /// Reads a safetensors or ONNX file; the map at `namesPath` says which tensor becomes which
  /// (docs/model-configuration.md), without it the names are the same.
  package static func parameters(
    path: String, namesPath: String?, for architecture: ModelArchitecture
  ) throws -> ParameterBuffer {
    let rules = try namesPath.map(rules) ?? [:]
    let file = try read(path)
    do {
      return try file.parameters(for: architecture.layout, by: rules)
    } catch {
      throw LocalTrainingError.data(
        path: path, reason: error.description,
        hint: "name its tensors with --names MAP.json; it has \(listed(file.names))")
    }
  }

  private static func read(_ path: String) throws -> TensorFile {
    guard let bytes = try AtomicFile.read(path, byteCountMax: SavedModel.fileBytesMax) else {
      throw LocalTrainingError.missingFile(path: path)
    }
    func failed(_ reason: String) -> LocalTrainingError {
      .data(path: path, reason: reason, hint: "give a model as safetensors or ONNX")
    }
    guard path.hasSuffix(".onnx") else {
      do { return try TensorFile(safetensors: bytes) } catch { throw failed(error.description) }
    }
    do { return try TensorFile(onnx: bytes) } catch { throw failed(error.description) }
  }

  private static func rules(_ path: String) throws -> [String: ONNXImport] {
    guard let bytes = try AtomicFile.read(path, byteCountMax: namesBytesMax) else {
      throw LocalTrainingError.missingFile(path: path)
    }
    func failed(_ reason: String) -> LocalTrainingError {
      .data(
        path: path, reason: reason,
        hint: #"a map is {"layers.0.kernel": {"from": "fc1.weight", "order": [1, 0]}, …}"#)
    }
    let json: JSONValue
    do { json = try JSONValue(parsing: bytes) } catch { throw failed(error.description) }
    do { return try ONNXImport.rules(json: json) } catch { throw failed(error.description) }
  }

  /// The first names of a list that may be long.
  private static func listed(_ names: [String]) -> String {
    let shown = 8
    let text = names.prefix(shown).joined(separator: ", ")
    return names.count > shown ? "\(text) and \(names.count - shown) more" : text
  }
}
