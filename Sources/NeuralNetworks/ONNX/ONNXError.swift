/// Why a model in the ONNX format was refused, or could not be run.
public enum ONNXError: Error, Equatable, Sendable {
  /// The bytes are no protobuf message of the ONNX schema.
  case malformed(String)
  case tooLarge(what: String, limit: Int)
  /// The opset of the default domain is outside 7 … 25.
  case opset(Int64)
  case unsupportedOperator(String, node: String)
  case unsupportedType(Int64, tensor: String)
  /// A node's attribute or input is one we do not compute with.
  case unsupported(node: String, reason: String)
  /// Sizes or kinds that do not go together.
  case mismatch(node: String, reason: String)
  /// A value is used that no input, initialiser or earlier node gives.
  case missingValue(String)
  case notFinite(String)
  /// A tensor of our model could not be filled from the file.
  case importFailed(tensor: String, reason: String)
}

extension ONNXError: CustomStringConvertible {
  /// One lower-case sentence.
  public var description: String {
    switch self {
    case .malformed(let reason): "the ONNX file is malformed: \(reason)"
    case .tooLarge(let what, let limit): "the ONNX file has too many \(what), the limit is \(limit)"
    case .opset(let version): "the operator set \(version) is outside 7 to 25"
    case .unsupportedOperator(let name, let node):
      "the operator `\(name)` of node `\(node)` is not supported"
    case .unsupportedType(let type, let tensor):
      "the tensor `\(tensor)` has the element type \(type), which is not supported"
    case .unsupported(let node, let reason): "node `\(node)`: \(reason) is not supported"
    case .mismatch(let node, let reason): "node `\(node)`: \(reason)"
    case .missingValue(let name): "no input, initialiser or earlier node gives the value `\(name)`"
    case .notFinite(let name): "`\(name)` holds NaN or infinity"
    case .importFailed(let tensor, let reason):
      "the tensor `\(tensor)` could not be filled: \(reason)"
    }
  }
}

/// What a model of a stranger may ask for.
public enum ONNXLimits {
  /// A hundred layers of transformer have some thousand nodes.
  public static let nodesMax = 1 << 14
  /// As many initialisers as nodes, and more.
  public static let tensorsMax = 1 << 15
  /// Inputs, outputs or attributes of one node.
  public static let nodeListMax = 256
  /// NumPy's common practice needs 5; attention with groups needs 6.
  public static let dimensionsMax = 8
  /// Numbers of one tensor: 1 GiB, as for our own models.
  public static let elementsMax = 1 << 28
  /// Multiply-adds of one run: a minute of one core at a few GFLOP/s.
  public static let multiplyAddsMax = 1 << 38
  /// Bytes of a name.
  public static let nameBytesMax = 1 << 10
}
