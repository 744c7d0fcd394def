import NeuralNetworks

/// The models of the comparison, as `torch_steps.py` and `jax_steps.py` build them.
enum BenchModel: String, CaseIterable {
  case mlp
  case mlpAdam = "mlp-adam"
  case cnn
  case transformer

  /// MLP 784-128-10; CNN with 16 and 32 channels over 28×28; transformer of 4 layers, width 128.
  func architecture() throws -> ModelArchitecture {
    switch self {
    case .mlp, .mlpAdam:
      return try ModelArchitecture(units: [784, 128, 10])
    case .cnn:
      let blocks = [16, 32].map { ConvolutionBlock(channels: $0, pooling: .init(.max)) }
      return try ModelArchitecture(
        body: .convolutional(
          ConvolutionalNetwork(
            image: ImageSize(height: 28, width: 28, channels: 1), blocks: blocks, outputs: 10)),
        output: .classes)
    case .transformer:
      return try ModelArchitecture(
        body: .transformer(
          TransformerNetwork(vocabulary: 96, context: 64, layers: 4, width: 128, heads: 4)),
        output: .classes)
    }
  }

  var batchSize: Int { self == .transformer ? 8 : 32 }

  func settings() throws -> TrainingSettings {
    let isPlain = self == .mlp || self == .cnn
    return try TrainingSettings(
      learningRate: isPlain ? 0.1 : 0.001, batchSize: batchSize,
      epochs: TrainingSettings.Limits.epochsMax,
      optimizer: isPlain ? .sgd : Optimizer(.adam(.init())))
  }

  /// Eight batches of random examples.
  func source() throws -> any DatasetSource {
    let architecture = try architecture()
    let rows = batchSize * 8
    let stream = PhiloxStream(seed: 1, domain: .syntheticData, index: 0)
    if self == .transformer {
      let tokens = stream.words(rows * 64 + 1).map { Int32($0 % 96) }
      return try TokenWindows(tokens, vocabulary: 96, length: 64)
    }
    return try Dataset(
      features: stream.uniform(rows * architecture.inputs, scale: 1),
      labels: stream.words(rows).map { Int32($0 % 10) }, inputs: architecture.inputs, classes: 10)
  }

  /// A run from its start or from a state.
  func run(from state: TrainingState? = nil) throws -> TrainingRun {
    let architecture = try architecture()
    let settings = try settings()
    let start = TrainingState(
      base: ParameterBuffer(randomFor: architecture, seed: 1), architecture: architecture,
      settings: settings)
    return TrainingRun(
      architecture: architecture, state: state ?? start, source: try source(), settings: settings,
      order: .shuffled(seed: 1, firstEpoch: 0, client: 0))
  }

  /// Steps of one measurement: about 50 ms each.
  var steps: Int {
    switch self {
    case .mlp, .mlpAdam: 200
    case .cnn: 8
    case .transformer: 2
    }
  }

  /// What is measured beside ours, and how many times faster ours has to be; LibTorch has the MLP
  /// only.
  var rivals: [(command: [String], bar: Double?)] {
    let scripts = "Benchmarks/training"
    let bars: (torch: Double?, jax: Double?, library: Double?) =
      switch self {
      case .mlp: (3, 1.1, 2)
      case .mlpAdam: (nil, nil, nil)
      case .cnn, .transformer: (1.5, 1, nil)
      }
    var rivals: [(command: [String], bar: Double?)] = [
      (["/usr/bin/python3", "\(scripts)/torch_steps.py", rawValue], bars.torch),
      ([".peers/jax/bin/python", "\(scripts)/jax_steps.py", rawValue], bars.jax),
    ]
    if self == .mlp || self == .mlpAdam {
      rivals.append(([".build/rivals/libtorch_steps", rawValue], bars.library))
    }
    return rivals
  }

  /// Steps of one segment, and the most that its root and its replay may cost beside training.
  var segment: (steps: Int, rootMax: Double?, replayMax: Double) {
    switch self {
    case .mlp: (50, 1.05, 1.15)
    case .mlpAdam: (50, nil, 1.15)
    case .cnn, .transformer: (10, 1.05, 1.15)
    }
  }
}
