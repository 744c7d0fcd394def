import Cryptography
import NeuralNetworks
import Primitives
import Testing

@testable import UsefulWork

@Suite struct DisputeTests {
  private static func honest(
    steps: Int = 37, segmentSteps: Int = 5, operators: Int = 23
  ) -> SyntheticWork {
    SyntheticWork(steps: steps, segmentSteps: segmentSteps, operators: operators)
  }

  private static func liar(
    _ work: SyntheticWork, step: Int, operatorIndex: Int, change: UInt64 = 1
  ) -> SyntheticWork {
    var liar = work
    liar.lies = [.init(step: step, operatorIndex: operatorIndex, change: change)]
    return liar
  }

  @Test("every lie is found at its own step and operator", arguments: UInt64(0)..<200)
  func found(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let work = SyntheticWork(
      steps: Int.random(in: 1...40, using: &random),
      segmentSteps: Int.random(in: 1...12, using: &random),
      operators: Int.random(in: 1...40, using: &random))
    let step = Int.random(in: 0..<work.steps, using: &random)
    let index = Int.random(in: 0..<work.operators, using: &random)
    let liar = Self.liar(work, step: step, operatorIndex: index)
    guard work.record != liar.record else { return }
    let (first, second) = seed.isMultiple(of: 2) ? (work, liar) : (liar, work)
    // A lie about a root alone heals in the next step, so the segment has to be named.
    let terms = try first.terms(
      against: second, segment: index == work.operators - 1 ? step / work.segmentSteps : nil)
    let outcome = terms.settle(first, second, referee: work)
    let wrong: DisputeSide = seed.isMultiple(of: 2) ? .second : .first
    #expect(outcome.wrong == [wrong])
    #expect(outcome.faults[wrong] == .recomputedOtherwise)
    #expect(outcome.step == step)
    #expect(outcome.segment == step / work.segmentSteps)
    #expect(outcome.operatorIndex == index)
    #expect(outcome.rounds <= terms.roundsMax(operators: work.operators))
  }

  @Test("ten thousand steps of a hundred operators take 14 + log2(operators) rounds and a few")
  func depth() throws {
    let terms = try DisputeTerms(
      startRoot: .zero, steps: 10_000, segmentSteps: 10,
      workRoots: DisputeSides(first: .zero, second: .zero), operatorCount: { _ in 128 })
    // ⌈log₂ 1,000⌉ + ⌈log₂ 10⌉ + log₂ 128 + 4
    #expect(terms.roundsMax(operators: 128) == 10 + 4 + 7 + 4)
  }

  @Test("equal records are no dispute")
  func agreement() throws {
    let work = Self.honest()
    let outcome = try work.terms(against: work).settle(work, work, referee: work)
    #expect(outcome.wrong.isEmpty)
    #expect(outcome.rounds == 1)
    #expect(outcome.segment == nil)
  }

  @Test("a difference that heals is found from the segment that a replay named")
  func named() throws {
    let work = Self.honest()
    // The last operator lies about the root alone: the next step goes on from honest registers.
    let liar = Self.liar(work, step: 12, operatorIndex: work.operators - 1)
    #expect(liar.record.segmentRoots.last == work.record.segmentRoots.last)
    let healed = try work.terms(against: liar).settle(work, liar, referee: work)
    #expect(healed.wrong.isEmpty)
    let inside = Self.liar(work, step: 14, operatorIndex: work.operators - 1)
    let outcome = try work.terms(against: inside, segment: 2)
      .settle(work, inside, referee: work)
    #expect(outcome.wrong == [.second])
    #expect(outcome.step == 14)
  }

  @Test("two liars are both wrong when the first difference is a lie of both")
  func bothWrong() throws {
    let work = Self.honest()
    let first = Self.liar(work, step: 8, operatorIndex: 3, change: 1)
    let second = Self.liar(work, step: 8, operatorIndex: 3, change: 2)
    let outcome = try first.terms(against: second).settle(first, second, referee: work)
    #expect(outcome.wrong == [.first, .second])
    #expect(outcome.step == 8)
    #expect(outcome.operatorIndex == 3)
  }

