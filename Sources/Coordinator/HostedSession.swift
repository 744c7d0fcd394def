internal import ContentStore
internal import Cryptography
internal import FederatedLearning
internal import Ledger
internal import Orchestration
internal import Primitives
internal import UsefulWork

/// A session that this coordinator runs: its machine and where its things are stored.
struct HostedSession: Sendable {
  let creation: SessionCreation
  var machine: SessionMachine
  /// Whether the client asked to start.
  var isStartRequested = false
  /// Why the ledger refused its escrow; such a session never runs.
  var refusal: String?
  /// Submissions by the try they answer.
  var submissions: [Assignment: StoredSubmission] = [:]
  /// Where models are stored, by `ParameterBuffer.digest`.
  var models: [Digest: CID]
  /// Segments that the ledger says were replayed, by the try.
  var replayed: [Assignment: Int] = [:]
  /// Disputes over rejected updates, by the try.
  var disputes: [Assignment: DisputeState] = [:]
  /// The segments of each logical client's round, [clients]; the same in every round.
  let segments: [Int]

  /// When its machine changed last, on this run's clock.
  var movedAt = Tick.zero

  init(_ creation: SessionCreation) {
    self.creation = creation
    let initial = creation.specification.initialModel
    machine = SessionMachine(
      rules: creation.specification.rules, initialModel: initial.digest)
    models = [initial.digest: initial.cid]
    segments = creation.specification.shards.indices.map { client in
      let task = try? creation.specification.task(round: 1, client: client, base: initial.digest)
      return task?.segments ?? 0
    }
  }

  var specification: SessionSpecification { creation.specification }
  var id: Digest { creation.reference.digest }
  var ledger: SessionLedger { SessionLedger(job: JobID(digest: creation.job)) }

  /// Applies what the log holds; effects are taken up after all is read.
  mutating func replay(_ record: CoordinatorRecord) {
    switch record {
    case .created, .transaction: break
    case .startRequested: isStartRequested = true
    case .event(_, let event): _ = machine.handle(event)
    case .submission(_, let submission):
      submissions[submission.update.assignment] = submission
    case .model(_, let digest, let cid): models[digest] = cid
    case .dispute(_, let ruling): disputes[ruling.assignment] = .ruled(ruling)
    }
  }

  /// A round by its number, running or settled.
  func round(_ number: Int) -> Round? {
    if machine.round?.number == number { return machine.round }
    return machine.history.first { $0.number == number }
  }

  /// The seed documents' word for the state.
  var stateName: String {
    if refusal != nil { return "failed" }
    switch machine.phase {
    case .created: return isStartRequested ? "starting" : "pending"
    case .recruiting: return "recruiting"
    case .training: return machine.isPaused ? "paused" : "running"
    case .aggregating, .settling: return "running"
    case .done: return "completed"
    case .cancelled: return "cancelled"
    }
  }

  /// What it waits for, in words.
  var waitingFor: String? {
    if let refusal { return refusal }
    if case .created = machine.phase, isStartRequested { return "the escrow on the ledger" }
    return machine.waitingFor
  }
}
