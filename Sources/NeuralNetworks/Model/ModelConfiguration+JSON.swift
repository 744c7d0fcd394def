public import Primitives

extension ModelConfiguration {
  /// The document that reads back as this configuration.
  public var json: JSONValue {
    var members: [JSONValue.Member] = [.init("model_type", .string(architecture.familyName))]
    if let hidden = architecture.hiddenUnits {
      members.append(
        .init(
          "hidden_size",
          hidden.count == 1
            ? JSONValue(hidden[0]) : .array(hidden.map { JSONValue($0) })))
    }
    members.append(.init("architecture", .object(architecture.members)))
    members.append(.init("optimizer", .object(optimizer.members)))
    if let learningRate {
      members.append(.init("learning_rate", .number(shortest(learningRate))))
    }
    if schedule != .constant { members.append(.init("schedule", .object(schedule.members))) }
    if let batchSize { members.append(.init("batch_size", JSONValue(batchSize))) }
    if let epochs { members.append(.init("epochs", JSONValue(epochs))) }
    if let minimumAccuracy { members.append(.init("min_accuracy", .number(minimumAccuracy))) }
    if let gradientNormMax {
      members.append(.init("gradient_clip", .number(shortest(gradientNormMax))))
    }
    members.append(.init("loss", architecture.output.json))
    members.append(.init("metrics", .array(metrics.map { .string($0.rawValue) })))
    return .object(members)
  }
}

/// The Float64 whose shortest decimal form is that of the Float32: 0.9, not 0.8999999761581421.
private func shortest(_ number: Float) -> Double { Double(number.description) ?? Double(number) }

private func member(_ name: String, _ number: Float) -> JSONValue.Member {
  .init(name, .number(shortest(number)))
}

private func member(_ name: String, _ number: Int) -> JSONValue.Member {
  .init(name, JSONValue(number))
}

private func member(_ name: String, _ text: String) -> JSONValue.Member {
  .init(name, .string(text))
}

extension ModelOutput {
  fileprivate var json: JSONValue {
    guard case .values(.huber(let delta)) = self else { return .string(name) }
    return .object([member("type", name), member("delta", delta)])
  }
}

extension ModelArchitecture {
  /// Fully connected hidden layers; nil where the family has none.
  fileprivate var hiddenUnits: [Int]? {
    switch body {
    case .perceptron(let network): Array(network.units.dropFirst().dropLast())
    case .convolutional(let network): network.hidden
    case .transformer, .logistic, .linear: nil
    }
  }

  fileprivate var members: [JSONValue.Member] {
    let ends = [member("input_dim", inputs), member("output_dim", outputs)]
    let last = member("output_activation", output.activationName)
    switch body {
    case .logistic, .linear: return ends + [last]
    case .perceptron(let network):
      return ends + [
        member("activation", network.activation.rawValue), last,
        member("dropout", network.dropout),
      ]
    case .convolutional(let network): return network.members + [last]
    case .transformer(let network): return network.members + [last]
    }
  }
}

extension ConvolutionalNetwork {
  fileprivate var members: [JSONValue.Member] {
    [
      .init(
        "image",
        .object([
          member("height", image.height), member("width", image.width),
          member("channels", image.channels),
        ])),
      .init("blocks", .array(blocks.map { .object($0.members) })),
      member("output_dim", outputs), member("activation", activation.rawValue),
      member("dropout", dropout),
    ]
  }
}

extension ConvolutionBlock {
  fileprivate var members: [JSONValue.Member] {
    var members = [
      member("channels", channels), member("kernel", kernel), member("stride", stride),
      member("padding", padding), .init("batch_norm", .bool(hasBatchNormalization)),
      member("activation", activation.rawValue),
    ]
    if let pooling {
      let window = [member("type", pooling.kind.rawValue), member("size", pooling.size)]
      members.append(.init("pool", .object(window)))
    }
    return members
  }
}

extension TransformerNetwork {
  fileprivate var members: [JSONValue.Member] {
    [
      member("vocabulary", vocabulary), member("context", context), member("layers", layers),
      member("width", width), member("heads", heads), member("feed_forward", feedForward),
      member("activation", activation.rawValue),
      member("normalization", normalization.rawValue), member("dropout", dropout),
    ]
  }
}

extension Optimizer {
  fileprivate var members: [JSONValue.Member] {
    let decay = member("weight_decay", weightDecay)
    switch rule {
    case .sgd(let momentum, let nesterov):
      return [
        member("type", "sgd"), member("momentum", momentum), .init("nesterov", .bool(nesterov)),
        decay,
      ]
    case .adam(let moments), .adamW(let moments):
      return [
        member("type", name), .init("beta1", .number(moments.first)),
        .init("beta2", .number(moments.second)), member("epsilon", moments.epsilon), decay,
      ]
    case .rmsProp(let smoothing, let epsilon, let momentum):
      return [
        member("type", name), .init("alpha", .number(smoothing)), member("epsilon", epsilon),
        member("momentum", momentum), decay,
      ]
    case .adaGrad(let epsilon, let rateDecay):
      return [
        member("type", name), member("epsilon", epsilon), .init("lr_decay", .number(rateDecay)),
        decay,
      ]
    }
  }
}

extension LearningRateSchedule {
  fileprivate var members: [JSONValue.Member] {
    let warmup = member("warmup_steps", warmupSteps)
    switch decay {
    case .constant: return [member("type", "constant"), warmup]
    case .step(let epochs, let factor):
      return [
        member("type", "step"), member("step_epochs", epochs),
        .init("factor", .number(factor)), warmup,
      ]
    case .exponential(let factor):
      return [member("type", "exponential"), .init("factor", .number(factor)), warmup]
    case .cosine(let floor):
      return [member("type", "cosine"), .init("floor", .number(floor)), warmup]
    }
  }
}
