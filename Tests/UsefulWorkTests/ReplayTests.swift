import Cryptography
import NeuralNetworks
import Primitives
import Testing

@testable import UsefulWork

@Suite struct ReplayTests {
  @Test("a thousand honest updates are all accepted")
  func honest() throws {
    var rejected: [UInt64] = []
    for seed in UInt64(0)..<1_000 {
      let work = try WorkFixture(
        seed: seed, client: Int(seed % 7), momentum: seed.isMultiple(of: 3) ? 0.9 : 0)
      let result = try work.task.execute(dataset: work.dataset, base: work.base)
      let verdict = try work.replayAll(result)
      if verdict != .accepted(replayedSegments: work.task.segments) { rejected.append(seed) }
    }
    #expect(rejected.isEmpty)
  }

  static let lies: [Lie] = [
    .randomUpdate(seed: 3), .scaled(by: 10), .scaled(by: 1.000_1), .stale, .copied,
    .lastEpochSkipped, .otherData, .otherUpdate, .oneStepAltered(step: 0),
    .oneStepAltered(step: 11),
  ]

  @Test("every lie is rejected when all segments are replayed", arguments: lies)
  func lie(_ lie: Lie) throws {
    for seed in UInt64(0)..<20 {
      for momentum: Float in [0, 0.9] {
        let work = try WorkFixture(seed: seed, momentum: momentum)
        let peer = try WorkFixture(seed: seed, client: 1, momentum: momentum)
        let copied = try peer.task.execute(dataset: peer.dataset, base: peer.base)
        let result = try work.task.execute(
          lying: lie, dataset: work.dataset, base: work.base, peer: copied)
        guard case .rejected = try work.replayAll(result) else {
          Issue.record("\(lie) with seed \(seed) was accepted")
          continue
        }
      }
    }
  }

  @Test("an altered step is found in its own segment", arguments: 0..<18)
  func place(step: Int) throws {
    let work = try WorkFixture(seed: 5)
    let result = try work.task.execute(
      lying: .oneStepAltered(step: step), dataset: work.dataset, base: work.base)
    guard case .rejected(let fault) = try work.replayAll(result) else {
      Issue.record("accepted")
      return
    }
    #expect(fault.segment == step / work.task.segmentSteps)
    #expect(fault.reason == .segmentRoot)
  }

  @Test("a lie in a segment that is not sampled passes, one in a sampled segment does not")
  func sampling() throws {
    let work = try WorkFixture(seed: 5)
    let result = try work.task.execute(
      lying: .oneStepAltered(step: 9), dataset: work.dataset, base: work.base)
    for segment in 0..<work.task.segments {
      let start = try result.evidence.startState(of: segment, dataset: work.dataset)
      let fault = Replay.checkSegment(
        segment, from: start, record: result.record, task: work.task, dataset: work.dataset)
      #expect((fault == nil) == (segment != 2), "segment \(segment): \(String(describing: fault))")
    }
  }

  @Test("sampled segments of honest work are accepted from served states", arguments: 0..<5)
  func served(segment: Int) throws {
    let work = try WorkFixture(seed: 8, momentum: 0.5)
    let result = try work.task.execute(dataset: work.dataset, base: work.base)
    let served = try #require(try result.evidence.startState(of: segment, dataset: work.dataset))
    let state = try TrainingState(decoding: served.encoded(), for: work.task)
    let verdict = try Replay.check(
      record: result.record, update: result.update, task: work.task, dataset: work.dataset,
      base: work.base, segments: [segment]
    ) { _ in state }
    #expect(verdict == .accepted(replayedSegments: 1))
  }

  @Test("exactly the needed states are asked for", arguments: UInt64(0)..<32)
  func statesNeeded(subset: UInt64) throws {
    let work = try WorkFixture(seed: 8)
    let result = try work.task.execute(dataset: work.dataset, base: work.base)
    let segments = (0..<work.task.segments).filter { subset >> UInt64($0) & 1 == 1 }
    var states: [Int: TrainingState] = [:]
    for segment in Replay.statesNeeded(for: segments) {
      states[segment] = try result.evidence.startState(of: segment, dataset: work.dataset)
    }
    var asked: [Int] = []
    let verdict = try Replay.check(
      record: result.record, update: result.update, task: work.task, dataset: work.dataset,
      base: work.base, segments: segments
    ) { segment in
      asked.append(segment)
      return states[segment]
    }
    #expect(verdict == .accepted(replayedSegments: segments.count))
    #expect(asked == Replay.statesNeeded(for: segments))
  }

  @Test("a state that is withheld or false counts as a wrong result")
  func falseState() throws {
    let work = try WorkFixture(seed: 8)
    let result = try work.task.execute(dataset: work.dataset, base: work.base)
    var state = try #require(try result.evidence.startState(of: 2, dataset: work.dataset))
    func reason(_ start: TrainingState?) -> WorkFault.Reason? {
      Replay.checkSegment(
        2, from: start, record: result.record, task: work.task, dataset: work.dataset)?.reason
    }
    #expect(reason(nil) == .stateWithheld)
    #expect(reason(state) == nil)
    state.step += 1
    #expect(reason(state) == .startState)
    state.step -= 1
    state.parameters.values[3] += 1
    #expect(reason(state) == .startState)
    state.parameters.values.removeLast()
    #expect(reason(state) == .startState)
  }

  @Test("a record of another task or length is refused without training")
  func record() throws {
    let work = try WorkFixture(seed: 8)
    let honest = try work.task.execute(dataset: work.dataset, base: work.base)
    func reason(_ record: WorkRecord) -> WorkFault.Reason? {
      Replay.checkRecord(record, update: honest.update, task: work.task)?.reason
    }
    let roots = honest.record.segmentRoots
    func changed(
      task: Digest? = nil, roots: [Digest]? = nil, optimizer: Digest? = nil
    ) -> WorkRecord {
      WorkRecord(
        task: task ?? honest.record.task, segmentRoots: roots ?? honest.record.segmentRoots,
        finalParameters: honest.record.finalParameters,
        finalOptimizer: optimizer ?? honest.record.finalOptimizer)
    }
    #expect(reason(changed()) == nil)
    #expect(reason(changed(task: .zero)) == .otherTask)
    #expect(reason(changed(roots: roots.dropLast())) == .segmentCount)
    #expect(reason(changed(roots: [])) == .segmentCount)
    #expect(reason(changed(optimizer: .zero)) == .finalState)
  }

  @Test("training that does not stay finite is an error for the worker and a fault in a claim")
  func notFinite() throws {
    let work = try WorkFixture(seed: 2)
    let wild = try TrainingTask(
      architecture: work.task.architecture,
      settings: TrainingSettings(learningRate: 100, batchSize: 4, epochs: 3),
      session: .zero, seed: 1, round: 0, client: 0, base: hugeBase(work).digest,
      dataset: work.dataset.digest, examples: work.dataset.rows)
    #expect(throws: WorkError.self) {
      try wild.execute(dataset: work.dataset, base: hugeBase(work))
    }
    let claim = try wild.execute(lying: .stale, dataset: work.dataset, base: hugeBase(work))
    let verdict = try Replay.checkAll(
      record: claim.record, update: claim.update, task: wild, dataset: work.dataset,
      base: hugeBase(work))
    guard case .rejected(let fault) = verdict else {
      Issue.record("accepted")
      return
    }
    #expect(fault.reason == .notFinite)
  }

  private func hugeBase(_ work: WorkFixture) -> ParameterBuffer {
    ParameterBuffer(work.base.values.map { $0 * 1e30 })
  }
}
