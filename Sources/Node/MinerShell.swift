package import Cryptography
internal import FederatedLearning
package import Ledger
package import Networking
package import NeuralNetworks
internal import Orchestration
internal import Primitives
package import UsefulWork

/// How a worker says what each segment of its work did.
package typealias SegmentRootsFunction =
  @Sendable (TrainingTask, WorkResult, Dataset) throws -> [SegmentRoots]

/// A piece of work that is handed in.
package struct FinishedWork: Sendable {
  let job: Digest
  let assignment: Assignment
  let task: TrainingTask
  let result: WorkResult
  let dataset: Dataset
}

/// The mining half of a worker: after the update is handed in it says what the segments did and
/// tries their nonces. Whatever goes wrong here is reported and costs a chance to win, no more.
package actor MinerShell {
  private enum Limits {
    /// Work that waits to be mined; more says that mining cannot keep up, and the oldest goes.
    static let queueMax = 16
  }

  nonisolated let link: CoordinatorLink
  nonisolated package var unownedExecutor: UnownedSerialExecutor { link.unownedExecutor }
  private let identity: SigningKey
  private let compute: ComputePool
  private let roots: SegmentRootsFunction
  private let report: @Sendable (String) -> Void
  private var chain: Digest?
  private var miner: Miner?
  private var queue: [FinishedWork] = []
  private var isMining = false

  /// - Parameter report: gets a line for each error.
  package init(
    link: CoordinatorLink, identity: SigningKey, compute: ComputePool,
    roots: @escaping SegmentRootsFunction, report: @escaping @Sendable (String) -> Void
  ) {
    self.link = link
    self.identity = identity
    self.compute = compute
    self.roots = roots
    self.report = report
  }

  /// Begins a history, if the chain is one on which tokens are mined.
  package func connected(_ genesis: Genesis) {
    guard let terms = genesis.mining, miner == nil else { return }
    chain = genesis.chainID
    miner = Miner(key: identity, parameters: terms.parameters)
  }

  /// Mines finished work in the order in which it was handed in.
  package func finished(_ work: FinishedWork) async {
    guard miner != nil else { return }
    queue.append(work)
    if queue.count > Limits.queueMax { queue.removeFirst() }
    guard !isMining else { return }
    isMining = true
    defer { isMining = false }
    while !queue.isEmpty {
      let next = queue.removeFirst()
      do {
        try await mine(next)
      } catch {
        // What the validator knows of this miner may be behind: it begins a new history.
        miner = miner.map { Miner(key: identity, parameters: $0.parameters) }
        report("mining failed, the work goes on: \(error)")
      }
    }
  }

  private func mine(_ work: FinishedWork) async throws {
    guard let chain, let miner else { return }
    let head = try MiningHead(decoding: await link.request(RPCMethod.miningHead))
    let (after, yields) = try await compute.run { [roots] in
      var miner = miner
      let yields = try roots(work.task, work.result, work.dataset).enumerated().map {
        miner.finish(
          segment: $0.offset, of: work.task, roots: $0.element,
          anchor: (head.height, head.hash), chain: chain, target: head.target)
      }
      return (miner, yields)
    }
    self.miner = after
    for first in stride(from: 0, to: yields.count, by: MiningSubmission.messagesMax) {
      let part = yields[first..<min(first + MiningSubmission.messagesMax, yields.count)]
      let claims = part.compactMap(\.claim).prefix(MiningSubmission.claimsMax)
      let submission = MiningSubmission(
        job: work.job, assignment: work.assignment, messages: part.map(\.message),
        claims: Array(claims))
      _ = try await link.request(RPCMethod.mine, submission.encoded())
    }
  }
}
