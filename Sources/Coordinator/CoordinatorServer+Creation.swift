internal import Consensus
internal import ContentStore
package import Cryptography
internal import FederatedLearning
internal import Ledger
internal import Networking
internal import NeuralNetworks
internal import Orchestration
internal import Persistence
package import Primitives

extension CoordinatorServer {
  /// What a logical client's round costs: 1 token for the work, 0.1 for its check.
  private static let workPrice = Amount.tokens(1)
  private static let checkPriceDivisor: UInt128 = 10
  /// Blocks after which anybody may refund the rest of an escrow: a month of blocks a second.
  private static let deadlineBlocks: BlockHeight = 2_592_000
  /// Every fifth row is a test row, as the field's small data sets are split.
  private static let testPeriod = 5

  /// Prepares shards and the initial model, puts the price in escrow, and returns the session's
  /// id. The session waits for `startSession`.
  package func createSession(
    _ document: JSONValue, orderKey: OrderKey? = nil
  ) async throws -> Digest {
    let order = try SessionOrder(document)
    let specification = try await specification(for: order)
    let bytes = specification.encoded()
    let reference = ContentReference(
      cid: try await content.add(bytes), digest: specification.digest)
    guard sessions[reference.digest] == nil else { throw CoordinatorError.sessionExists }
    guard let transaction = sign(.submitJob(try terms(of: specification)), with: client) else {
      throw CoordinatorError.unpayable
    }
    do {
      try chain.state.validate(transaction)
    } catch  where error.mayPassLater {
      // Earlier orders of the same client are still under way.
    } catch {
      throw error
    }
    let job = JobID(submitter: client.publicKey, session: reference.digest)
    let session = HostedSession(
      SessionCreation(
        specification: specification, reference: reference, job: job.digest,
        order: transaction.encoded(), createdAtMilliseconds: specification.createdAtMilliseconds,
        orderKey: orderKey))
    // The nonce is taken before anything else can be signed with it, the order is sent once it is
    // durable.
    guard pending.add(transaction, isHeld: true) else { throw CoordinatorError.busy }
    sessions[session.id] = session
    sessionOrder.append(session.id)
    try await storeDurably(.created(session.creation))
    forward(transaction)
    return session.id
  }

  /// Lets a session run as soon as its escrow is on the ledger. Asking twice is no error.
  package func startSession(_ id: Digest) async throws {
    guard let session = sessions[id] else { throw CoordinatorError.unknownSession }
    if let refusal = session.refusal { throw CoordinatorError.refused(refusal) }
    guard !session.isStartRequested else { return }
    sessions[id]?.isStartRequested = true
    try await storeDurably(.startRequested(session: id))
    startIfEscrowed(id)
  }

  /// Ends a session before its time; what was done is paid, the rest goes back.
  package func cancelSession(_ id: Digest) async throws {
    guard let session = sessions[id] else { throw CoordinatorError.unknownSession }
    guard !session.machine.isOver else { throw CoordinatorError.isOver }
    try await applyDurably(.cancelled, to: id, with: [])
    closeJob(of: id)
  }

  private func terms(of specification: SessionSpecification) throws -> JobSubmission {
    // A round takes a link for its commitments, and one more for each time that somebody fails.
    guard chain.state.beaconLinksLeft >= UInt64(specification.totalRounds) else {
      throw CoordinatorError.beaconTooShort(left: chain.state.beaconLinksLeft)
    }
    let evaluator = evaluators.first?.peer.publicKey
    let checkPrice = try Self.workPrice.multiplied(by: 1, dividedBy: Self.checkPriceDivisor)
    return JobSubmission(
      session: specification.digest, specification: specification.digest,
      coordinator: identity.publicKey, rounds: UInt32(specification.totalRounds),
      clients: UInt32(specification.shards.count), workPrice: Self.workPrice,
      checkPrice: checkPrice, evaluator: evaluator,
      evaluationPrice: evaluator == nil ? .zero : checkPrice,
      auditPartsPerMillion: specification.auditPartsPerMillion,
      deadline: chain.state.chain.height + Self.deadlineBlocks)
  }

  // MARK: Materials

