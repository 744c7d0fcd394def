import Primitives
import Testing

@testable import NeuralNetworks

@Suite struct ModelConfigurationTests {
  private static let full = """
    {"hidden_size": 128, "architecture": {"input_dim": 784, "output_dim": 10,
    "activation": "relu", "output_activation": "softmax"},
    "optimizer": {"type": "sgd", "momentum": 0.9, "weight_decay": 0.0001},
    "loss": "cross_entropy", "metrics": ["accuracy"]}
    """

  private func read(_ text: String) throws -> ModelConfiguration {
    try ModelConfiguration(json: Bytes(text.utf8))
  }

  @Test("the documented file is read")
  func documented() throws {
    let model = try read(Self.full)
    #expect(try model.architecture == ModelArchitecture(units: [784, 128, 10]))
    #expect(model.architecture.parameterCount == 784 * 128 + 128 + 1_280 + 10)
    #expect(try model.optimizer == Optimizer(momentum: 0.9, weightDecay: 0.0001))
    #expect(try ModelConfiguration(model.json) == model)
    #expect(model.json["optimizer"]?["momentum"] == .number(0.9))
  }

  @Test("a list of hidden sizes makes a deeper network, an empty one none")
  func depths() throws {
    for (text, units) in [("[64, 32]", [784, 64, 32, 10]), ("[]", [784, 10])] {
      let model = try read(Self.full.replacing("128", with: text))
      #expect(try model.architecture == ModelArchitecture(units: units))
      #expect(try ModelConfiguration(model.json) == model)
    }
  }

  private static let faults: [(String, String, ModelConfigurationError)] = [
    ("\"loss\": \"cross_entropy\",", "", .missing(path: "loss")),
    ("\"input_dim\": 784,", "", .missing(path: "architecture.input_dim")),
    (
      "\"momentum\": 0.9", "\"momentun\": 0.9", .unknownKey(path: "optimizer.momentun")
    ),
    ("\"loss\"", "\"dropout\": 0.5, \"loss\"", .unknownKey(path: "dropout")),
    ("784", "\"784\"", .wrongType(path: "architecture.input_dim", expected: "an integer")),
    ("0.9", "true", .wrongType(path: "optimizer.momentum", expected: "a number")),
    (
      "\"sgd\"", "\"lamb\"",
      .unsupported(path: "optimizer.type", value: "lamb", supported: Optimizer.names)
    ),
    (
      "\"relu\"", "\"swish\"",
      .unsupported(
        path: "architecture.activation", value: "swish",
        supported: ["none", "relu", "tanh", "sigmoid", "gelu", "silu"])
    ),
    (
      "[\"accuracy\"]", "[\"bleu\"]",
      .unsupported(
        path: "metrics[0]", value: "bleu",
        supported: ModelConfiguration.MetricName.allCases.map(\.rawValue))
    ),
    ("128", "0", .architecture(.unitCount(0, layer: 1, limit: 65_536))),
    ("128", "-5", .architecture(.unitCount(-5, layer: 1, limit: 65_536))),
    (
      "784", "9000000000000000000",
      .architecture(.unitCount(9_000_000_000_000_000_000, layer: 0, limit: 65_536))
    ),
    ("128", "[65536, 65536]", .architecture(.parameterCount(4_347_133_962, limit: 268_435_456))),
    ("0.9", "1.0", .settings(.momentum(1))),
    ("0.0001", "-1", .settings(.weightDecay(-1))),
  ]

  @Test("a wrong key or value is refused by its path", arguments: 0..<15)
  func faults(index: Int) {
    let (from, to, error) = Self.faults[index]
    #expect(throws: error) { try read(Self.full.replacing(from, with: to)) }
  }