  @Test("the earlier of two lies decides")
  func earlier() throws {
    let work = Self.honest()
    let first = Self.liar(work, step: 20, operatorIndex: 3)
    let second = Self.liar(work, step: 8, operatorIndex: 7)
    let outcome = try first.terms(against: second).settle(first, second, referee: work)
    #expect(outcome.wrong == [.second])
    #expect(outcome.step == 8)
    #expect(outcome.operatorIndex == 7)
  }

  @Test("training is disputed down to the operation that the referee computes", arguments: 0..<18)
  func training(step: Int) throws {
    let work = try WorkFixture(seed: 5, momentum: step.isMultiple(of: 2) ? 0.9 : 0)
    let honest = try work.task.execute(dataset: work.dataset, base: work.base)
    let dataset = work.dataset
    let party = TrainingParty(record: honest.record, task: work.task, dataset: dataset) {
      try honest.evidence.startState(of: $0, dataset: dataset)
    }
    let referee = TrainingReferee(task: work.task, dataset: dataset)
    let names = referee.operatorNames(of: step)
    for index in [0, step % names.count, names.count - 1] {
      let liar = try AlteredRun(work: work, step: step, operatorIndex: index)
      let terms = try referee.terms(
        workRoots: DisputeSides(first: honest.record.workRoot, second: liar.record.workRoot))
      let outcome = terms.settle(party, liar, referee: referee)
      #expect(outcome.wrong == [.second])
      #expect(outcome.faults.second == .recomputedOtherwise)
      #expect(outcome.step == step)
      #expect(outcome.segment == step / work.task.segmentSteps)
      #expect(outcome.operatorIndex == index, "\(names[index])")
      #expect(outcome.rounds <= terms.roundsMax(operators: names.count))
      let again = try referee.terms(
        workRoots: DisputeSides(first: liar.record.workRoot, second: honest.record.workRoot)
      ).settle(liar, party, referee: referee)
      #expect(again.wrong == [.first])
    }
  }

  @Test("a record that its own author cannot compute again loses at the step commitment")
  func unfounded() throws {
    let work = try WorkFixture(seed: 6)
    let honest = try work.task.execute(dataset: work.dataset, base: work.base)
    let invented = try work.task.execute(
      lying: .oneStepAltered(step: 9), dataset: work.dataset, base: work.base)
    let dataset = work.dataset
    func party(_ result: WorkResult) -> TrainingParty {
      TrainingParty(record: result.record, task: work.task, dataset: dataset) {
        try result.evidence.startState(of: $0, dataset: dataset)
      }
    }
    let referee = TrainingReferee(task: work.task, dataset: dataset)
    let outcome = try referee.terms(
      workRoots: DisputeSides(
        first: honest.record.workRoot, second: invented.record.workRoot)
    ).settle(party(honest), party(invented), referee: referee)
    #expect(outcome.wrong == [.second])
    #expect(outcome.faults.second == .otherEnd)
    #expect(outcome.segment == 2)
  }

  @Test("evidence that is not what was agreed proves nothing")
  func evidence() throws {
    let work = try WorkFixture(seed: 5)
    let result = try work.task.execute(dataset: work.dataset, base: work.base)
    let dataset = work.dataset
    let party = TrainingParty(record: result.record, task: work.task, dataset: dataset) {
      try result.evidence.startState(of: $0, dataset: dataset)
    }
    let referee = TrainingReferee(task: work.task, dataset: dataset)
    let digests = try party.operatorDigests(of: 3)
    let start = try party.stepRoots(of: 0)[2]
    for index in digests.indices {
      let inputs = try party.inputs(of: index, in: 3)
      func finding(_ inputs: Bytes, startRoot: Digest = start) -> OperatorFinding {
        referee.recompute(
          OperatorCase(
            step: 3, operatorIndex: index, startRoot: startRoot,
            digests: Array(digests[..<index]), inputs: inputs))
      }
      #expect(finding(inputs) == .digest(digests[index]))
      #expect(finding([]) == .inputsUnproven)
      #expect(finding(Bytes(inputs.dropLast())) == .inputsUnproven)
      for bit in stride(from: 3, to: inputs.count * 8, by: 41) {
        var changed = inputs
        changed[bit / 8] ^= 1 << UInt8(bit % 8)
        #expect(finding(changed) == .inputsUnproven, "operation \(index), bit \(bit)")
      }
    }
  }

