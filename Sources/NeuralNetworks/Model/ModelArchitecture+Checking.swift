/// Why an architecture was refused.
public enum ModelArchitectureError: Error, Equatable, Sendable {
  case layerCount(Int, limit: Int)
  case unitCount(Int, layer: Int, limit: Int)
  case parameterCount(Int, limit: Int)
  /// A size outside its range; `name` is the key of a configuration.
  case size(name: String, value: Int, range: ClosedRange<Int>)
  case dropout(Float)
  case headsDoNotDivide(width: Int, heads: Int)
  /// The window of block `block` is larger than what it slides over.
  case windowTooLarge(block: Int, window: Int, side: Int)
  /// Normalised numbers without a scale of their own, or the like.
  case outputMeaning(family: String, output: String)
  case huberDelta(Float)
}

extension ModelArchitectureError: CustomStringConvertible {
  /// One lower-case sentence.
  public var description: String {
    switch self {
    case .layerCount(let count, let limit): "\(count) layers, expected 1 to \(limit)"
    case .unitCount(let count, let layer, let limit):
      "layer \(layer) has \(count) units, expected 1 to \(limit)"
    case .parameterCount(let count, let limit): "\(count) parameters, the limit is \(limit)"
    case .size(let name, let value, let range):
      "\(name) is \(value), expected \(range.lowerBound) to \(range.upperBound)"
    case .dropout(let value): "the dropout \(value) is not in 0..<1"
    case .headsDoNotDivide(let width, let heads):
      "\(heads) heads do not divide the width \(width)"
    case .windowTooLarge(let block, let window, let side):
      "the window \(window) of block \(block) is larger than the image's side \(side) there"
    case .outputMeaning(let family, let output):
      "the outputs of the family \(family) cannot be \(output)"
    case .huberDelta(let delta): "huber's delta \(delta) is not a positive number"
    }
  }
}

extension ModelArchitecture.Body {
  /// Outputs of one row.
  var outputs: Int {
    switch self {
    case .perceptron(let network): network.units[network.units.count - 1]
    case .convolutional(let network): network.outputs
    case .transformer(let network): network.vocabulary
    case .logistic(_, let outputs), .linear(_, let outputs): outputs
    }
  }

  func check() throws(ModelArchitectureError) {
    switch self {
    case .perceptron(let network): try network.check()
    case .convolutional(let network): try network.check()
    case .transformer(let network): try network.check()
    case .logistic(let inputs, let outputs), .linear(let inputs, let outputs):
      try checkUnits([inputs, outputs])
    }
  }
}

private typealias Limits = ModelArchitecture.Limits

private func checkUnits(_ units: [Int]) throws(ModelArchitectureError) {
  for (index, size) in units.enumerated() where !(1...Limits.unitsMax).contains(size) {
    throw .unitCount(size, layer: index, limit: Limits.unitsMax)
  }
}

private func check(
  _ name: String, _ value: Int, in range: ClosedRange<Int>
) throws(ModelArchitectureError) {
  guard range.contains(value) else { throw .size(name: name, value: value, range: range) }
}

private func check(dropout: Float) throws(ModelArchitectureError) {
  // −0 would have other bytes than 0.
  guard (0..<1).contains(dropout), dropout.sign == .plus else { throw .dropout(dropout) }
}

extension Perceptron {
  fileprivate func check() throws(ModelArchitectureError) {
    guard (2...Limits.layersMax + 1).contains(units.count) else {
      throw .layerCount(units.count - 1, limit: Limits.layersMax)
    }
    try checkUnits(units)
    try NeuralNetworks.check(dropout: dropout)
  }
}