  @Test("a duplicate key and text that is not JSON are refused")
  func notJSON() {
    #expect(throws: ModelConfigurationError.self) { try read("{") }
    #expect(throws: ModelConfigurationError.self) { try read("[]") }
    #expect(throws: ModelConfigurationError.self) {
      try read(Self.full.replacing("\"loss\"", with: "\"hidden_size\": 5, \"loss\""))
    }
  }

  private static let examples = ["mlp", "cnn", "transformer", "logistic", "linear"]

  @Test("the shipped example of each family is read and survives writing", arguments: examples)
  func shipped(name: String) throws {
    let model = try ModelConfiguration(json: Example.model(name))
    #expect(model.architecture.familyName == name)
    #expect(try ModelConfiguration(model.json) == model)
    #expect(try ModelConfiguration(json: model.json.encoded()) == model)
  }

  @Test("the words of other programs mean what they say")
  func synonyms() throws {
    let text = String(decoding: try Example.model("cnn"), as: UTF8.self)
    let cnn = try read(text)
    #expect(try read(text.replacing("\"cnn\"", with: "\"CNN\"")) == cnn)
    let mlp = try read(Self.full)
    let other = Self.full.replacing(
      "{\"hidden_size\"",
      with: "{\"model_type\": \"neural_network\", \"max_epochs\": 7, "
        + "\"min_accuracy\": 0.9, \"hidden_size\"")
    let read = try read(other)
    #expect(read.architecture == mlp.architecture && read.epochs == 7)
    #expect(read.minimumAccuracy == 0.9)
    #expect(throws: ModelConfigurationError.duplicateKey(path: "max_epochs")) {
      try self.read(other.replacing("{\"model_type\"", with: "{\"epochs\": 7, \"model_type\""))
    }
  }

  @Test("a family that is asked for comes before that of the file")
  func family() throws {
    let bytes = try Example.model("logistic")
    let linear = Bytes(
      String(decoding: bytes, as: UTF8.self).replacing("\"bce\"", with: "\"mse\"")
        .replacing(", \"output_activation\": \"sigmoid\"", with: "").utf8)
    #expect(
      try ModelConfiguration(json: linear, family: "linear").architecture.familyName == "linear")
    #expect(throws: ModelConfigurationError.self) { try ModelConfiguration(json: linear) }
    #expect(
      throws: ModelConfigurationError.unsupported(
        path: "model_type", value: "forest", supported: ModelArchitecture.familyNames)
    ) { try ModelConfiguration(json: bytes, family: "forest") }
  }

  @Test("every optimizer has its constants", arguments: Optimizer.names)
  func optimizers(name: String) throws {
    let model = try read(
      Self.full.replacing("\"type\": \"sgd\", \"momentum\": 0.9", with: "\"type\": \"\(name)\""))
    #expect(model.optimizer.name == name)
    #expect(model.optimizer.weightDecay == 0.0001)
    #expect(try ModelConfiguration(model.json) == model)
    #expect(try Optimizer(decoding: model.optimizer.encoded()) == model.optimizer)
    #expect(throws: ModelConfigurationError.unknownKey(path: "optimizer.rho")) {
      try read(
        Self.full.replacing(
          "\"type\": \"sgd\", \"momentum\": 0.9", with: "\"type\": \"\(name)\", \"rho\": 1"))
    }
  }

  private static let nestedFaults: [(String, String, String, ModelConfigurationError)] = [
    (
      "cnn", "\"kernel\": 3, \"pool\"", "\"kernel\": \"3\", \"pool\"",
      .wrongType(path: "architecture.blocks[1].kernel", expected: "an integer")
    ),
    (
      "cnn", "\"max\"", "\"mean\"",
      .unsupported(
        path: "architecture.blocks[1].pool.type", value: "mean", supported: ["max", "average"])
    ),
    ("cnn", "\"width\": 8, ", "", .missing(path: "architecture.image.width")),
    (
      "transformer", "\"heads\": 4", "\"heads\": 5",
      .architecture(.headsDoNotDivide(width: 128, heads: 5))
    ),
    (
      "transformer", "\"model_type\"", "\"hidden_size\": 3, \"model_type\"",
      .unknownKey(path: "hidden_size")
    ),
    ("transformer", "\"floor\"", "\"flour\"", .unknownKey(path: "schedule.flour")),
    ("linear", "\"step_epochs\": 20, ", "", .missing(path: "schedule.step_epochs")),
    ("linear", "\"delta\"", "\"beta\"", .unknownKey(path: "loss.beta")),
    (
      "logistic", "\"sigmoid\"", "\"softmax\"",
      .unsupported(
        path: "architecture.output_activation", value: "softmax", supported: ["sigmoid"])
    ),
    (
      "logistic", "\"nesterov\"", "\"adamax\"",
      .unsupported(path: "optimizer.type", value: "adamax", supported: Optimizer.names)
    ),
    ("mlp", "0.95", "1.5", .settings(.fraction(name: "min_accuracy", 1.5))),
    ("mlp", "\"batch_size\": 32", "\"batch_size\": 0", .settings(.batchSize(0))),
    ("mlp", "\"hidden_size\": 128,", "", .missing(path: "hidden_size")),
    (
      "mlp", "\"mlp\"", "\"perceptron\"",
      .unsupported(
        path: "model_type", value: "perceptron", supported: ModelArchitecture.familyNames)
    ),
  ]

  @Test("a wrong key inside a family is refused by its path", arguments: 0..<14)
  func nestedFaults(index: Int) throws {
    let (name, from, to, error) = Self.nestedFaults[index]
    let text = String(decoding: try Example.model(name), as: UTF8.self)
    try #require(text.contains(from))
    #expect(throws: error) { try read(text.replacing(from, with: to)) }
  }

  @Test("no mutation of a configuration traps", arguments: UInt64(0)..<50)
  func mutations(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    for _ in 0..<200 {
      var bytes = Bytes(Self.full.utf8)
      for _ in 0..<Int.random(in: 1...5, using: &random) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(
          in: 32...126, using: &random)
      }
      fuzzModelConfiguration(bytes)
    }
  }

  @Test("settings outside their ranges are refused by name")
  func settings() {
    #expect(throws: TrainingSettingsError.learningRate(0)) {
      try TrainingSettings(learningRate: 0, batchSize: 1, epochs: 1)
    }
    #expect(throws: TrainingSettingsError.self) {
      try TrainingSettings(learningRate: .nan, batchSize: 1, epochs: 1)
    }
    #expect(throws: TrainingSettingsError.batchSize(0)) {
      try TrainingSettings(learningRate: 1, batchSize: 0, epochs: 1)
    }
    #expect(throws: TrainingSettingsError.epochs(1_001)) {
      try TrainingSettings(learningRate: 1, batchSize: 1, epochs: 1_001)
    }
  }

  @Test("settings survive their canonical bytes; NaN and a negative zero do not")
  func canonicalSettings() throws {
    let settings = try TrainingSettings(
      learningRate: 0.1, batchSize: 32, epochs: 5,
      optimizer: .init(momentum: 0.9, weightDecay: 0))
    #expect(try TrainingSettings(decoding: settings.encoded()) == settings)
    guard case .map(var fields) = settings.canonicalValue else { return }
    for wrong in [Float.nan.bitPattern, (-Float.zero).bitPattern, Float(2).bitPattern] {
      fields["momentum"] = .unsigned(UInt64(wrong))
      #expect(throws: DecodingFailure.self) {
        try TrainingSettings(canonicalValue: .map(fields))
      }
    }
  }
}
