public import Primitives

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

extension ONNXImport {
  /// Reads a map of names: `{"layers.0.kernel": {"from": "fc1.weight", "order": [1, 0]}, …}`;
  /// `shape` and `order` may be left out. A text alone is a name without either.
  public static func rules(json: JSONValue) throws(ONNXError) -> [String: ONNXImport] {
    guard let members = json.members else {
      throw .importFailed(tensor: "map", reason: "it is not an object")
    }
    var rules: [String: ONNXImport] = [:]
    for member in members {
      rules[member.name] = try rule(member.value, for: member.name)
    }
    return rules
  }

  private static func rule(
    _ value: JSONValue, for tensor: String
  ) throws(ONNXError) -> ONNXImport {
    func failed(_ reason: String) -> ONNXError { .importFailed(tensor: tensor, reason: reason) }
    if let name = value.text { return ONNXImport(name) }
    guard let fields = value.members, let name = value["from"]?.text else {
      throw failed("its rule has no `from`")
    }
    if let other = fields.first(where: { !["from", "shape", "order"].contains($0.name) }) {
      throw failed("the key `\(other.name)` is unknown")
    }
    func sizes(_ key: String) throws(ONNXError) -> [Int]? {
      guard let value = value[key] else { return nil }
      let sizes = (value.elements ?? []).map { $0.integer.flatMap { Int(exactly: $0) } }
      guard value.elements != nil, sizes.allSatisfy({ $0 != nil }) else {
        throw failed("`\(key)` is no list of integers")
      }
      return sizes.compactMap(\.self)
    }
    return ONNXImport(name, shape: try sizes("shape"), order: try sizes("order"))
  }
}

extension ONNXModel {
  /// The parameters of one of our models out of this file's initialisers. Every tensor of `layout`
  /// needs a rule; initialisers without one are left.
  public func parameters(
    for layout: ParameterLayout, by rules: [String: ONNXImport]
  ) throws(ONNXError) -> ParameterBuffer {
    try layout.filled(from: initializers, by: rules)
  }
}

extension ParameterLayout {
  /// Takes each tensor from the one that its rule names.
  func filled(
    from tensors: [String: ONNXTensor], by rules: [String: ONNXImport]
  ) throws(ONNXError) -> ParameterBuffer {
    var values = [Float](repeating: 0, count: parameterCount)
    for place in self.tensors {
      guard let rule = rules[place.name] else {
        throw .importFailed(tensor: place.name, reason: "no rule names its source")
      }
      guard let tensor = tensors[rule.name] else {
        throw .importFailed(tensor: place.name, reason: "there is no tensor `\(rule.name)`")
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
