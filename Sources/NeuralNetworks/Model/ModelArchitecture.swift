/// What a model computes: its body, the meaning of its outputs, and so its parameters.
///
/// All parameters are one flat buffer (`layout`): trainable tensors first, running statistics of
/// batch normalisation as the tail. Sizes come from strangers, so every one has a limit.
public struct ModelArchitecture: Hashable, Sendable {
  /// The family with its sizes.
  public enum Body: Hashable, Sendable {
    /// Fully connected layers.
    case perceptron(Perceptron)
    /// Convolutions, then fully connected layers.
    case convolutional(ConvolutionalNetwork)
    /// A decoder-only language model.
    case transformer(TransformerNetwork)
    /// One affine layer into probabilities.
    case logistic(inputs: Int, outputs: Int)
    /// One affine layer into real numbers.
    case linear(inputs: Int, outputs: Int)
  }

  /// The family with its sizes.
  public let body: Body
  /// What the outputs mean; fixes the loss.
  public let output: ModelOutput
  /// Numbers of the flat buffer, running statistics included.
  public let parameterCount: Int
  /// The prefix of the buffer that an optimizer changes.
  public let trainableCount: Int

  /// Checks every size and that the outputs can have the meaning.
  public init(body: Body, output: ModelOutput) throws(ModelArchitectureError) {
    try body.check()
    try output.check(against: body)
    self.body = body
    self.output = output
    let layout = ModelPlan(body: body, output: output).layout
    guard layout.parameterCount <= Limits.parametersMax else {
      throw .parameterCount(layout.parameterCount, limit: Limits.parametersMax)
    }
    parameterCount = layout.parameterCount
    trainableCount = layout.trainableCount
  }

  /// A classifier of fully connected layers with ReLU: [64, 128, 10] has one hidden layer.
  public init(units: [Int]) throws(ModelArchitectureError) {
    try self.init(body: .perceptron(Perceptron(units: units)), output: .classes)
  }

  /// Limits of a model that anybody may submit.
  public enum Limits {
    /// Depth of a fully connected network; gradients vanish far below it.
    public static let layersMax = 16
    /// Widest layer; keeps every product of two widths far inside Int.
    public static let unitsMax = 1 << 16
    /// 2²⁸ parameters are 1 GiB: the size limit of a model, and of an upload.
    public static let parametersMax = 1 << 28
    /// Longest side of an image.
    public static let imageSideMax = 1 << 12
    /// Channels of an image or a convolution.
    public static let channelsMax = 1 << 12
    /// Convolutions of one network.
    public static let blocksMax = 64
    /// Side of a convolution's or a pooling's window.
    public static let windowMax = 31
    /// Tokens of a vocabulary.
    public static let vocabularyMax = 1 << 17
    /// Tokens of one sequence.
    public static let contextMax = 1 << 13
    /// Blocks of a transformer.
    public static let transformerLayersMax = 96
    /// Attention heads.
    public static let headsMax = 128
    /// Width of a transformer.
    public static let widthMax = 1 << 14
  }

  /// All tensors of the flat buffer.
  public var layout: ParameterLayout { ModelPlan(body: body, output: output).layout }

  /// Numbers of one example: features, or tokens of one sequence.
  public var inputs: Int {
    switch body {
    case .perceptron(let network): network.units[0]
    case .convolutional(let network): network.image.count
    case .transformer(let network): network.context
    case .logistic(let inputs, _), .linear(let inputs, _): inputs
    }
  }

  /// Outputs of one row: classes, flags, values or the vocabulary.
  public var outputs: Int { body.outputs }

  /// Rows of the last layer that one example gives: its tokens, else 1.
  public var rowsPerExample: Int {
    if case .transformer(let network) = body { network.context } else { 1 }
  }

  /// Numbers that all layers hold for one example, roughly: what a batch costs in memory.
  public var activationCount: Int {
    switch body {
    case .perceptron(let network): return network.units.reduce(0, +)
    case .logistic(let inputs, let outputs), .linear(let inputs, let outputs):
      return inputs + outputs
    case .convolutional(let network):
      var image = network.image
      var count = image.count
      for block in network.blocks {
        image = block.convolved(image)
        count += image.count
        if let pooling = block.pooling { image = pooling.pooled(image) }
      }
      return count + image.count + network.hidden.reduce(network.outputs, +)
    case .transformer(let network):
      let perToken = 8 * network.width + 2 * network.feedForward + network.heads * network.context
      return network.context * (network.layers * perToken + network.vocabulary)
    }
  }

  /// Whether an example is a sequence of tokens.
  public var readsTokens: Bool { if case .transformer = body { true } else { false } }

  /// The family's name as in a configuration.
  public var familyName: String {
    switch body {
    case .perceptron: "mlp"
    case .convolutional: "cnn"
    case .transformer: "transformer"
    case .logistic: "logistic"
    case .linear: "linear"
    }
  }
}