  private func specification(for order: SessionOrder) async throws -> SessionSpecification {
    let file = try await content.read(order.dataset, max: Limits.contentBytesMax)
    let prepared = try await compute.run { try PreparedData(file: file, order: order) }
    var shards: [ContentReference] = []
    for shard in prepared.shards { shards.append(try await store(shard)) }
    let initial = try await compute.run {
      ParameterBuffer(randomFor: order.model.architecture, seed: order.seed)
    }
    return SessionSpecification(
      name: order.name, createdAtMilliseconds: WallClock.milliseconds(),
      architecture: order.model.architecture, settings: order.settings, seed: order.seed,
      totalRounds: order.totalRounds, minParticipants: order.minParticipants,
      auditPartsPerMillion: order.auditPartsPerMillion, segmentSteps: order.segmentSteps,
      shards: shards, testSet: try await store(prepared.test),
      initialModel: ContentReference(
        cid: try await content.add(initial.bytes), digest: initial.digest))
  }

  private func store(_ dataset: Dataset) async throws -> ContentReference {
    ContentReference(
      cid: try await content.add(dataset.encoded()), digest: dataset.digest,
      rows: dataset.rows)
  }

  private struct PreparedData: Sendable {
    let shards: [Dataset]
    let test: Dataset

    init(file: Bytes, order: SessionOrder) throws {
      let csv =
        Gzip.isCompressed(file)
        ? try Gzip.decompress(file, byteCountMax: Limits.contentBytesMax) : file
      let architecture = order.model.architecture
      guard architecture.output == .classes, !architecture.readsTokens else {
        throw SessionOrderError.invalid(
          path: "model_config.loss", reason: "sessions train classifiers of numbers")
      }
      let raw = try Dataset(csv: csv, layout: CSVLayout(classes: architecture.outputs))
      guard raw.inputs == architecture.inputs else {
        throw SessionOrderError.invalid(
          path: "model_config.architecture.input_dim",
          reason: "\(architecture.inputs), but the data has \(raw.inputs) features")
      }
      // Features are brought to at most 1 by the largest one, as grey levels are.
      let largest = raw.features.reduce(Float(0)) { max($0, abs($1)) }
      let data =
        largest > 1
        ? try Dataset(
          csv: csv, layout: CSVLayout(featureScale: largest, classes: architecture.outputs)) : raw
      let parts = try data.split(testEvery: testPeriod)
      shards = try parts.train.partitioned(clients: order.clients)
      test = parts.test
    }
  }

  // MARK: Results

  /// The session's newest model as a safetensors file.
  package func modelFile(_ id: Digest) async throws -> Bytes {
    guard let session = sessions[id] else { throw CoordinatorError.unknownSession }
    let model = try await parameters(session.machine.model, of: session)
    let architecture = session.specification.architecture
    return try await compute.run { model.safetensors(for: architecture) }
  }

  func parameters(_ digest: Digest, of session: HostedSession) async throws -> ParameterBuffer {
    guard let cid = session.models[digest] else { throw CoordinatorError.unknownModel }
    let bytes = try await content.read(cid, max: Limits.contentBytesMax)
    return try ParameterBuffer(decoding: bytes, for: session.specification.architecture)
  }

  /// Recomputes every aggregate of a session from the committed updates.
  package func verifySession(_ id: Digest) async throws -> JSONValue {
    guard let session = sessions[id] else { throw CoordinatorError.unknownSession }
    var mismatches: [JSONValue] = []
    var updatesChecked = 0
    for round in session.machine.history {
      var terms: [StoredTerm] = []
      for case .accepted(let update) in round.clients {
        guard let stored = session.submissions[update.assignment] else { continue }
        let bytes = try await content.read(stored.parameters, max: Limits.contentBytesMax)
        let parameters = try ParameterBuffer(
          decoding: bytes, for: session.specification.architecture)
        guard parameters.digest == update.parameters else {
          mismatches.append(JSONValue(round.number))
          continue
        }
        let client = update.assignment.client
        terms.append(
          StoredTerm(
            client: client, examples: session.specification.shards[client].rows,
            parameters: stored.parameters))
        updatesChecked += 1
      }
      let mean = try await mean(of: terms, for: session.specification.architecture)
      if mean.digest != round.aggregate { mismatches.append(JSONValue(round.number)) }
    }
    return [
      "session_id": .string(id.hex), "rounds": JSONValue(session.machine.history.count),
      "updates": JSONValue(updatesChecked), "mismatches": .array(mismatches),
      "model_hash": .string(session.machine.model.hex),
    ]
  }
}

extension CoordinatorServer {
  /// Stores bytes as a file of the default profile and returns its CID as text.
  package func addContent(_ bytes: Bytes) async throws -> String {
    "\(try await content.add(bytes))"
  }
}