extension ConvolutionalNetwork {
  fileprivate func check() throws(ModelArchitectureError) {
    let side = 1...Limits.imageSideMax
    try NeuralNetworks.check("image.height", image.height, in: side)
    try NeuralNetworks.check("image.width", image.width, in: side)
    try NeuralNetworks.check("image.channels", image.channels, in: 1...Limits.channelsMax)
    try NeuralNetworks.check("image", image.count, in: 1...Dataset.Limits.inputsMax)
    try NeuralNetworks.check("blocks", blocks.count, in: 1...Limits.blocksMax)
    var size = image
    for (index, block) in blocks.enumerated() { size = try block.check(index, on: size) }
    guard hidden.count < Limits.layersMax else {
      throw .layerCount(hidden.count + 1, limit: Limits.layersMax)
    }
    try checkUnits(hidden + [outputs])
    try NeuralNetworks.check(dropout: dropout)
  }
}

extension ConvolutionBlock {
  /// Checks the block and returns the size of its output.
  fileprivate func check(
    _ index: Int, on size: ImageSize
  ) throws(ModelArchitectureError) -> ImageSize {
    let name = "blocks[\(index)]"
    let window = 1...Limits.windowMax
    try NeuralNetworks.check("\(name).channels", channels, in: 1...Limits.channelsMax)
    try NeuralNetworks.check("\(name).kernel", kernel, in: window)
    try NeuralNetworks.check("\(name).stride", stride, in: window)
    try NeuralNetworks.check("\(name).padding", padding, in: 0...kernel - 1)
    for side in [size.height, size.width] where kernel > side + 2 * padding {
      throw .windowTooLarge(block: index, window: kernel, side: side)
    }
    let convolved = convolved(size)
    guard let pooling else { return convolved }
    try NeuralNetworks.check("\(name).pool.size", pooling.size, in: window)
    for side in [convolved.height, convolved.width] where pooling.size > side {
      throw .windowTooLarge(block: index, window: pooling.size, side: side)
    }
    return pooling.pooled(convolved)
  }

  /// The size after the convolution.
  func convolved(_ size: ImageSize) -> ImageSize {
    ImageSize(
      height: (size.height + 2 * padding - kernel) / stride + 1,
      width: (size.width + 2 * padding - kernel) / stride + 1, channels: channels)
  }
}

extension ConvolutionBlock.Pooling {
  /// The size after pooling; an incomplete window at the edge is left out.
  func pooled(_ size: ImageSize) -> ImageSize {
    ImageSize(
      height: size.height / self.size, width: size.width / self.size, channels: size.channels)
  }
}

extension TransformerNetwork {
  fileprivate func check() throws(ModelArchitectureError) {
    try NeuralNetworks.check("vocabulary", vocabulary, in: 2...Limits.vocabularyMax)
    try NeuralNetworks.check("context", context, in: 1...Limits.contextMax)
    try NeuralNetworks.check("layers", layers, in: 1...Limits.transformerLayersMax)
    try NeuralNetworks.check("width", width, in: 1...Limits.widthMax)
    try NeuralNetworks.check("heads", heads, in: 1...Limits.headsMax)
    try NeuralNetworks.check("feed_forward", feedForward, in: 1...Limits.unitsMax)
    guard width.isMultiple(of: heads) else {
      throw .headsDoNotDivide(width: width, heads: heads)
    }
    try NeuralNetworks.check(dropout: dropout)
  }
}

extension ModelOutput {
  func check(against body: ModelArchitecture.Body) throws(ModelArchitectureError) {
    if case .values(.huber(let delta)) = self, !(delta > 0 && delta.isFinite) {
      throw .huberDelta(delta)
    }
    switch (body, self) {
    case (.transformer, .flags), (.transformer, .values):
      throw .outputMeaning(family: "transformer", output: name)
    case (.logistic, .values): throw .outputMeaning(family: "logistic", output: name)
    case (.linear, .classes), (.linear, .flags):
      throw .outputMeaning(family: "linear", output: name)
    default: break
    }
  }

  /// The loss's name as in a configuration.
  public var name: String {
    switch self {
    case .classes: "cross_entropy"
    case .flags: "bce"
    case .values(.squared): "mse"
    case .values(.absolute): "mae"
    case .values(.huber): "huber"
    }
  }
}
