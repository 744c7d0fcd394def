public import ContentStore
public import Cryptography
public import FederatedLearning
public import NeuralNetworks
public import Primitives
public import UsefulWork

/// A data set or model in the content store: where it is, what it is.
public struct ContentReference: Hashable, Sendable {
  /// The UnixFS root.
  public let cid: CID
  /// `Dataset.digest` or `ParameterBuffer.digest` of the content.
  public let digest: Digest
  /// Rows of a data set, 0 for a model.
  public let rows: Int

  /// Collects the parts.
  public init(cid: CID, digest: Digest, rows: Int = 0) {
    self.cid = cid
    self.digest = digest
    self.rows = rows
  }
}

extension ContentReference: CanonicalCodable {
  /// A map of link, digest and rows.
  public var canonicalValue: CanonicalValue {
    .map([
      "cid": .link(cid.bytes), "digest": digest.canonicalValue, "rows": .unsigned(UInt64(rows)),
    ])
  }

  /// Reads the map back.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    guard case .link(let bytes) = try fields.value("cid"), let cid = try? CID(decoding: bytes)
    else { throw .malformed(what: "content reference", reason: "no CID") }
    self.cid = cid
    digest = try fields.nested("digest")
    rows = try fields.count("rows", max: Dataset.Limits.valuesMax)
    try fields.finish()
  }
}

/// Everything that fixes a session's model to the bit, with what its work is worth.
///
/// Its digest is on the ledger; every worker and validator reads the same bytes.
public struct SessionSpecification: Hashable, Sendable {
  /// A label for people.
  public var name: String
  /// When it was ordered; two orders of the same work are two sessions.
  public var createdAtMilliseconds: UInt64
  /// What is trained.
  public var architecture: ModelArchitecture
  /// Learning rate, batch, local epochs, optimizer.
  public var settings: TrainingSettings
  /// Seed of initialisation and batch order.
  public var seed: UInt64
  /// Rounds until the session is done.
  public var totalRounds: Int
  /// Workers that must be present at the start.
  public var minParticipants: Int
  /// Share of segments that are replayed, in parts per million.
  public var auditPartsPerMillion: UInt32
  /// Steps of one segment.
  public var segmentSteps: Int
  /// The shard of each logical client, [clients].
  public var shards: [ContentReference]
  /// The sealed test set.
  public var testSet: ContentReference
  /// The model of round 1.
  public var initialModel: ContentReference

  /// Collects the parts.
  public init(
    name: String, createdAtMilliseconds: UInt64, architecture: ModelArchitecture,
    settings: TrainingSettings, seed: UInt64, totalRounds: Int, minParticipants: Int,
    auditPartsPerMillion: UInt32, segmentSteps: Int,
    shards: [ContentReference], testSet: ContentReference, initialModel: ContentReference
  ) {
    self.name = name
    self.createdAtMilliseconds = createdAtMilliseconds
    self.architecture = architecture
    self.settings = settings
    self.seed = seed
    self.totalRounds = totalRounds
    self.minParticipants = minParticipants
    self.auditPartsPerMillion = auditPartsPerMillion
    self.segmentSteps = segmentSteps
    self.shards = shards
    self.testSet = testSet
    self.initialModel = initialModel
  }

  /// The name of the session on the ledger and in tasks.
  public var digest: Digest { SHA256.hash(encoded()) }

  /// The rules of the session's rounds.
  public var rules: SessionRules {
    SessionRules(
      clients: shards.count, totalRounds: totalRounds, minParticipants: minParticipants,
      examples: shards.map { UInt64($0.rows) })
  }

  /// The work of one logical client in one round (from 1).
  public func task(round: Int, client: Int, base: Digest) throws(WorkError) -> TrainingTask {
    guard shards.indices.contains(client) else { throw .client(client) }
    return try TrainingTask(
      architecture: architecture, settings: settings, session: digest, seed: seed,
      round: round - 1, client: client, base: base, dataset: shards[client].digest,
      examples: shards[client].rows,
      segmentSteps: segmentSteps)
  }
}

extension SessionSpecification: CanonicalCodable {
  /// A map of all fields.
  public var canonicalValue: CanonicalValue {
    .map([
      "version": .unsigned(1), "name": .text(name),
      "createdAt": .unsigned(createdAtMilliseconds),
      "architecture": architecture.canonicalValue,
      "settings": settings.canonicalValue, "seed": .unsigned(seed),
      "rounds": .unsigned(UInt64(totalRounds)),
      "minParticipants": .unsigned(UInt64(minParticipants)),
      "audit": .unsigned(UInt64(auditPartsPerMillion)),
      "segment": .unsigned(UInt64(segmentSteps)), "shards": .list(shards),
      "test": testSet.canonicalValue, "initial": initialModel.canonicalValue,
    ])
  }

  /// Reads and checks a specification.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    guard try fields.unsigned("version") == 1 else {
      throw .malformed(what: "session specification", reason: "unknown version")
    }
    name = try fields.text("name")
    createdAtMilliseconds = try fields.unsigned("createdAt")
    architecture = try fields.nested("architecture")
    settings = try fields.nested("settings")
    seed = try fields.unsigned("seed")
    totalRounds = try fields.count("rounds", max: SessionLimits.roundsMax)
    minParticipants = try fields.count("minParticipants", max: SessionLimits.clientsMax)
    auditPartsPerMillion = UInt32(try fields.count("audit", max: Int(SamplePlan.fullAudit)))
    segmentSteps = try fields.count("segment", max: TrainingTask.Limits.segmentStepsMax)
    shards = try fields.list("shards")
    testSet = try fields.nested("test")
    initialModel = try fields.nested("initial")
    try fields.finish()
    guard (1...SessionLimits.clientsMax).contains(shards.count), totalRounds > 0, segmentSteps > 0
    else { throw .malformed(what: "session specification", reason: "an empty session") }
  }
}
