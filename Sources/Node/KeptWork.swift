internal import ContentStore
internal import Cryptography
internal import FederatedLearning
internal import Ledger
internal import NeuralNetworks
internal import Orchestration
internal import Primitives
internal import UsefulWork

/// A piece of work whose start states can be asked for.
struct KeptWork: Sendable {
  /// Job and try: how the work is asked for.
  let name: EvidenceRequest
  let specification: ContentReference
  /// The round's base model.
  let base: Digest
  /// The result with states in memory; nil where states are recomputed from the base model.
  var finished: FinishedWork?

  /// Work of an order.
  init(_ order: WorkOrder, finished: FinishedWork? = nil) {
    name = EvidenceRequest(job: order.job, assignment: order.assignment)
    specification = order.specification
    base = order.base.digest
    self.finished = finished
  }

  /// Work that this worker does not remember.
  init(doneBefore request: StartStateRequest) {
    name = request.work
    specification = request.specification
    base = request.base
  }

  /// What is to be trained, or was.
  func task(of specification: SessionSpecification) throws(WorkError) -> TrainingTask {
    try specification.task(
      round: name.assignment.round, client: name.assignment.client, base: base)
  }

  /// The memory that the result takes.
  var byteCount: Int {
    guard let result = finished?.result else { return 0 }
    return result.evidence.keptBytes.bytes
      + result.update.values.count * MemoryLayout<Float>.size
  }
}

/// What a worker can show of its work until the session settles, which is when its job is closed on
/// the ledger: what a state is made of is kept for all of it, results with states in memory for the
/// newest rounds, the bytes that are served for none.
struct KeptWorks: Sendable {
  enum Limits {
    /// All rounds of all clients of the largest session; the oldest goes.
    static let worksMax = LedgerLimits.clientRoundsMax
    /// Results in memory; the oldest goes first, the newest stays whatever it takes.
    static let resultBytesMax = 512 << 20
    /// States that were named and may be fetched; a validator fetches at once what it has named.
    static let namedStatesMax = 4_096
    /// Encoded states in hand at the same time; a larger one goes alone.
    static let servedBytesMax = 256 << 20
  }

  /// A state by its place, with the size of its file.
  struct NamedState: Sendable {
    let work: EvidenceRequest
    let segment: Int
    let fileSize: Int
  }

  private var works: [EvidenceRequest: KeptWork] = [:]
  /// Oldest first.
  private var order: [EvidenceRequest] = []
  /// Works with their result in memory, oldest first.
  private var holders: [EvidenceRequest] = []
  private var resultBytes = 0
  private var states: [CID: NamedState] = [:]
  /// Oldest first.
  private var named: [CID] = []

  /// Keeps the work of a finished order.
  mutating func keep(_ work: KeptWork) {
    let name = work.name
    if works[name] == nil { order.append(name) }
    dropResult(of: name)
    works[name] = work
    if work.finished != nil { makeRoom(for: work) }
    if order.count > Limits.worksMax { forget(order.removeFirst()) }
  }

  private mutating func makeRoom(for work: KeptWork) {
    holders.append(work.name)
    resultBytes += work.byteCount
    // A round that is over is replayed no more, so its states can as well be made again.
    let round = work.name.assignment.round
    for past in holders where past.job == work.name.job && past.assignment.round + 1 < round {
      dropResult(of: past)
    }
    while resultBytes > Limits.resultBytesMax, holders.count > 1, let oldest = holders.first {
      dropResult(of: oldest)
    }
  }

  /// The work of this name.
  subscript(name: EvidenceRequest) -> KeptWork? { works[name] }

  /// Remembers which state a CID names.
  mutating func name(_ cid: CID, _ state: NamedState) {
    guard works[state.work] != nil, states.updateValue(state, forKey: cid) == nil
    else { return }
    named.append(cid)
    if named.count > Limits.namedStatesMax { states[named.removeFirst()] = nil }
  }

  /// The state that a CID names.
  func state(named cid: CID) -> NamedState? { states[cid] }

  /// Forgets all work of a job that is closed.
  mutating func settle(_ job: Digest) {
    for name in order where name.job == job { forget(name) }
    order.removeAll { $0.job == job }
  }

  /// The number of pieces of work, and how many of them have their result in memory.
  var counts: (works: Int, holders: Int) { (works.count, holders.count) }

  private mutating func forget(_ name: EvidenceRequest) {
    dropResult(of: name)
    works[name] = nil
    guard states.contains(where: { $0.value.work == name }) else { return }
    states = states.filter { $0.value.work != name }
    named.removeAll { states[$0] == nil }
  }

  private mutating func dropResult(of name: EvidenceRequest) {
    guard let index = holders.firstIndex(of: name) else { return }
    holders.remove(at: index)
    resultBytes -= works[name]?.byteCount ?? 0
    works[name]?.finished = nil
  }
}
