public import Primitives

/// The model half of a federated session: what `model_config.json` says.
///
/// `{"hidden_size": 128, "architecture": {"input_dim", "output_dim", "activation": "relu",
/// "output_activation": "softmax"}, "optimizer": {"type": "sgd", "momentum", "weight_decay"},
/// "loss": "cross_entropy", "metrics": ["accuracy"]}`. `hidden_size` may also be a list, one entry
/// a layer. Every other key or value is refused by its path.
public struct ModelConfiguration: Hashable, Sendable {
  /// Layer sizes.
  public let shape: ModelShape
  /// Momentum and weight decay.
  public let optimizer: TrainingSettings.Optimizer

  /// Collects the parts.
  public init(shape: ModelShape, optimizer: TrainingSettings.Optimizer = .sgd) {
    self.shape = shape
    self.optimizer = optimizer
  }

  /// Reads `model_config.json`.
  public init(json bytes: Bytes) throws(ModelConfigurationError) {
    do {
      try self.init(JSONValue(parsing: bytes))
    } catch let failure as DecodingFailure {
      throw .notJSON(failure)
    } catch let failure as ModelConfigurationError {
      throw failure
    } catch {
      preconditionFailure("only these two errors are thrown")
    }
  }

  /// Reads a parsed document.
  public init(_ document: JSONValue) throws(ModelConfigurationError) {
    var root = try ConfigurationObject(document, path: "")
    let hidden = try Self.hiddenSizes(try root.take("hidden_size"))
    var architecture = try root.object("architecture")
    let inputs = try architecture.integer("input_dim")
    let outputs = try architecture.integer("output_dim")
    try architecture.require("activation", oneOf: ["relu"])
    try architecture.require("output_activation", oneOf: ["softmax"])
    try architecture.finish()
    var optimizer = try root.object("optimizer")
    try optimizer.require("type", oneOf: ["sgd"])
    let momentum = try optimizer.number("momentum", default: 0)
    let decay = try optimizer.number("weight_decay", default: 0)
    try optimizer.finish()
    try root.require("loss", oneOf: ["cross_entropy"])
    try Self.checkMetrics(root.optional("metrics"))
    try root.finish()
    do {
      shape = try ModelShape(units: [inputs] + hidden + [outputs])
    } catch {
      throw .shape(error)
    }
    do {
      self.optimizer = try .init(momentum: momentum, weightDecay: decay)
    } catch {
      throw .settings(error)
    }
  }

  private static func hiddenSizes(_ value: JSONValue) throws(ModelConfigurationError) -> [Int] {
    if let single = value.integer { return [Int(single)] }
    guard let list = value.elements, list.count <= ModelShape.Limits.layersMax else {
      throw .wrongType(path: "hidden_size", expected: "an integer or a short list of integers")
    }
    var sizes: [Int] = []
    for (index, element) in list.enumerated() {
      guard let size = element.integer else {
        throw .wrongType(path: "hidden_size[\(index)]", expected: "an integer")
      }
      sizes.append(Int(size))
    }
    return sizes
  }

  private static func checkMetrics(_ value: JSONValue?) throws(ModelConfigurationError) {
    guard let value else { return }
    guard let list = value.elements else {
      throw .wrongType(path: "metrics", expected: "a list of names")
    }
    for (index, element) in list.enumerated() where !["accuracy", "loss"].contains(element.text) {
      throw .unsupported(
        path: "metrics[\(index)]", value: element.text ?? "\(element)",
        supported: ["accuracy", "loss"])
    }
  }

  /// The document that reads back as this configuration.
  public var json: JSONValue {
    let hidden = shape.units.dropFirst().dropLast()
    return [
      "hidden_size": hidden.count == 1
        ? JSONValue(hidden[1]) : .array(hidden.map { JSONValue($0) }),
      "architecture": [
        "input_dim": JSONValue(shape.inputs), "output_dim": JSONValue(shape.outputs),
        "activation": "relu", "output_activation": "softmax",
      ],
      "optimizer": [
        "type": "sgd", "momentum": .number(shortest(optimizer.momentum)),
        "weight_decay": .number(shortest(optimizer.weightDecay)),
      ],
      "loss": "cross_entropy",
      "metrics": ["accuracy"],
    ]
  }
}

