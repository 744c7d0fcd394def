internal import Cryptography
package import Ledger
package import Networking
internal import NeuralNetworks
package import Orchestration
internal import Peering
internal import Primitives
internal import UsefulWork

/// The mining half of a validator: keeps the miners' messages, replays winning segments and hands
/// coinbases to the producer. An error here is reported; blocks and replays go on without it.
package actor CoinbaseShell {
  private enum Limits {
    /// Accepted work whose segments may still win: two rounds of the largest session.
    static let sourcesMax = 2_048
  }

  /// What a replay of a piece of work needs.
  package struct Source: Sendable {
    let task: TrainingTask
    let shard: ContentReference
  }

  nonisolated let link: CoordinatorLink
  nonisolated package var unownedExecutor: UnownedSerialExecutor { link.unownedExecutor }
  private let producer: ChainProducer
  private let materials: SessionMaterials
  private let compute: ComputePool
  private let nursery: LoopNursery
  private let report: @Sendable (String) -> Void
  private var machine: MiningMachine
  private var sources: [WorkKey: Source] = [:]
  private var order: [WorkKey] = []

  /// - Parameter machine: has seen every stored block.
  package init(
    link: CoordinatorLink, producer: ChainProducer, materials: SessionMaterials,
    compute: ComputePool, nursery: LoopNursery, machine: MiningMachine,
    report: @escaping @Sendable (String) -> Void
  ) {
    self.link = link
    self.producer = producer
    self.materials = materials
    self.compute = compute
    self.nursery = nursery
    self.machine = machine
    self.report = report
  }

  /// Notes what is behind a piece of work that was judged.
  package func learned(_ work: WorkKey, _ source: Source) {
    guard sources.updateValue(source, forKey: work) == nil else { return }
    order.append(work)
    if order.count > Limits.sourcesMax { sources[order.removeFirst()] = nil }
  }

  /// A new block: claims on work that it accepts are checked now.
  package func committed(_ block: Block) { perform(machine.handle(.committed(block))) }

  /// Takes a miner's messages and claims; the answer says why they do not count.
  package func take(_ submission: MiningSubmission) -> RPCAnswer {
    let effects = machine.handle(.submitted(submission))
    perform(effects)
    for case .refuse(_, let error) in effects {
      return .failure(RPCError(code: "not_mined", message: error.description))
    }
    return .success([])
  }

  private func perform(_ effects: [MiningMachine.Effect]) {
    for effect in effects {
      switch effect {
      case .prepare(let work, let claim):
        _ = nursery.begin { await self.isolated { try await self.prepare(work, claim) } }
      case .replay(let one):
        _ = nursery.begin { await self.isolated { try await self.replay(one) } }
      case .mint(let coinbase): _ = nursery.begin { await self.producer.mint(coinbase) }
      case .refuse(let miner, let error):
        report("mining of \(miner.map { "\($0.peerID)" } ?? "somebody") refused: \(error)")
      }
    }
  }

  private func isolated(_ body: () async throws -> Void) async {
    do {
      try await body()
    } catch {
      report("a mining claim could not be checked: \(error)")
    }
  }

  private func prepare(_ work: WorkKey, _ claim: MiningClaim) async throws {
    guard let source = sources[work], let target = await producer.miningTarget else {
      throw NodeError.wrongContent("the task of the claimed work is not known any more")
    }
    perform(machine.handle(.prepared(work, claim, source.task, target: target)))
  }

  private func replay(_ one: MiningMachine.Case) async throws {
    guard let source = sources[one.work], let target = await producer.miningTarget else { return }
    let dataset = try await materials.dataset(source.shard)
    let base = try await materials.model(one.task.base, architecture: one.task.architecture)
    let result: Result<SegmentRoots, WorkError> = try await compute.run {
      Result { () throws(WorkError) in
        try one.task.segmentRoots(
          of: Int(one.claim.message.segment), replaying: dataset, base: base)
      }
    }
    perform(machine.handle(.replayed(one, result, target: target)))
  }
}
