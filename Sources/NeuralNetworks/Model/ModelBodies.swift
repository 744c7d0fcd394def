/// What the outputs of a model mean, and the loss that follows from it.
public enum ModelOutput: Hashable, Sendable {
  /// One of `outputs` classes: softmax and cross-entropy.
  case classes
  /// `outputs` independent yes-or-no answers: sigmoid and binary cross-entropy.
  case flags
  /// `outputs` real numbers.
  case values(RegressionLoss)
}

/// How far a real number is from its target; losses are means over rows and outputs.
public enum RegressionLoss: Hashable, Sendable {
  /// (y − t)².
  case squared
  /// |y − t|.
  case absolute
  /// ½·(y − t)² where |y − t| ≤ δ, else δ·(|y − t| − ½·δ) (Huber 1964).
  case huber(delta: Float)
}

/// Fully connected layers.
public struct Perceptron: Hashable, Sendable {
  /// Units of the input, of each hidden layer and of the output.
  public var units: [Int]
  /// After each hidden layer.
  public var activation: ActivationFunction
  /// Probability of a hidden unit to be dropped in training.
  public var dropout: Float

  /// Collects the sizes; `ModelArchitecture` checks them.
  public init(units: [Int], activation: ActivationFunction = .relu, dropout: Float = 0) {
    self.units = units
    self.activation = activation
    self.dropout = dropout
  }
}

/// Convolutions over images [height, width, channels], then fully connected layers.
public struct ConvolutionalNetwork: Hashable, Sendable {
  /// The input.
  public var image: ImageSize
  /// Convolutions from the input upwards, at least one.
  public var blocks: [ConvolutionBlock]
  /// Units of the fully connected hidden layers, may be empty.
  public var hidden: [Int]
  /// Units of the output.
  public var outputs: Int
  /// After each fully connected hidden layer.
  public var activation: ActivationFunction
  /// Probability of a fully connected hidden unit to be dropped in training.
  public var dropout: Float

  /// Collects the sizes; `ModelArchitecture` checks them.
  public init(
    image: ImageSize, blocks: [ConvolutionBlock], hidden: [Int] = [], outputs: Int,
    activation: ActivationFunction = .relu, dropout: Float = 0
  ) {
    self.image = image
    self.blocks = blocks
    self.hidden = hidden
    self.outputs = outputs
    self.activation = activation
    self.dropout = dropout
  }
}

/// The sides of an image; numbers lie row by row, the channels of a pixel together.
public struct ImageSize: Hashable, Sendable {
  /// Rows.
  public var height: Int
  /// Columns.
  public var width: Int
  /// Numbers of one pixel.
  public var channels: Int

  /// Collects the sides.
  public init(height: Int, width: Int, channels: Int) {
    self.height = height
    self.width = width
    self.channels = channels
  }

  /// Numbers of one image.
  public var count: Int { height * width * channels }
}

/// Convolution, then batch normalisation, activation and pooling, where wanted.
public struct ConvolutionBlock: Hashable, Sendable {
  /// Output channels.
  public var channels: Int
  /// Side of the square window.
  public var kernel: Int
  /// Step of the window.
  public var stride: Int
  /// Rows and columns of zeros around the image.
  public var padding: Int
  /// Whether batch normalisation takes the place of the bias.
  public var hasBatchNormalization: Bool
  /// After the convolution.
  public var activation: ActivationFunction
  /// Last.
  public var pooling: Pooling?

  /// Collects the sizes; `ModelArchitecture` checks them.
  public init(
    channels: Int, kernel: Int = 3, stride: Int = 1, padding: Int = 1,
    hasBatchNormalization: Bool = false, activation: ActivationFunction = .relu,
    pooling: Pooling? = nil
  ) {
    self.channels = channels
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
    self.hasBatchNormalization = hasBatchNormalization
    self.activation = activation
    self.pooling = pooling
  }

  /// Pooling over windows that do not overlap.
  public struct Pooling: Hashable, Sendable {
    /// What a window becomes.
    public enum Kind: String, Hashable, Sendable, CaseIterable { case max, average }
    /// What a window becomes.
    public var kind: Kind
    /// Side and step of the window.
    public var size: Int

    /// Collects the parts.
    public init(_ kind: Kind, size: Int = 2) {
      self.kind = kind
      self.size = size
    }
  }
}

/// A decoder-only transformer with learned positions and normalisation before each part
/// (Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", §2.3).
public struct TransformerNetwork: Hashable, Sendable {
  /// Before attention and feed-forward, and at the end.
  public enum Normalization: String, Hashable, Sendable, CaseIterable { case layer, rms }
  /// Tokens are 0 ..< vocabulary.
  public var vocabulary: Int
  /// Tokens of one sequence.
  public var context: Int
  /// Blocks.
  public var layers: Int
  /// Numbers of one token between the blocks.
  public var width: Int
  /// Attention heads; divides the width.
  public var heads: Int
  /// Hidden units of a block's feed-forward part.
  public var feedForward: Int
  /// Inside the feed-forward part.
  public var activation: ActivationFunction
  /// Which normalisation.
  public var normalization: Normalization
  /// Probability of a number at the end of each part to be dropped in training.
  public var dropout: Float

  /// Collects the sizes; `ModelArchitecture` checks them.
  public init(
    vocabulary: Int, context: Int, layers: Int, width: Int, heads: Int, feedForward: Int? = nil,
    activation: ActivationFunction = .gelu, normalization: Normalization = .layer,
    dropout: Float = 0
  ) {
    self.vocabulary = vocabulary
    self.context = context
    self.layers = layers
    self.width = width
    self.heads = heads
    // The usual four widths; a width that overflows is refused by its own limit.
    self.feedForward = feedForward ?? width.multipliedReportingOverflow(by: 4).partialValue
    self.activation = activation
    self.normalization = normalization
    self.dropout = dropout
  }
}

/// The nonlinear functions of mk1.
public enum ActivationFunction: String, Hashable, Sendable, CaseIterable {
  /// The identity.
  case none
  case relu
  case tanh
  case sigmoid
  /// The tanh form (Hendrycks and Gimpel 2016, arXiv:1606.08415).
  case gelu
  /// x · sigmoid(x).
  case silu
}
