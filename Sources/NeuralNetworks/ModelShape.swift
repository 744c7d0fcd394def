public import Primitives

/// The layer sizes of a fully connected network, input first: [64, 128, 10].
///
/// Hidden layers have ReLU; the last layer gives logits for softmax. The parameters are one flat
/// buffer: for each layer its weights [inputs, outputs] row by row, then its biases [outputs].
public struct ModelShape: Hashable, Sendable {
  /// Units of the input, of each hidden layer and of the output.
  public let units: [Int]

  /// Limits of a model that anybody may submit.
  public enum Limits {
    /// Depth of a network of the first kernel specification; gradients vanish far below it.
    public static let layersMax = 16
    /// Widest layer; keeps every product of two widths far inside Int.
    public static let unitsMax = 1 << 16
    /// 2²⁸ parameters are 1 GiB: the size limit of a model, and of an upload.
    public static let parametersMax = 1 << 28
  }

  /// Checks the sizes.
  public init(units: [Int]) throws(ModelShapeError) {
    guard (2...Limits.layersMax + 1).contains(units.count) else {
      throw .layerCount(units.count - 1, limit: Limits.layersMax)
    }
    for (index, size) in units.enumerated() where !(1...Limits.unitsMax).contains(size) {
      throw .unitCount(size, layer: index, limit: Limits.unitsMax)
    }
    let total = zip(units, units.dropFirst()).reduce(0) { $0 + ($1.0 + 1) * $1.1 }
    guard total <= Limits.parametersMax else {
      throw .parameterCount(total, limit: Limits.parametersMax)
    }
    self.units = units
    parameterCount = total
  }

  /// Weights and biases of all layers.
  public let parameterCount: Int
  /// Features of one example.
  public var inputs: Int { units[0] }
  /// Classes.
  public var outputs: Int { units[units.count - 1] }
  /// Layers with weights.
  public var layerCount: Int { units.count - 1 }

  /// The place of one layer in the flat buffer.
  public struct Layer: Equatable, Sendable {
    /// Units below.
    public let inputs: Int
    /// Units of this layer.
    public let outputs: Int
    /// Where the weights [inputs, outputs] start.
    public let weightOffset: Int
    /// Where the biases [outputs] start.
    public var biasOffset: Int { weightOffset + inputs * outputs }
    /// Where the next layer starts.
    public var end: Int { biasOffset + outputs }
  }

  /// All layers from the input upwards.
  public var layers: [Layer] {
    var offset = 0
    return zip(units, units.dropFirst()).map { inputs, outputs in
      let layer = Layer(inputs: inputs, outputs: outputs, weightOffset: offset)
      offset = layer.end
      return layer
    }
  }
}

/// Why layer sizes were refused.
public enum ModelShapeError: Error, Equatable, Sendable {
  case layerCount(Int, limit: Int)
  case unitCount(Int, layer: Int, limit: Int)
  case parameterCount(Int, limit: Int)
}

extension ModelShapeError: CustomStringConvertible {
  /// One lower-case sentence.
  public var description: String {
    switch self {
    case .layerCount(let count, let limit): "\(count) layers, expected 1 to \(limit)"
    case .unitCount(let count, let layer, let limit):
      "layer \(layer) has \(count) units, expected 1 to \(limit)"
    case .parameterCount(let count, let limit): "\(count) parameters, the limit is \(limit)"
    }
  }
}

extension ModelShape: CanonicalCodable {
  /// The list of layer sizes.
  public var canonicalValue: CanonicalValue { .array(units.map { .unsigned(UInt64($0)) }) }

  /// Reads and checks layer sizes.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    guard case .array(let values) = canonicalValue else {
      throw .malformed(what: "model shape", reason: "expected an array")
    }
    var units: [Int] = []
    for value in values {
      guard case .unsigned(let number) = value else {
        throw .malformed(what: "model shape", reason: "expected unsigned numbers")
      }
      units.append(Int(clamping: number))
    }
    do {
      try self.init(units: units)
    } catch {
      throw .malformed(what: "model shape", reason: error.description)
    }
  }
}
