/// The layers of an architecture with the places of their tensors.
///
/// Made twice: running statistics start where the trainable tensors end, which the first pass
/// finds out.
struct ModelPlan {
  let layout: ParameterLayout
  let layers: LayerSequence

  init(_ architecture: ModelArchitecture) {
    self.init(body: architecture.body, output: architecture.output)
  }

  init(body: ModelArchitecture.Body, output: ModelOutput) {
    var measure = PlanBuilder(tail: 0)
    measure.build(body)
    var builder = PlanBuilder(tail: measure.tensors.layout.trainableCount)
    builder.build(body)
    layout = builder.tensors.layout
    layers = LayerSequence(layers: builder.layers)
  }
}

/// Appends layers and their tensors.
private struct PlanBuilder {
  var tensors: LayoutBuilder
  private(set) var layers: [any Layer] = []
  private var dropoutLayers = 0

  init(tail: Int) { tensors = LayoutBuilder(tail: tail) }

  mutating func build(_ body: ModelArchitecture.Body) {
    switch body {
    case .perceptron(let network):
      buildDense(network.units, activation: network.activation, dropout: network.dropout)
    case .logistic(let inputs, let outputs), .linear(let inputs, let outputs):
      buildDense([inputs, outputs], activation: .none, dropout: 0)
    case .convolutional(let network): build(network)
    case .transformer(let network): build(network)
    }
  }

  // MARK: Fully connected

  /// Hidden layers with their activation, then the outputs.
  private mutating func buildDense(
    _ units: [Int], activation: ActivationFunction, dropout: Float
  ) {
    for index in 0..<units.count - 1 {
      let name = "layers.\(index)"
      let isLast = index == units.count - 2
      let dense = dense(
        name, units[index], units[index + 1], hasReLU: !isLast && activation == .relu)
      layers.append(dense)
      guard !isLast else { break }
      layers += after(name, activation, dropout: dropout)
    }
  }

  /// A fully connected layer with weights uniform in ±√(6 / inputs), the variance 2 / inputs of
  /// He et al. 2015 (arXiv:1502.01852) for ReLU.
  private mutating func dense(
    _ name: String, _ inputs: Int, _ outputs: Int, hasReLU: Bool = false, scale: Float? = nil
  ) -> Dense {
    let scale = scale ?? (6 / Float(inputs)).squareRoot()
    return Dense(
      name: name,
      weights: tensors.add("\(name).kernel", [inputs, outputs], .uniform(scale: scale)),
      bias: tensors.add("\(name).bias", [outputs], .zero), hasReLU: hasReLU)
  }

  /// What follows a layer that may have ReLU in itself.
  private mutating func after(
    _ name: String, _ activation: ActivationFunction, dropout: Float
  ) -> [any Layer] {
    var added: [any Layer] = []
    if activation != .relu, let kernel = activation.kernel {
      added.append(Activation(name: name, function: kernel))
    }
    return added + self.dropout(name, dropout)
  }

  private mutating func dropout(_ name: String, _ probability: Float) -> [any Layer] {
    guard probability > 0 else { return [] }
    dropoutLayers += 1
    return [Dropout(name: name, number: dropoutLayers - 1, probability: probability)]
  }

  // MARK: Convolutional

  private mutating func build(_ network: ConvolutionalNetwork) {
    var image = network.image
    for (index, block) in network.blocks.enumerated() {
      image = build(block, "blocks.\(index)", on: image)
    }
    buildDense(
      [image.count] + network.hidden + [network.outputs], activation: network.activation,
      dropout: network.dropout)
  }

  private mutating func build(
    _ block: ConvolutionBlock, _ name: String, on image: ImageSize
  ) -> ImageSize {
    let inputs = block.kernel * block.kernel * image.channels
    let result = block.convolved(image)
    let hasNorm = block.hasBatchNormalization
    layers.append(
      Convolution(
        name: name, image: image, stride: block.stride, padding: block.padding,
        weights: tensors.add(
          "\(name).kernel", [block.kernel, block.kernel, image.channels, block.channels],
          .uniform(scale: (6 / Float(inputs)).squareRoot())),
        bias: hasNorm ? nil : tensors.add("\(name).bias", [block.channels], .zero),
        hasReLU: !hasNorm && block.activation == .relu, result: result))
    if hasNorm { layers.append(batchNormalization("\(name).norm", channels: block.channels)) }
    if let kernel = block.activation.kernel, hasNorm || block.activation != .relu {
      layers.append(Activation(name: name, function: kernel))
    }
    guard let pooling = block.pooling else { return result }
    layers.append(PoolingLayer(name: name, pooling: pooling, image: result))
    return pooling.pooled(result)
  }

  private mutating func batchNormalization(_ name: String, channels: Int) -> BatchNormalization {
    BatchNormalization(
      name: name, gain: tensors.add("\(name).gain", [channels], .one),
      bias: tensors.add("\(name).bias", [channels], .zero),
      running: tensors.addRunning("\(name).running", [2, channels], .meansAndVariances))
  }

  // MARK: Transformer

  /// Standard deviation of the first embeddings, as in GPT-2.
  private static let embeddingDeviation: Float = 0.02

  private mutating func build(_ network: TransformerNetwork) {
    let scale = Self.embeddingDeviation * Float(3).squareRoot()
    let table = tensors.add(
      "embedding.table", [network.vocabulary, network.width], .uniform(scale: scale))
    layers.append(Embedding(name: "embedding", table: table))
    let positions = tensors.add(
      "positions.table", [network.context, network.width], .uniform(scale: scale))
    layers.append(PositionEmbedding(name: "positions", table: positions))
    layers += dropout("embedding", network.dropout)
    for index in 0..<network.layers { build(network, block: "blocks.\(index)") }
    layers.append(normalization("norm", network))
    layers.append(
      dense("head", network.width, network.vocabulary, scale: lecun(network.width)))
  }

  /// Uniform with the variance 1 / inputs (LeCun et al. 1998, "Efficient BackProp", §4.6).
  private func lecun(_ inputs: Int) -> Float { (3 / Float(inputs)).squareRoot() }

  private mutating func build(_ network: TransformerNetwork, block name: String) {
    // Each block adds two results to the stream; smaller ones keep its variance (GPT-2 §2.3).
    let shrink = 1 / Float(2 * network.layers).squareRoot()
    let (width, wide) = (network.width, network.feedForward)
    let first = "\(name).attention"
    layers.append(
      PreNormalizedResidual(
        name: first, norm: normalization("\(first).norm", network),
        body: LayerSequence(
          layers: [
            dense("\(first).qkv", width, 3 * width, scale: lecun(width)),
            Attention(
              name: first, context: network.context, heads: network.heads,
              size: width / network.heads),
            dense("\(first).out", width, width, scale: lecun(width) * shrink),
          ] + dropout(first, network.dropout))))
    let second = "\(name).feed_forward"
    layers.append(
      PreNormalizedResidual(
        name: second, norm: normalization("\(second).norm", network),
        body: LayerSequence(
          layers: [
            dense(
              "\(second).up", width, wide, hasReLU: network.activation == .relu,
              scale: lecun(width)) as any Layer
          ] + after(second, network.activation, dropout: 0) + [
            dense("\(second).down", wide, width, scale: lecun(wide) * shrink)
          ] + dropout(second, network.dropout))))
  }

  private mutating func normalization(
    _ name: String, _ network: TransformerNetwork
  ) -> RowNormalization {
    RowNormalization(
      name: name, gain: tensors.add("\(name).gain", [network.width], .one),
      bias: network.normalization == .layer
        ? tensors.add("\(name).bias", [network.width], .zero) : nil)
  }
}
