import ContentStore
import Cryptography
import FederatedLearning
import NeuralNetworks
import Orchestration
import Primitives
import UsefulWork

/// A small task, a worker that lied about it, and the validator that rejected it.
struct DisputeWorld {
  let task: TrainingTask
  let dataset: Dataset
  let worker: SigningKey
  let validator: SigningKey
  let work: DisputedWork
  let lie: Lie
  let lied: WorkResult
  let honest: WorkResult

  init(_ lie: Lie = .oneStepAltered(step: 9)) throws {
    let architecture = try ModelArchitecture(units: [6, 5, 3])
    let stream = PhiloxStream(seed: 4, domain: .syntheticData, index: 0, client: 0)
    let rows = 23
    dataset = try Dataset(
      features: stream.uniform(rows * architecture.inputs, scale: 1),
      labels: stream.words(rows).map { Int32($0 % 3) }, inputs: architecture.inputs, classes: 3)
    let base = ParameterBuffer(randomFor: architecture, seed: 4)
    task = try TrainingTask(
      architecture: architecture,
      settings: TrainingSettings(learningRate: 0.2, batchSize: 4, epochs: 3),
      session: SHA256.hash([7]), seed: 4, round: 0, client: 0, base: base.digest,
      dataset: dataset.digest, examples: dataset.rows, segmentSteps: 4)
    worker = try SigningKey(seed: Bytes(repeating: 1, count: 32))
    validator = try SigningKey(seed: Bytes(repeating: 2, count: 32))
    self.lie = lie
    lied = try task.execute(lying: lie, dataset: dataset, base: base)
    honest = try task.execute(dataset: dataset, base: base)
    let cid = ContentBlock(hashing: [1], codec: .raw).cid
    work = DisputedWork(
      job: SHA256.hash([8]),
      assignment: Assignment(round: 1, client: 0, attempt: 0, worker: worker.publicKey.peerID),
      specification: ContentReference(cid: cid, digest: SHA256.hash([9])), base: base.digest)
  }

  /// What the referee knows of the worker.
  var opening: DisputeOpening {
    DisputeOpening(task: task, record: lied.record, update: lied.update.digest)
  }

  /// Holds the dispute as a coordinator does, without a network between.
  func hold() throws -> (DisputeRuling, DisputeTranscript) {
    let stand = DisputeStand(signing: honest.record, of: work, key: validator)
    var transcript = DisputeTranscript(work: work, validator: validator.publicKey, stand: stand)
    let (ruling, segment) = opening.next(against: honest.record)
    if let ruling { return (ruling, transcript) }
    let roots = DisputeSides(first: lied.record.workRoot, second: honest.record.workRoot)
    let referee = TrainingReferee(task: task, dataset: dataset)
    var machine = DisputeMachine(terms: try referee.terms(workRoots: roots, segment: segment))
    var first = DisputeResponder(
      party: LyingParty(lie: lie, task: task, dataset: dataset, result: lied),
      segmentSteps: task.segmentSteps)
    var second = DisputeResponder(
      party: TrainingParty(record: honest.record, task: task, dataset: dataset) {
        try honest.evidence.startState(of: $0, dataset: dataset)
      }, segmentSteps: task.segmentSteps)
    var effects = machine.handle(.opened(now: .zero))
    while let effect = effects.first {
      switch effect {
      case .ask(let round, let query):
        let question = DisputeQuestion(
          dispute: work.dispute(over: roots), round: round, query: query)
        let answers = DisputeSides(first: try first.answer(query), second: try second.answer(query))
        transcript.append(
          DisputeExchange(
            question: question,
            replies: DisputeSides(
              first: answers.first.map {
                SignedDisputeReply(signing: $0, to: question, key: worker)
              },
              second: answers.second.map {
                SignedDisputeReply(signing: $0, to: question, key: validator)
              })))
        effects = []
        for side in DisputeSide.allCases {
          guard let answer = answers[side] else { continue }
          effects += machine.handle(.answered(side, round: round, answer, now: .zero))
        }
      case .recompute(let operation):
        effects = machine.handle(.recomputed(referee.recompute(operation), now: .zero))
      case .decided(let outcome):
        return (DisputeRuling(outcome, names: referee.operatorNames), transcript)
      }
    }
    throw WorkError.otherBase
  }
}
