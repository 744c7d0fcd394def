import Cryptography
import NeuralNetworks
import Primitives
import Testing

@testable import UsefulWork

/// 1,300 honest and 1,300 tampered segments: no false rejection, no false acceptance.
@Suite struct SegmentSoundnessTests {
  private static let seeds = UInt64(0)..<260

  private enum Tampering: CaseIterable {
    case endBit, randomRoot, previousRoot, startBit, skippedStep, otherLabels, otherRate, otherOrder
  }

  /// A segment as a worker shows it: the state before it and the root claimed after it.
  private struct Shown {
    var start: TrainingState
    var root: Digest
  }

  @Test("honest segments are accepted and tampered ones rejected, whatever was changed")
  func soundness() throws {
    var falseRejections: [String] = []
    var falseAcceptances: [String] = []
    var honest = 0
    var tampered: [Tampering: Int] = [:]
    for seed in Self.seeds {
      let work = try WorkFixture(seed: seed, momentum: seed.isMultiple(of: 3) ? 0.9 : 0)
      let result = try work.task.execute(dataset: work.dataset, base: work.base)
      var random = SplitMix64(seed: seed)
      for segment in 0..<work.task.segments {
        let start = try #require(
          try result.evidence.startState(of: segment, dataset: work.dataset))
        let shown = Shown(start: start, root: result.record.segmentRoots[segment])
        honest += 1
        if try !accepts(shown, segment, result.record, work) {
          falseRejections.append("seed \(seed) segment \(segment)")
        }
        let kinds = Tampering.allCases
        let kind = kinds[(Int(seed) + segment) % kinds.count]
        let lie = try tamper(shown, kind, segment, result.record, work, &random)
        tampered[kind, default: 0] += 1
        if try accepts(lie, segment, result.record, work) {
          falseAcceptances.append("seed \(seed) segment \(segment) \(kind)")
        }
      }
    }
    #expect(falseRejections.isEmpty)
    #expect(falseAcceptances.isEmpty)
    #expect(honest >= 1_300)
    #expect(tampered.values.reduce(0, +) == honest)
    #expect(tampered.count == Tampering.allCases.count)
  }

  private func accepts(
    _ shown: Shown, _ segment: Int, _ record: WorkRecord, _ work: WorkFixture
  ) throws -> Bool {
    var roots = record.segmentRoots
    roots[segment] = shown.root
    let claimed = WorkRecord(
      task: record.task, segmentRoots: roots, finalParameters: record.finalParameters,
      finalOptimizer: record.finalOptimizer)
    // Served bytes, as from another machine.
    let served = try TrainingState(decoding: shown.start.encoded(), for: work.task)
    return Replay.checkSegment(
      segment, from: served, record: claimed, task: work.task, dataset: work.dataset) == nil
  }

  private func tamper(
    _ shown: Shown, _ kind: Tampering, _ segment: Int, _ record: WorkRecord,
    _ work: WorkFixture, _ random: inout SplitMix64
  ) throws -> Shown {
    var lie = shown
    let task = work.task
    switch kind {
    case .endBit:
      var end = try end(task, of: segment, from: shown.start, work.dataset)
      flipBit(of: &end, using: &random)
      lie.root = task.root(of: end)
    case .randomRoot: lie.root = SHA256.hash(SyntheticWork.bytes(random.next()))
    case .previousRoot:
      lie.root = segment > 0 ? record.segmentRoots[segment - 1] : Replay.startRoot(of: task)
    case .startBit: flipBit(of: &lie.start, using: &random)
    case .skippedStep:
      let run = task.makeRun(from: shown.start, dataset: work.dataset)
      try run.run(steps: task.steps(of: segment).count - 1)
      var end = run.state
      end.step += 1
      lie.root = task.root(of: end)
    case .otherLabels:
      let other = try Dataset(
        features: work.dataset.features, labels: work.dataset.labels.map { ($0 + 1) % 3 },
        inputs: work.dataset.inputs, classes: 3)
      lie.root = task.root(of: try end(task, of: segment, from: shown.start, other))
    case .otherRate:
      let other = try changed(task, rate: 0.200_001, seed: task.seed)
      lie.root = task.root(of: try end(other, of: segment, from: shown.start, work.dataset))
    case .otherOrder:
      // A last batch of one example is now and then the same in two orders: that is no lie.
      var seed = task.seed
      while lie.root == shown.root {
        seed += 1
        let other = try changed(task, rate: task.settings.learningRate, seed: seed)
        lie.root = task.root(of: try end(other, of: segment, from: shown.start, work.dataset))
      }
    }
    return lie
  }

  private func end(
    _ task: TrainingTask, of segment: Int, from start: TrainingState, _ dataset: Dataset
  ) throws -> TrainingState {
    let run = task.makeRun(from: start, dataset: dataset)
    try task.advance(run, through: segment)
    return run.state
  }

  /// The lowest to the highest bit of the significand: the number stays finite.
  private func flipBit(of state: inout TrainingState, using random: inout SplitMix64) {
    let place = Int.random(in: 0..<state.parameters.values.count, using: &random)
    let bit = UInt32(1) << UInt32.random(in: 0..<23, using: &random)
    let value = state.parameters.values[place]
    state.parameters.values[place] = Float(bitPattern: value.bitPattern ^ bit)
  }

  private func changed(_ task: TrainingTask, rate: Float, seed: UInt64) throws -> TrainingTask {
    try TrainingTask(
      architecture: task.architecture,
      settings: TrainingSettings(
        learningRate: rate, batchSize: task.settings.batchSize, epochs: task.settings.epochs,
        optimizer: task.settings.optimizer),
      session: task.session, seed: seed, round: task.round, client: task.client,
      base: task.base, dataset: task.dataset, examples: task.examples,
      segmentSteps: task.segmentSteps)
  }
}
