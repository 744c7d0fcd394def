internal import Cryptography
internal import Glibc
package import NeuralNetworks
internal import Primitives
package import UsefulWork

/// What happens while a run goes on.
package enum TrainingNews: Sendable {
  /// A run begins, or goes on behind `step`.
  case began(step: Int, steps: Int, epochs: Int)
  /// Steps were done; `loss` is the mean of the running epoch, `losses` those of all batches.
  case stepped(step: Int, loss: Double, rate: Double, losses: StepCurve)
  case scored(EpochScore)
  /// A checkpoint is on the disk.
  case saved(path: String)
}

/// Where a run keeps what, and when.
package struct LocalTrainingPlan: Sendable {
  /// Holds the checkpoint.
  package var checkpointDirectory: String
  /// Whether a checkpoint that is there is gone on from.
  package var resumes: Bool
  /// Seconds between checkpoints; 0 writes one after each stretch of steps.
  package var checkpointSeconds: Int
  /// Gets the work commitment; nil for none.
  package var commitment: CommitmentDirectory?

  /// Collects the parts.
  package init(
    checkpointDirectory: String, resumes: Bool, checkpointSeconds: Int,
    commitment: CommitmentDirectory?
  ) {
    self.checkpointDirectory = checkpointDirectory
    self.resumes = resumes
    self.checkpointSeconds = checkpointSeconds
    self.commitment = commitment
  }
}

/// What a finished run gave.
package struct LocalTrainingResult: Sendable {
  /// The trained model.
  package let parameters: ParameterBuffer
  /// Curves and scores, the last for the final model.
  package let history: TrainingHistory
  /// Everything about the trained model on the test data.
  package let score: Score
  /// The commitment, if one was wanted.
  package let record: WorkRecord?
}

