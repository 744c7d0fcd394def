internal import ContentStore
internal import FederatedLearning
internal import Ledger
internal import NeuralNetworks
internal import Primitives
internal import UsefulWork

/// Why an order for a session was refused; `path` is the key's place in the document.
package enum SessionOrderError: Error, Equatable {
  case unknownKey(path: String)
  case missing(path: String)
  case invalid(path: String, reason: String)
}

/// What a client asks for: the fields of the Parity client, strictly read.
struct SessionOrder: Sendable {
  var name = "session"
  var dataset: CID
  var model: ModelConfiguration
  var settings: TrainingSettings
  var totalRounds: Int
  var minParticipants: Int
  var clients: Int
  var seed: UInt64
  var auditPartsPerMillion: UInt32
  var segmentSteps: Int

  /// Longest name in bytes: one line of a table.
  private static let nameBytesMax = 200
  private static let learningRateDefault = 0.1
  /// Parameters and optimizer state: 1 GiB, the limit of a model and of an upload.
  private static let stateNumbersMax = ModelArchitecture.Limits.parametersMax
  private static let batchSizeDefault: Int64 = 16
  private static let localEpochsDefault: Int64 = 5
  private static let totalRoundsDefault: Int64 = 10
  private static let clientsDefault: Int64 = 4
  private static let modelTypes = ["neural_network", "mlp", "cnn", "CNN", "logistic"]
  private static let knownKeys: Set<String> = [
    "name", "description", "model_type", "dataset_cid", "total_rounds", "min_participants",
    "aggregation_method", "learning_rate", "batch_size", "local_epochs", "clients", "seed",
    "audit_rate", "segment_steps", "model_config", "creator_address",
  ]

  init(_ document: JSONValue) throws {
    guard let members = document.members else {
      throw SessionOrderError.invalid(path: "", reason: "expected an object")
    }
    for member in members where !Self.knownKeys.contains(member.name) {
      throw SessionOrderError.unknownKey(path: member.name)
    }
    dataset = try Self.dataset(document)
    guard let config = document["model_config"] else {
      throw SessionOrderError.missing(path: "model_config")
    }
    // "neural_network" is the word of other programs for any family; the file says which.
    let family = document["model_type"]?.text.flatMap {
      $0 != "neural_network" && Self.modelTypes.contains($0) ? $0 : nil
    }
    model = try ModelConfiguration(config, family: family)
    settings = try Self.settings(document, model: model)
    totalRounds = try Self.integer(
      document, "total_rounds", in: 1...Int64(LedgerLimits.roundsMax),
      default: Self.totalRoundsDefault)
    clients = try Self.integer(
      document, "clients", in: 1...Int64(LedgerLimits.clientsMax), default: Self.clientsDefault)
    minParticipants = try Self.integer(
      document, "min_participants", in: 1...Int64(LedgerLimits.clientsMax), default: 1)
    seed = UInt64(try Self.integer(document, "seed", in: 0...Int64.max, default: 0))
    segmentSteps = try Self.integer(
      document, "segment_steps", in: 1...Int64(TrainingTask.Limits.segmentStepsMax),
      default: Int64(TrainingTask.Limits.segmentStepsDefault))
    auditPartsPerMillion = try Self.audit(document)
    try readWords(document)
    try checkSize()
  }

  /// What the ledger can hold and nodes can serve.
  private func checkSize() throws {
    let clientRounds = clients.multipliedReportingOverflow(by: totalRounds)
    guard !clientRounds.overflow, clientRounds.partialValue <= LedgerLimits.clientRoundsMax else {
      throw SessionOrderError.invalid(
        path: "total_rounds",
        reason: "clients times rounds are more than \(LedgerLimits.clientRoundsMax)")
    }
    let numbers = model.architecture.parameterCount * (1 + settings.optimizer.slots)
    guard numbers <= Self.stateNumbersMax else {
      throw SessionOrderError.invalid(
        path: "model_config.hidden_size",
        reason: "the training state has \(numbers) numbers, at most \(Self.stateNumbersMax)"
          + " can be served")
    }
  }

  private mutating func readWords(_ document: JSONValue) throws {
    if let value = document["name"] {
      guard let text = value.text, (1...Self.nameBytesMax).contains(text.utf8.count) else {
        throw SessionOrderError.invalid(
          path: "name", reason: "expected text of 1 to \(Self.nameBytesMax) bytes")
      }
      name = text
    }
    try Self.require(document, "model_type", oneOf: Self.modelTypes)
    try Self.require(document, "aggregation_method", oneOf: ["fedavg"])
  }

  private static func dataset(_ document: JSONValue) throws -> CID {
    guard let value = document["dataset_cid"] else {
      throw SessionOrderError.missing(path: "dataset_cid")
    }
    guard let text = value.text, let cid = try? CID(parsing: text) else {
      throw SessionOrderError.invalid(path: "dataset_cid", reason: "not a CID")
    }
    return cid
  }

  private static func settings(
    _ document: JSONValue, model: ModelConfiguration
  ) throws -> TrainingSettings {
    // An order comes before the model's file, the file before the usual values.
    let usual = model.learningRate.map { Double($0) } ?? learningRateDefault
    guard let learningRate = (document["learning_rate"] ?? .number(usual)).double else {
      throw SessionOrderError.invalid(path: "learning_rate", reason: "expected a number")
    }
    let batch = try integer(
      document, "batch_size", in: 1...Int64(TrainingSettings.Limits.batchSizeMax),
      default: model.batchSize.map { Int64($0) } ?? batchSizeDefault)
    let epochs = try integer(
      document, "local_epochs", in: 1...Int64(TrainingSettings.Limits.epochsMax),
      default: model.epochs.map { Int64($0) } ?? localEpochsDefault)
    do {
      return try TrainingSettings(
        learningRate: Float(learningRate), batchSize: batch, epochs: epochs,
        optimizer: model.optimizer, schedule: model.schedule,
        gradientNormMax: model.gradientNormMax)
    } catch {
      throw SessionOrderError.invalid(path: "learning_rate", reason: "\(error)")
    }
  }

  private static func audit(_ document: JSONValue) throws -> UInt32 {
    let rate = document["audit_rate"] ?? .number(1)
    guard let fraction = rate.double, let parts = SamplePlan.partsPerMillion(fraction) else {
      throw SessionOrderError.invalid(path: "audit_rate", reason: "expected 0 to 1")
    }
    return parts
  }

  private static func integer(
    _ document: JSONValue, _ name: String, in range: ClosedRange<Int64>, default: Int64
  ) throws -> Int {
    guard let value = document[name] else { return Int(`default`) }
    guard let number = value.integer, range.contains(number) else {
      throw SessionOrderError.invalid(
        path: name,
        reason: "expected a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return Int(number)
  }

  private static func require(
    _ document: JSONValue, _ name: String, oneOf words: [String]
  ) throws {
    guard let value = document[name] else { return }
    guard let text = value.text, words.contains(text) else {
      throw SessionOrderError.invalid(
        path: name, reason: "expected \(words.joined(separator: " or "))")
    }
  }
}
