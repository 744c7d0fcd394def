package import Primitives

/// Where a tensor of our model comes from in an ONNX file.
public struct ONNXImport: Hashable, Sendable {
  /// The initialiser's name.
  public let name: String
  /// Sizes to read it in before its dimensions are ordered, nil for its own.
  public let shape: [Int]?
  /// The initialiser's dimensions in the order of ours, nil for the same order. PyTorch's linear
  /// layers are [1, 0], its convolutions [2, 3, 1, 0].
  public let order: [Int]?

  /// Names an initialiser.
  public init(_ name: String, shape: [Int]? = nil, order: [Int]? = nil) {
    self.name = name
    self.shape = shape
    self.order = order
  }

  /// The rules that turn PyTorch's names for a row of linear layers into a perceptron's: weight i
  /// [outputs, inputs] into "layers.i.kernel".
  public static func linearLayers(_ names: [String]) -> [String: ONNXImport] {
    var rules: [String: ONNXImport] = [:]
    for (index, name) in names.enumerated() {
      rules["layers.\(index).kernel"] = ONNXImport("\(name).weight", order: [1, 0])
      rules["layers.\(index).bias"] = ONNXImport("\(name).bias")
    }
    return rules
  }
}

extension ONNXModel {
  /// The parameters of one of our models out of this file's initialisers. Every tensor of `layout`
  /// needs a rule; initialisers without one are left.
  public func parameters(
    for layout: ParameterLayout, by rules: [String: ONNXImport]
  ) throws(ONNXError) -> ParameterBuffer {
    var values = [Float](repeating: 0, count: layout.parameterCount)
    for place in layout.tensors {
      guard let rule = rules[place.name] else {
        throw .importFailed(tensor: place.name, reason: "no rule names its source")
      }
      guard let tensor = initializers[rule.name] else {
        throw .importFailed(tensor: place.name, reason: "there is no initialiser `\(rule.name)`")
      }
      values.replaceSubrange(place.range, with: try numbers(of: tensor, by: rule, for: place))
    }
    return ParameterBuffer(values)
  }

  private func numbers(
    of tensor: ONNXTensor, by rule: ONNXImport, for place: ParameterTensor
  ) throws(ONNXError) -> [Float] {
    func failed(_ reason: String) -> ONNXError {
      .importFailed(tensor: place.name, reason: reason)
    }
    var source = tensor
    if let shape = rule.shape {
      guard shape.allSatisfy({ $0 >= 0 }), try ONNXTensor.elementCount(shape) == tensor.count
      else { throw failed("`\(rule.name)` does not fill the shape \(shape)") }
      source = tensor.reshaped(shape)
    }
    if let order = rule.order {
      guard order.sorted() == Array(source.shape.indices) else {
        throw failed("\(order) is no order of the dimensions of `\(rule.name)`")
      }
      source = source.transposed(order)
    }
    // A rule with sizes may join dimensions; without, they must be ours.
    guard source.shape == place.sizes || (rule.shape != nil && source.count == place.count) else {
      throw failed("`\(rule.name)` has the sizes \(source.shape) instead of \(place.sizes)")
    }
    guard let numbers = source.floatValues else { throw failed("`\(rule.name)` holds integers") }
    guard numbers.allSatisfy(\.isFinite) else { throw .notFinite(rule.name) }
    return numbers
  }
}

/// Fuzz entry: any bytes give a model or an `ONNXError`; a small model is run on zeros.
package func fuzzONNX(_ bytes: Bytes) {
  guard let model = try? ONNXModel(decoding: bytes) else { return }
  var given: [String: ONNXTensor] = [:]
  for port in model.inputs {
    let shape = port.shape.map { $0 ?? 1 }
    // Larger inputs only take longer.
    guard let count = try? ONNXTensor.elementCount(shape), count <= 1 << 12 else { return }
    given[port.name] =
      port.isFloat
      ? ONNXTensor(shape: shape, floats: [Float](repeating: 0, count: count))
      : ONNXTensor(shape: shape, integers: [Int64](repeating: 0, count: count))
  }
  _ = try? model.run(given, multiplyAddsMax: 1 << 20)
}