  @Test("questions about work that does not exist have no answer", arguments: [20, 39, 1 << 31])
  func foreignQuestions(number: Int) throws {
    let work = try WorkFixture(seed: 5)
    let result = try work.task.execute(dataset: work.dataset, base: work.base)
    let dataset = work.dataset
    let party = TrainingParty(record: result.record, task: work.task, dataset: dataset) {
      try result.evidence.startState(of: $0, dataset: dataset)
    }
    var responder = DisputeResponder(party: party, segmentSteps: work.task.segmentSteps)
    try #require(number > work.task.schedule.steps)
    for query: DisputeQuery in [
      .segmentRoot(segment: number), .stepCommitment(segment: number), .stepRoot(step: number),
      .operatorCommitment(step: number), .operatorLink(step: number, operatorIndex: 0),
      .operatorLink(step: 0, operatorIndex: number), .opening(step: 0, operatorIndex: number),
    ] { #expect(try responder.answer(query) == nil, "\(query)") }
  }

  @Test("impossible terms are refused by name")
  func terms() throws {
    func make(steps: Int, segmentSteps: Int, segment: Int? = nil) throws {
      _ = try DisputeTerms(
        startRoot: .zero, steps: steps, segmentSteps: segmentSteps,
        workRoots: DisputeSides(first: .zero, second: .zero), segment: segment,
        operatorCount: { _ in 1 })
    }
    #expect(throws: DisputeError.noSteps) { try make(steps: 0, segmentSteps: 1) }
    #expect(throws: DisputeError.noSteps) { try make(steps: 1, segmentSteps: 0) }
    #expect(throws: DisputeError.noSuchSegment(2, segments: 2)) {
      try make(steps: 20, segmentSteps: 10, segment: 2)
    }
    #expect(throws: DisputeError.tooManySegments(65_537)) {
      try make(steps: 65_537, segmentSteps: 1)
    }
  }
}

/// Training in which one operation of one step gives another result, by an author who stands by
/// every digest: the parameters after that step are changed, so every later root differs too.
private struct AlteredRun: DisputeParty {
  let work: WorkFixture
  let step: Int
  let operatorIndex: Int
  let record: WorkRecord
  private let states: [TrainingState]

  init(work: WorkFixture, step: Int, operatorIndex: Int) throws {
    self.work = work
    self.step = step
    self.operatorIndex = operatorIndex
    var states = [work.task.startState(base: work.base)]
    for index in 0..<work.task.schedule.steps {
      let run = work.task.makeRun(from: states[index], dataset: work.dataset)
      try run.run(steps: 1)
      var state = run.state
      if index == step { state.parameters.values[2] += 0.5 }
      states.append(state)
    }
    self.states = states
    let task = work.task
    let last = states[states.count - 1]
    record = WorkRecord(
      task: task.digest,
      segmentRoots: (0..<task.segments).map {
        task.root(of: states[task.steps(of: $0).upperBound])
      },
      finalParameters: last.parameters.digest,
      finalOptimizer: StateRoot.optimizerDigest(last.optimizer))
  }

  var startRoot: Digest { work.task.root(of: states[0]) }

  func stepRoots(of segment: Int) -> [Digest] {
    work.task.steps(of: segment).map { work.task.root(of: states[$0 + 1]) }
  }

  func operatorDigests(of step: Int) throws -> [Digest] {
    let run = work.task.makeRun(from: states[step], dataset: work.dataset)
    var digests = try run.traceStep().entries.map(\.digest)
    guard step == self.step else { return digests }
    digests[operatorIndex] = SHA256.hash(digests[operatorIndex].bytes)
    digests[digests.count - 1] = work.task.root(of: states[step + 1])
    return digests
  }

  func inputs(of operatorIndex: Int, in step: Int) throws -> Bytes {
    let run = work.task.makeRun(from: states[step], dataset: work.dataset)
    return try run.evidence(of: operatorIndex).encoded()
  }
}
