public import Primitives

extension ModelArchitecture: CanonicalCodable {
  /// A map with the family, its sizes and the meaning of the outputs. Real numbers appear as their
  /// IEEE 754 bit patterns: canonical bytes hold no floats.
  public var canonicalValue: CanonicalValue {
    var fields: [String: CanonicalValue] = ["family": .text(familyName)]
    switch body {
    case .perceptron(let network): network.write(to: &fields)
    case .convolutional(let network): network.write(to: &fields)
    case .transformer(let network): network.write(to: &fields)
    case .logistic(let inputs, let outputs), .linear(let inputs, let outputs):
      fields["units"] = .numbers([inputs, outputs])
    }
    fields["loss"] = .text(output.name)
    if case .values(.huber(let delta)) = output { fields["delta"] = .bits(delta) }
    return .map(fields)
  }

  /// Reads and checks an architecture.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    let body = try Body(from: &fields)
    let output = try ModelOutput(from: &fields)
    try fields.finish()
    do {
      try self.init(body: body, output: output)
    } catch {
      throw .malformed(what: "architecture", reason: error.description)
    }
    guard self.canonicalValue == canonicalValue else {
      throw .malformed(what: "architecture", reason: "a number has another form")
    }
  }
}

extension ModelArchitecture.Body {
  fileprivate init(from fields: inout CanonicalFields) throws(DecodingFailure) {
    let family = try fields.text("family")
    switch family {
    case "mlp": self = .perceptron(try Perceptron(from: &fields))
    case "cnn": self = .convolutional(try ConvolutionalNetwork(from: &fields))
    case "transformer": self = .transformer(try TransformerNetwork(from: &fields))
    case "logistic", "linear":
      let units = try fields.numbers("units", max: 2)
      guard units.count == 2 else {
        throw .malformed(what: "architecture", reason: "expected two units")
      }
      self =
        family == "linear"
        ? .linear(inputs: units[0], outputs: units[1])
        : .logistic(inputs: units[0], outputs: units[1])
    default: throw .malformed(what: "architecture", reason: "unknown family")
    }
  }
}

extension ModelOutput {
  fileprivate init(from fields: inout CanonicalFields) throws(DecodingFailure) {
    switch try fields.text("loss") {
    case "cross_entropy": self = .classes
    case "bce": self = .flags
    case "mse": self = .values(.squared)
    case "mae": self = .values(.absolute)
    case "huber": self = .values(.huber(delta: try fields.float("delta")))
    default: throw .malformed(what: "architecture", reason: "unknown loss")
    }
  }
}

extension Perceptron {
  fileprivate func write(to fields: inout [String: CanonicalValue]) {
    fields["units"] = .numbers(units)
    fields["activation"] = .text(activation.rawValue)
    fields["dropout"] = .bits(dropout)
  }

  fileprivate init(from fields: inout CanonicalFields) throws(DecodingFailure) {
    self.init(
      units: try fields.numbers("units", max: ModelArchitecture.Limits.layersMax + 1),
      activation: try fields.name("activation"), dropout: try fields.float("dropout"))
  }
}

extension ConvolutionalNetwork {
  fileprivate func write(to fields: inout [String: CanonicalValue]) {
    fields["image"] = .numbers([image.height, image.width, image.channels])
    fields["blocks"] = .array(blocks.map(\.canonicalValue))
    fields["hidden"] = .numbers(hidden)
    fields["outputs"] = .unsigned(UInt64(outputs))
    fields["activation"] = .text(activation.rawValue)
    fields["dropout"] = .bits(dropout)
  }

  fileprivate init(from fields: inout CanonicalFields) throws(DecodingFailure) {
    let image = try fields.numbers("image", max: 3)
    guard image.count == 3 else {
      throw .malformed(what: "architecture", reason: "an image has three sizes")
    }
    self.init(
      image: ImageSize(height: image[0], width: image[1], channels: image[2]),
      blocks: try fields.list("blocks"),
      hidden: try fields.numbers("hidden", max: ModelArchitecture.Limits.layersMax),
      outputs: try fields.count("outputs", max: ModelArchitecture.Limits.unitsMax),
      activation: try fields.name("activation"), dropout: try fields.float("dropout"))
  }
}

extension ConvolutionBlock: CanonicalCodable {
  /// A map of all fields.
  public var canonicalValue: CanonicalValue {
    var fields: [String: CanonicalValue] = [
      "channels": .unsigned(UInt64(channels)), "kernel": .unsigned(UInt64(kernel)),
      "stride": .unsigned(UInt64(stride)), "padding": .unsigned(UInt64(padding)),
      "norm": .bool(hasBatchNormalization), "activation": .text(activation.rawValue),
    ]
    if let pooling {
      fields["pool"] = .text(pooling.kind.rawValue)
      fields["pool_size"] = .unsigned(UInt64(pooling.size))
    }
    return .map(fields)
  }

  /// Reads the fields; `ModelArchitecture` checks their sizes.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    let sizeMax = ModelArchitecture.Limits.unitsMax
    var pooling: Pooling?
    if let kind = fields.optional("pool") {
      guard case .text(let name) = kind, let kind = Pooling.Kind(rawValue: name) else {
        throw .malformed(what: "pool", reason: "unknown name")
      }
      pooling = Pooling(kind, size: try fields.count("pool_size", max: sizeMax))
    }
    self.init(
      channels: try fields.count("channels", max: sizeMax),
      kernel: try fields.count("kernel", max: sizeMax),
      stride: try fields.count("stride", max: sizeMax),
      padding: try fields.count("padding", max: sizeMax),
      hasBatchNormalization: try fields.bool("norm"),
      activation: try fields.name("activation"), pooling: pooling)
    try fields.finish()
  }
}

extension TransformerNetwork {
  fileprivate func write(to fields: inout [String: CanonicalValue]) {
    fields["sizes"] = .numbers([vocabulary, context, layers, width, heads, feedForward])
    fields["activation"] = .text(activation.rawValue)
    fields["normalization"] = .text(normalization.rawValue)
    fields["dropout"] = .bits(dropout)
  }

  fileprivate init(from fields: inout CanonicalFields) throws(DecodingFailure) {
    let sizes = try fields.numbers("sizes", max: 6)
    guard sizes.count == 6 else {
      throw .malformed(what: "architecture", reason: "a transformer has six sizes")
    }
    self.init(
      vocabulary: sizes[0], context: sizes[1], layers: sizes[2], width: sizes[3],
      heads: sizes[4], feedForward: sizes[5], activation: try fields.name("activation"),
      normalization: try fields.name("normalization"), dropout: try fields.float("dropout"))
  }
}