/// The Float64 whose shortest decimal form is that of the Float32: 0.9, not 0.8999999761581421.
private func shortest(_ number: Float) -> Double { Double(number.description) ?? Double(number) }

/// Why a model configuration was refused; `path` names the key.
public enum ModelConfigurationError: Error, Equatable, Sendable {
  case notJSON(DecodingFailure)
  case missing(path: String)
  case unknownKey(path: String)
  case duplicateKey(path: String)
  case wrongType(path: String, expected: String)
  case unsupported(path: String, value: String, supported: [String])
  case shape(ModelShapeError)
  case settings(TrainingSettingsError)
}

extension ModelConfigurationError: CustomStringConvertible {
  /// One lower-case sentence.
  public var description: String {
    switch self {
    case .notJSON(let failure): failure.description
    case .missing(let path): "the key `\(path)` is missing"
    case .unknownKey(let path): "the key `\(path)` is unknown"
    case .duplicateKey(let path): "the key `\(path)` occurs twice"
    case .wrongType(let path, let expected): "`\(path)` is not \(expected)"
    case .unsupported(let path, let value, let supported):
      "`\(path)` is `\(value)`; supported: \(supported.joined(separator: ", "))"
    case .shape(let error): error.description
    case .settings(let error): error.description
    }
  }
}

/// Takes keys one by one and refuses what is left.
private struct ConfigurationObject {
  private var members: [(name: String, value: JSONValue)] = []
  private let path: String

  init(_ value: JSONValue, path: String) throws(ModelConfigurationError) {
    self.path = path
    guard let members = value.members else {
      throw .wrongType(path: path.isEmpty ? "document" : path, expected: "an object")
    }
    for member in members {
      guard !self.members.contains(where: { $0.name == member.name }) else {
        throw .duplicateKey(path: full(member.name))
      }
      self.members.append((member.name, member.value))
    }
  }

  private func full(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

  mutating func optional(_ name: String) -> JSONValue? {
    guard let index = members.firstIndex(where: { $0.name == name }) else { return nil }
    return members.remove(at: index).value
  }

  mutating func take(_ name: String) throws(ModelConfigurationError) -> JSONValue {
    guard let value = optional(name) else { throw .missing(path: full(name)) }
    return value
  }

  mutating func object(_ name: String) throws(ModelConfigurationError) -> ConfigurationObject {
    try ConfigurationObject(try take(name), path: full(name))
  }

  mutating func integer(_ name: String) throws(ModelConfigurationError) -> Int {
    guard let number = try take(name).integer else {
      throw .wrongType(path: full(name), expected: "an integer")
    }
    return Int(number)
  }

  mutating func number(
    _ name: String, default standard: Float
  ) throws(ModelConfigurationError) -> Float {
    guard let value = optional(name) else { return standard }
    guard let number = value.double else {
      throw .wrongType(path: full(name), expected: "a number")
    }
    return Float(number)
  }

  mutating func require(
    _ name: String, oneOf supported: [String]
  ) throws(ModelConfigurationError) {
    guard let text = try take(name).text else {
      throw .wrongType(path: full(name), expected: "a name")
    }
    guard supported.contains(text) else {
      throw .unsupported(path: full(name), value: text, supported: supported)
    }
  }

  func finish() throws(ModelConfigurationError) {
    if let left = members.first { throw .unknownKey(path: full(left.name)) }
  }
}

/// Fuzz entry: any bytes give a configuration or a `ModelConfigurationError`.
package func fuzzModelConfiguration(_ bytes: Bytes) {
  _ = try? ModelConfiguration(json: bytes)
}
