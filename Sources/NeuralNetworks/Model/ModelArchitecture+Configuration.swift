internal import Primitives

extension ModelArchitecture {
  /// Names of a configuration and what they mean; the last two are words of other programs.
  static let familyNames = [
    "mlp", "cnn", "transformer", "logistic", "linear", "neural_network", "CNN",
  ]

  /// Reads `model_type`, `hidden_size`, `architecture` and `loss`.
  init(
    from root: inout ConfigurationObject, family chosen: String?
  ) throws(ModelConfigurationError) {
    let written = try root.optionalWord("model_type", oneOf: Self.familyNames)
    let family = chosen ?? written ?? "mlp"
    guard Self.familyNames.contains(family) else {
      throw .unsupported(path: "model_type", value: family, supported: Self.familyNames)
    }
    let hidden = try root.integers("hidden_size", max: Limits.layersMax)
    var object = try root.object("architecture")
    let body: Body
    switch family {
    case "cnn", "CNN":
      body = .convolutional(try ConvolutionalNetwork(from: &object, hidden: hidden ?? []))
    case "transformer", "logistic", "linear":
      guard hidden == nil else { throw .unknownKey(path: "hidden_size") }
      body = try Self.body(family, from: &object)
    default:
      guard let hidden else { throw .missing(path: "hidden_size") }
      body = .perceptron(try Perceptron(from: &object, hidden: hidden))
    }
    let output = try ModelOutput(from: &root, family: family)
    try output.checkActivation(in: &object)
    try object.finish()
    do {
      try self.init(body: body, output: output)
    } catch {
      throw .architecture(error)
    }
  }

  private static func body(
    _ family: String, from object: inout ConfigurationObject
  ) throws(ModelConfigurationError) -> Body {
    if family == "transformer" { return .transformer(try TransformerNetwork(from: &object)) }
    let inputs = try object.integer("input_dim")
    let outputs = try object.integer("output_dim")
    return family == "linear"
      ? .linear(inputs: inputs, outputs: outputs) : .logistic(inputs: inputs, outputs: outputs)
  }
}

extension ModelOutput {
  /// The names of a configuration.
  static let lossNames = ["cross_entropy", "bce", "mse", "mae", "huber"]

  /// Reads `loss`: a name, or an object with the name and Huber's delta.
  fileprivate init(
    from root: inout ConfigurationObject, family: String
  ) throws(ModelConfigurationError) {
    let value = try root.take("loss")
    guard value.members == nil else {
      var object = try ConfigurationObject(value, path: "loss")
      let name = try object.word("type", oneOf: Self.lossNames)
      let delta = name == "huber" ? try object.number("delta", default: 1) : 1
      try object.finish()
      self.init(name, delta: delta)
      return
    }
    guard let name = value.text else { throw .wrongType(path: "loss", expected: "a name") }
    guard Self.lossNames.contains(name) else {
      throw .unsupported(path: "loss", value: name, supported: Self.lossNames)
    }
    self.init(name, delta: 1)
  }

  private init(_ name: String, delta: Float) {
    self =
      switch name {
      case "cross_entropy": .classes
      case "bce": .flags
      case "mse": .values(.squared)
      case "mae": .values(.absolute)
      default: .values(.huber(delta: delta))
      }
  }

  /// The activation that belongs to the loss.
  var activationName: String {
    switch self {
    case .classes: "softmax"
    case .flags: "sigmoid"
    case .values: "linear"
    }
  }

  /// `output_activation` may be left out; another one than the loss's own would be an error.
  fileprivate func checkActivation(
    in object: inout ConfigurationObject
  ) throws(ModelConfigurationError) {
    _ = try object.optionalWord("output_activation", oneOf: [activationName])
  }
}

extension Perceptron {
  fileprivate init(
    from object: inout ConfigurationObject, hidden: [Int]
  ) throws(ModelConfigurationError) {
    let inputs = try object.integer("input_dim")
    let outputs = try object.integer("output_dim")
    self.init(
      units: [inputs] + hidden + [outputs],
      activation: try object.choice("activation", default: .relu),
      dropout: try object.number("dropout", default: 0))
  }
}

extension ConvolutionalNetwork {
  fileprivate init(
    from object: inout ConfigurationObject, hidden: [Int]
  ) throws(ModelConfigurationError) {
    var sides = try object.object("image")
    let image = ImageSize(
      height: try sides.integer("height"), width: try sides.integer("width"),
      channels: try sides.optionalInteger("channels") ?? 1)
    try sides.finish()
    let activation: ActivationFunction = try object.choice("activation", default: .relu)
    let path = object.full("blocks")
    guard let list = try object.take("blocks").elements,
      list.count <= ModelArchitecture.Limits.blocksMax
    else { throw .wrongType(path: path, expected: "a short list of objects") }
    var blocks: [ConvolutionBlock] = []
    for (index, element) in list.enumerated() {
      var block = try ConfigurationObject(element, path: "\(path)[\(index)]")
      blocks.append(try ConvolutionBlock(from: &block, activation: activation))
    }
    self.init(
      image: image, blocks: blocks, hidden: hidden, outputs: try object.integer("output_dim"),
      activation: activation, dropout: try object.number("dropout", default: 0))
  }
}

extension ConvolutionBlock {
  fileprivate init(
    from object: inout ConfigurationObject, activation: ActivationFunction
  ) throws(ModelConfigurationError) {
    let kernel = try object.optionalInteger("kernel") ?? 3
    self.init(
      channels: try object.integer("channels"), kernel: kernel,
      stride: try object.optionalInteger("stride") ?? 1,
      // Half the window keeps the sides where the stride is 1.
      padding: try object.optionalInteger("padding") ?? max(0, kernel / 2),
      hasBatchNormalization: try object.flag("batch_norm", default: false),
      activation: try object.choice("activation", default: activation))
    if var window = try object.optionalObject("pool") {
      pooling = Pooling(
        try window.choice("type", default: .max),
        size: try window.optionalInteger("size") ?? 2)
      try window.finish()
    }
    try object.finish()
  }
}

extension TransformerNetwork {
  fileprivate init(from object: inout ConfigurationObject) throws(ModelConfigurationError) {
    self.init(
      vocabulary: try object.integer("vocabulary"), context: try object.integer("context"),
      layers: try object.integer("layers"), width: try object.integer("width"),
      heads: try object.integer("heads"),
      feedForward: try object.optionalInteger("feed_forward"),
      activation: try object.choice("activation", default: .gelu),
      normalization: try object.choice("normalization", default: .layer),
      dropout: try object.number("dropout", default: 0))
  }
}
