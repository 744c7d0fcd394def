public import Primitives

/// The named tensors of a file, from which a model of ours takes its numbers.
public struct TensorFile: Sendable {
  private let tensors: [String: ONNXTensor]

  /// Takes the initialisers of a graph.
  public init(onnx file: Bytes) throws(ONNXError) {
    tensors = try ONNXModel(decoding: file).initializers
  }

  /// Takes the tensors of a safetensors file.
  public init(safetensors file: Bytes) throws(SafetensorsError) {
    var tensors: [String: ONNXTensor] = [:]
    for tensor in try Safetensors.decode(file) {
      tensors[tensor.name] = ONNXTensor(shape: tensor.shape, floats: tensor.values)
    }
    self.tensors = tensors
  }

  /// The tensors with their sizes, in order of their names: "fc1.weight [6, 4]".
  public var names: [String] { tensors.sorted { $0.key < $1.key }.map { "\($0) \($1.shape)" } }

  /// The parameters of a model. A tensor of the model without a rule has the same name and sizes in
  /// the file; tensors of the file that nothing names are left.
  public func parameters(
    for layout: ParameterLayout, by rules: [String: ONNXImport]
  ) throws(ONNXError) -> ParameterBuffer {
    let known = Set(layout.tensors.map(\.name))
    if let other = rules.keys.sorted().first(where: { !known.contains($0) }) {
      throw .importFailed(tensor: other, reason: "the model has no such tensor")
    }
    var complete = rules
    for place in layout.tensors where rules[place.name] == nil {
      complete[place.name] = ONNXImport(place.name)
    }
    return try layout.filled(from: tensors, by: complete)
  }
}
