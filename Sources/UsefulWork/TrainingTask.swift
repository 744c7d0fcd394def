public import Cryptography
public import NeuralNetworks
public import Primitives

/// Everything that fixes the bits of one client's work in one round.
///
/// The digest of the canonical bytes is the task's name; whoever holds the data set and the base
/// model can recompute the result.
public struct TrainingTask: Hashable, Sendable {
  /// The version of the arithmetic, "mk1".
  public let kernelSpecification: String
  /// What is trained.
  public let architecture: ModelArchitecture
  /// Learning rate, batch, epochs, optimizer, schedule.
  public let settings: TrainingSettings
  /// The session this round belongs to.
  public let session: Digest
  /// Seed of the session's batch order.
  public let seed: UInt64
  /// The round, from 0.
  public let round: Int
  /// The logical client, from 0; which host computes it does not enter.
  public let client: Int
  /// `ParameterBuffer.digest` of the model the round starts from.
  public let base: Digest
  /// `Dataset.digest` of the client's shard.
  public let dataset: Digest
  /// Rows of that shard.
  public let examples: Int
  /// Steps of one segment; the last may be shorter.
  public let segmentSteps: Int

  /// Bounds of a task that somebody else may send.
  public enum Limits {
    /// With `TrainingSettings.Limits.epochsMax` the epoch number stays below 2³².
    public static let roundsMax = 1 << 20
    /// One segment is one unit of replay; more steps than this cannot be checked in time.
    public static let segmentStepsMax = 10_000
    /// Segment roots of one record: 2 MiB of digests, below the message limit.
    public static let segmentsMax = 1 << 16
    /// Numbers that one batch needs in all layers, 256 MiB: no task may exhaust a worker.
    public static let activationsMax = 1 << 26
    /// The usual segment length: a validator replays it in a fraction of a second.
    public static let segmentStepsDefault = 10
  }

  /// Checks and collects the parts.
  public init(
    architecture: ModelArchitecture, settings: TrainingSettings, session: Digest, seed: UInt64,
    round: Int, client: Int, base: Digest, dataset: Digest, examples: Int,
    segmentSteps: Int = Limits.segmentStepsDefault
  ) throws(WorkError) {
    guard (0..<Limits.roundsMax).contains(round) else { throw .round(round) }
    guard (0..<PhiloxStream.clientsMax).contains(client) else { throw .client(client) }
    guard (1...Dataset.Limits.valuesMax).contains(examples) else { throw .examples(examples) }
    guard (1...Limits.segmentStepsMax).contains(segmentSteps) else {
      throw .segmentSteps(segmentSteps)
    }
    kernelSpecification = Kernels.specification
    self.architecture = architecture
    self.settings = settings
    self.session = session
    self.seed = seed
    self.round = round
    self.client = client
    self.base = base
    self.dataset = dataset
    self.examples = examples
    self.segmentSteps = segmentSteps
    guard segments <= Limits.segmentsMax else { throw .segments(segments) }
    let activations = min(settings.batchSize, examples) * architecture.activationCount
    guard activations <= Limits.activationsMax else { throw .activations(activations) }
  }

  /// The name of the task.
  public var digest: Digest { SHA256.hash(encoded()) }
  /// Steps, epochs and batches.
  public var schedule: TrainingSchedule { TrainingSchedule(settings: settings, examples: examples) }
  /// The number of segments.
  public var segments: Int { (schedule.steps + segmentSteps - 1) / segmentSteps }

  /// The steps of one segment.
  public func steps(of segment: Int) -> Range<Int> {
    let start = segment * segmentSteps
    return start..<min(start + segmentSteps, schedule.steps)
  }

  /// Philox(session seed, epoch since the session's start, logical client).
  public var order: BatchOrder {
    .shuffled(
      seed: seed, firstEpoch: UInt32(round) * UInt32(settings.epochs), client: UInt32(client))
  }

  /// The root of a state of this task.
  public func root(of state: TrainingState) -> Digest { schedule.root(of: state, order: order) }

  /// Checks that inputs are the named ones and fit the model.
  public func checkInputs(dataset: Dataset, base: ParameterBuffer) throws(WorkError) {
    guard dataset.digest == self.dataset else { throw .otherDataset }
    guard dataset.rows == examples, (try? dataset.checkFits(architecture)) != nil else {
      throw .datasetShape
    }
    guard base.values.count == architecture.parameterCount, base.digest == self.base else {
      throw .otherBase
    }
  }
}

/// Why work could not be defined or done.
public enum WorkError: Error, Equatable, Sendable {
  case round(Int)
  case client(Int)
  case examples(Int)
  case segmentSteps(Int)
  case segments(Int)
  case activations(Int)
  case otherDataset
  case datasetShape
  case otherBase
  case training(TrainingFailure)
}

extension WorkError: CustomStringConvertible {
  /// One lower-case sentence.
  public var description: String {
    typealias Limits = TrainingTask.Limits
    return switch self {
    case .round(let round): "round \(round) is not in 0..<\(Limits.roundsMax)"
    case .client(let client): "client \(client) is not in 0..<\(PhiloxStream.clientsMax)"
    case .examples(let count): "\(count) examples are not in 1…\(Dataset.Limits.valuesMax)"
    case .segmentSteps(let steps): "\(steps) steps are not in 1…\(Limits.segmentStepsMax)"
    case .segments(let count): "\(count) segments, the limit is \(Limits.segmentsMax)"
    case .activations(let count):
      "one batch needs \(count) numbers in all layers, the limit is \(Limits.activationsMax)"
    case .otherDataset: "the data set is not the one the task names"
    case .datasetShape: "the data set does not fit the model's shape"
    case .otherBase: "the base model is not the one the task names"
    case .training(let failure): failure.description
    }
  }
}

extension TrainingTask: CanonicalCodable {
  /// A map of all fields.
  public var canonicalValue: CanonicalValue {
    .map([
      "kernels": .text(kernelSpecification), "architecture": architecture.canonicalValue,
      "settings": settings.canonicalValue, "session": session.canonicalValue,
      "seed": .unsigned(seed), "round": .unsigned(UInt64(round)),
      "client": .unsigned(UInt64(client)), "base": base.canonicalValue,
      "dataset": dataset.canonicalValue, "examples": .unsigned(UInt64(examples)),
      "segment": .unsigned(UInt64(segmentSteps)),
    ])
  }

  /// Reads and checks a task; another kernel specification is refused.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    let kernels = try fields.text("kernels")
    guard kernels == Kernels.specification else {
      throw .malformed(what: "training task", reason: "unknown kernel specification")
    }
    let architecture = try fields.nested("architecture", as: ModelArchitecture.self)
    let settings = try fields.nested("settings", as: TrainingSettings.self)
    let session = try fields.nested("session", as: Digest.self)
    let seed = try fields.unsigned("seed")
    let round = try fields.count("round", max: Limits.roundsMax)
    let client = try fields.count("client", max: PhiloxStream.clientsMax)
    let base = try fields.nested("base", as: Digest.self)
    let dataset = try fields.nested("dataset", as: Digest.self)
    let examples = try fields.count("examples", max: Dataset.Limits.valuesMax)
    let segmentSteps = try fields.count("segment", max: Limits.segmentStepsMax)
    try fields.finish()
    do {
      try self.init(
        architecture: architecture, settings: settings, session: session, seed: seed,
        round: round, client: client, base: base, dataset: dataset, examples: examples,
        segmentSteps: segmentSteps)
    } catch {
      throw .malformed(what: "training task", reason: error.description)
    }
  }
}
