import Cryptography
import NeuralNetworks
import Node
import Persistence
import Primitives
import UsefulWork

/// One `martlet train`, from files to a trained model.
struct TrainingJob: Sendable {
  let order: TrainingOrder
  let home: HomeDirectory

  /// Trains; the caller's thread does the work.
  func run(
    isStopped: () -> Bool, news: (TrainingNews) -> Void
  ) throws -> TrainingOutcome {
    let data = try TrainingData(order.data, for: order.configuration.architecture)
    let initial = try order.initialPath.map {
      try InitialModel.parameters(
        path: $0, namesPath: order.namesPath, for: order.configuration.architecture)
    }
    var local = try LocalTask(
      order.configuration, settings: order.settings, data: data, seed: order.seed,
      initial: initial, segmentSteps: order.segmentSteps, threads: order.threads)
    local.lie = order.lie
    let plan = try plan(for: local)
    let training = try LocalTraining(local, plan: plan)
    let result = try training.train(isStopped: isStopped, news: news)
    return TrainingOutcome(
      local: local, result: result, checkpointDirectory: plan.checkpointDirectory)
  }

  private func plan(for local: LocalTask) throws -> LocalTrainingPlan {
    // Only a home that is there signs; training needs none.
    let key = home.contains("identity.key") ? try home.key(named: "identity") : nil
    return LocalTrainingPlan(
      checkpointDirectory: order.resumeDirectory
        ?? home.file("training-\(local.task.digest)"),
      resumes: order.resumeDirectory != nil, checkpointSeconds: order.checkpointSeconds,
      commitment: order.commitDirectory.map {
        CommitmentDirectory(path: $0, key: key, stateBudget: order.stateBudget)
      })
  }
}

/// What `martlet train` has in the end.
struct TrainingOutcome: Sendable {
  let local: LocalTask
  let result: LocalTrainingResult
  let checkpointDirectory: String

  /// The hash of the trained model: `ParameterBuffer.digest`, as sessions show it.
  var finalHash: String { result.parameters.digest.hex }

  /// The scores of the trained model.
  var score: Score { result.score }

  /// The model as it is stored.
  var modelFile: Bytes { local.saved(result.parameters).file }

  /// The accuracy where there is one, else the loss.
  private var figure: (name: String, value: Double) {
    guard let accuracy = score.metrics.first(where: { $0.name == "accuracy" }) else {
      return ("loss", score.loss)
    }
    return ("accuracy", accuracy.value)
  }

  /// Why the model is not the one that its configuration asks for; nil if it is.
  func shortfall(_ order: TrainingOrder) -> CommandFailure? {
    guard let wanted = order.configuration.minimumAccuracy, figure.value < wanted else {
      return nil
    }
    return CommandFailure(
      "the test accuracy \(SessionText.decimal(figure.value)) is below `min_accuracy` "
        + SessionText.decimal(wanted),
      hint: "train longer with --epochs, or change the model; what was asked for is written")
  }

  private var seconds: Double { (result.history.seconds * 1_000).rounded() / 1_000 }

  var json: JSONValue {
    [
      "test_\(figure.name)": .number(figure.value), "final_hash": .string(finalHash),
      "steps": JSONValue(local.task.schedule.steps), "seconds": .number(seconds),
    ]
  }

  func text(_ order: TrainingOrder) -> String {
    var rows = score.metrics.map { ("test \($0.name)", SessionText.decimal($0.value)) }
    rows.append(("test loss", SessionText.decimal(score.loss)))
    rows += [
      ("final hash", finalHash), ("steps", "\(local.task.schedule.steps)"),
      ("time", "\(SessionText.decimal(seconds)) s"),
    ]
    if let record = result.record { rows.append(("work root", record.workRoot.hex)) }
    for (name, path) in [
      ("model", order.modelPath), ("report", order.reportPath),
      ("commitment", order.commitDirectory),
    ] {
      if let path { rows.append((name, path)) }
    }
    let width = (rows.map(\.0.count).max() ?? 0) + 2
    return rows.map { name, value in
      name + String(repeating: " ", count: width - name.count) + value
    }.joined(separator: "\n")
  }
}