/// Drives one run: steps, scores, checkpoints and roots; the caller's thread does all of it.
package final class LocalTraining {
  private let local: LocalTask
  private let plan: LocalTrainingPlan
  private let checkpoint: ResumeDirectory
  private let run: TrainingRun
  private let scoring: Scoring
  private var history: TrainingHistory
  private var roots: [Digest]
  private var stretchSteps = 1
  private var savedAt: Double
  private var lastTick: Double

  /// Time between two looks at `isStopped`: what a person at a keyboard takes for at once.
  private static let stretchSeconds = 0.1
  /// Steps between two such looks at most.
  private static let stretchStepsMax = 256

  /// Reads the checkpoint where one is to be gone on from.
  package init(_ local: LocalTask, plan: LocalTrainingPlan) throws {
    self.local = local
    self.plan = plan
    checkpoint = ResumeDirectory(plan.checkpointDirectory)
    let earlier = plan.resumes ? try checkpoint.read(for: local.task) : nil
    if let earlier, plan.commitment != nil, !earlier.hasRoots(of: local.task) {
      throw LocalTrainingError.checkpointWithoutRoots(path: checkpoint.path)
    }
    run = local.makeRun(from: earlier?.state ?? local.start)
    scoring = Scoring(
      architecture: local.task.architecture, source: local.data.test, threads: local.threads)
    history = earlier?.history ?? TrainingHistory()
    roots = earlier?.segmentRoots ?? []
    run.divergence = DivergenceWatch(
      local.task.architecture, first: history.firstLoss.map { Float($0) })
    savedAt = monotonicSeconds()
    lastTick = savedAt
  }

  /// Trains to the end. `isStopped` is asked often; when it says so, a checkpoint is written and
  /// `LocalTrainingError.interrupted` thrown.
  package func train(
    isStopped: () -> Bool, news: (TrainingNews) -> Void
  ) throws -> LocalTrainingResult {
    let schedule = run.schedule
    try plan.commitment?.begin(local)
    news(.began(step: run.step, steps: schedule.steps, epochs: schedule.epochs))
    lastTick = monotonicSeconds()
    while !run.isFinished {
      try stretch()
      news(
        .stepped(
          step: run.step, loss: history.epochLoss, rate: history.rates.last ?? 0,
          losses: history.losses))
      if run.step.isMultiple(of: schedule.stepsPerEpoch) { news(.scored(try scoreEpoch())) }
      tick()
      if isStopped(), !run.isFinished { try stop() }
      if isCheckpointDue { news(.saved(path: try save())) }
    }
    let record = try finish()
    let parameters = run.state.parameters
    return LocalTrainingResult(
      parameters: parameters, history: history, score: try scoring.score(parameters),
      record: record)
  }

  /// Forgets the checkpoint in a directory: everything that was wanted is written.
  package static func removeCheckpoint(in directory: String) {
    ResumeDirectory(directory).remove()
  }

  /// Steps up to the next end of a segment or epoch, for about `stretchSeconds`.
  private func stretch() throws {
    let perEpoch = run.schedule.stepsPerEpoch
    let task = local.task
    var end = min(run.step + stretchSteps, (run.step / perEpoch + 1) * perEpoch)
    if plan.commitment != nil {
      end = min(end, task.steps(of: run.step / task.segmentSteps).upperBound)
    }
    do {
      try local.advance(run, to: end, each: noteStep)
    } catch {
      throw LocalTrainingError(error, rate: Double(task.settings.learningRate))
    }
    if let finding = run.divergence.finding {
      throw LocalTrainingError.lossGrew(finding, rate: Double(task.settings.learningRate))
    }
    guard let commitment = plan.commitment else { return }
    guard run.step == task.steps(of: roots.count).upperBound else { return }
    roots.append(run.stateRoot())
    if roots.count < task.segments {
      try commitment.keep(run.state, beforeSegment: roots.count, of: task)
    }
  }

  private func noteStep() {
    let settings = local.task.settings
    let factor = settings.schedule.factor(step: run.step - 1, of: run.schedule)
    history.note(
      loss: Double(run.lastLoss), rate: Double(settings.learningRate) * factor,
      gradientNorm: run.lastGradientNorm.map { Double($0) })
  }

  private func scoreEpoch() throws -> EpochScore {
    let result = try scoring.score(run.state.parameters, isBrief: true)
    let score = EpochScore(
      epoch: run.step / run.schedule.stepsPerEpoch, step: run.step,
      trainingLoss: history.epochLoss, testLoss: result.loss, metrics: result.metrics)
    history.note(score)
    return score
  }

  private func tick() {
    let now = monotonicSeconds()
    let seconds = now - lastTick
    history.seconds += seconds
    lastTick = now
    if seconds < Self.stretchSeconds / 2 {
      stretchSteps = min(stretchSteps * 2, Self.stretchStepsMax)
    } else if seconds > Self.stretchSeconds {
      stretchSteps = max(1, stretchSteps / 2)
    }
  }

  private var isCheckpointDue: Bool {
    !run.isFinished && lastTick - savedAt >= Double(plan.checkpointSeconds)
  }

  private func save() throws -> String {
    try checkpoint.write(
      ResumePoint(state: run.state, segmentRoots: roots, history: history), of: local.task)
    savedAt = lastTick
    return checkpoint.path
  }

  private func stop() throws -> Never {
    _ = try save()
    throw LocalTrainingError.interrupted(
      step: run.step, directory: plan.checkpointDirectory)
  }

  private func finish() throws -> WorkRecord? {
    guard let commitment = plan.commitment else { return nil }
    let state = run.state
    let record = WorkRecord(
      task: local.task.digest, segmentRoots: roots, finalParameters: state.parameters.digest,
      finalOptimizer: StateRoot.optimizerDigest(state.optimizer))
    try commitment.finish(local, record: record, parameters: state.parameters)
    return record
  }
}

extension ResumePoint {
  /// Whether the roots of all segments before its step are known.
  func hasRoots(of task: TrainingTask) -> Bool {
    let isDone = state.step == task.schedule.steps
    return segmentRoots.count == (isDone ? task.segments : state.step / task.segmentSteps)
  }
}

/// Seconds of the monotonic clock, for what people read and for when to save.
package func monotonicSeconds() -> Double {
  var now = timespec()
  clock_gettime(CLOCK_MONOTONIC, &now)
  return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
}
