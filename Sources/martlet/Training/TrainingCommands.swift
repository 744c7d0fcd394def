import Charts
import Glibc
import NeuralNetworks
import Node
import Persistence
import Primitives
import Synchronization
import Telemetry

/// `train`.
enum TrainingCommands {
  static let all = [
    Command(
      words: ["train"], summary: "train a model on data of your own, on this machine",
      options: TrainingOrder.options,
      example: "martlet train --config Examples/model_config.json --data"
        + " Examples/data/digits.csv.gz --epochs 15 --report report.html",
      run: train)
  ]

  /// What a shell expects of a process that ended by Ctrl-C.
  private static let interruptedStatus: Int32 = 130

  @Sendable private static func train(_ arguments: Arguments) async throws {
    let order = try TrainingOrder(arguments)
    try checkWritable([order.modelPath, order.reportPath].compactMap { $0 })
    let stopFlag = StopFlag()
    Interruption.onFirst {
      stopFlag.raise()
      // The run saves, says how to go on, and ends the process.
      while true { pause() }
    }
    let table = TrainingTable(isQuiet: arguments.isJSON)
    let job = TrainingJob(order: order, home: Homes.selected(arguments))
    do {
      let outcome = try await onThread(named: "training") {
        try job.run(isStopped: { stopFlag.isRaised }, news: table.take)
      }
      table.finish()
      try write(outcome, order)
      LocalTraining.removeCheckpoint(in: outcome.checkpointDirectory)
      Output.result(outcome.json, asJSON: arguments.isJSON) { outcome.text(order) }
      if let failure = outcome.shortfall(order) { throw failure }
    } catch let error as LocalTrainingError {
      table.finish()
      guard case .interrupted = error else { throw error }
      Output.error(CommandFailure(describing: error))
      exit(interruptedStatus)
    }
  }

  private static func write(_ outcome: TrainingOutcome, _ order: TrainingOrder) throws {
    if let path = order.modelPath {
      try AtomicFile.write(
        outcome.modelFile, to: path, mode: 0o644, byteCountMax: SavedModel.fileBytesMax)
    }
    if let path = order.reportPath {
      let page = TrainingReport(outcome, order).page
      try AtomicFile.write(Bytes(page.html.utf8), to: path, mode: 0o644)
    }
  }

  /// A mistake in a path is said before the training, not after it.
  static func checkWritable(_ paths: [String]) throws {
    for path in paths {
      let directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
      guard access(directory.isEmpty ? "/" : directory, W_OK | X_OK) == 0 else {
        throw CommandFailure(
          "\(path) cannot be written: \(String(cString: strerror(errno)))",
          hint: "check the directory and its permissions")
      }
    }
  }

  /// Runs work that takes long on a thread of its own.
  static func onThread<Result: Sendable>(
    named name: String, _ work: @escaping @Sendable () throws -> Result
  ) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
      NamedThread(name) { continuation.resume(with: Swift.Result { try work() }) }.detach()
    }
  }
}

/// Set by a signal's thread, looked at by the training thread.
final class StopFlag: Sendable {
  private let flag = Atomic(false)

  /// Whether somebody asked to stop.
  var isRaised: Bool { flag.load(ordering: .relaxed) }

  func raise() { flag.store(true, ordering: .relaxed) }
}
