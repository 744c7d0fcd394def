package import NeuralNetworks

/// Why a local training, its checkpoint or its commitment failed: the fact and the next step.
package enum LocalTrainingError: Error, Equatable, Sendable {
  /// The checkpoint in a directory belongs to another task.
  case otherCheckpoint(path: String)
  case checkpointDamaged(path: String, reason: String)
  /// A checkpoint of a run that committed to nothing.
  case checkpointWithoutRoots(path: String)
  case commitmentDamaged(path: String, reason: String)
  /// There is no commitment in a directory.
  case noCommitment(directory: String)
  /// A directory holds the commitment to another task, which is not overwritten.
  case commitmentExists(directory: String)
  /// A file that a commitment names is not there.
  case dataMissing(path: String)
  /// A file that a commitment names has other bytes now.
  case dataChanged(path: String, expected: String, actual: String)
  /// The files are as committed, but give other examples: another version reads them otherwise.
  case dataReadOtherwise
  /// The signature of a commitment does not verify.
  case wrongSignature(directory: String)
  /// Two commitments are about different tasks, so neither can be wrong.
  case differentTasks
  /// Two commitments have the same work root.
  case nothingDisputed
  /// A step gave a number that is not finite.
  case diverged(step: Int, rate: Double, place: String)
  /// The loss went far above that of the untrained model.
  case lossGrew(DivergenceWatch.Finding, rate: Double)
  /// A person asked to stop; the checkpoint is at `directory`.
  case interrupted(step: Int, directory: String)
  /// A file is not one of those that can be read.
  case unknownFormat(path: String)
  case data(path: String, reason: String, hint: String)
  case model(path: String, reason: String)
  case missingFile(path: String)
  /// A language model continues text; it has no classes or values.
  case nothingToPredict
  /// A model of classes or values continues no text.
  case nothingToContinue
  case emptyPrompt
  /// A language model gave NaN or an infinity for a token of a text.
  case outputsNotFinite(token: Int)
  case noSuchSegment(Int, count: Int)
}

extension LocalTrainingError: CustomStringConvertible {
  /// One lower-case sentence without a full stop.
  package var description: String {
    switch self {
    case .otherCheckpoint(let path): "\(path) is the checkpoint of another task"
    case .checkpointDamaged(let path, let reason): "\(path) is damaged: \(reason)"
    case .checkpointWithoutRoots(let path):
      "\(path) is of a run without --commit, so the roots of its segments are unknown"
    case .commitmentDamaged(let path, let reason): "\(path) is damaged: \(reason)"
    case .noCommitment(let directory): "there is no commitment in \(directory)"
    case .commitmentExists(let directory): "\(directory) holds the commitment to another task"
    case .dataMissing(let path): "the data file \(path) is not there any more"
    case .dataChanged(let path, let expected, let actual):
      "the data file \(path) has changed: its SHA-256 is \(actual.prefix(16))…, "
        + "the commitment says \(expected.prefix(16))…"
    case .dataReadOtherwise: "the data files give other examples than the task names"
    case .wrongSignature(let directory):
      "the signature of the commitment in \(directory) does not verify"
    case .differentTasks: "the two commitments are about different tasks"
    case .nothingDisputed: "the two commitments have the same work root"
    case .diverged(let step, let rate, let place):
      "the training diverged: step \(step) gave a number that is not finite in \(place) at the "
        + "learning rate \(Float(rate))"
    case .lossGrew(let finding, let rate):
      "the training diverged at the learning rate \(Float(rate)): \(finding)"
    case .interrupted(let step, _): "stopped after \(step) steps"
    case .unknownFormat(let path): "\(path) is not a data file of a known format"
    case .data(let path, let reason, _): "\(path): \(reason)"
    case .model(let path, let reason): "\(path): \(reason)"
    case .missingFile(let path): "there is no file \(path)"
    case .nothingToPredict: "the model continues text; it has no classes or values to predict"
    case .nothingToContinue: "the model is no language model, so it continues no text"
    case .emptyPrompt: "the prompt is empty"
    case .outputsNotFinite(let token):
      "the model gave a number that is not finite for token \(token)"
    case .noSuchSegment(let segment, let count): "there is no segment \(segment) among \(count)"
    }
  }

  /// What to do next.
  package var hint: String {
    switch self {
    case .otherCheckpoint:
      "give the same configuration, data, seed and options as before, or another --resume"
    case .checkpointDamaged(let path, _): "remove \(path) to start again from the beginning"
    case .checkpointWithoutRoots(let path):
      "leave --commit away, or remove \(path) to start again"
    case .commitmentDamaged: "it is not the file that was written; ask its author for a copy"
    case .noCommitment: "`martlet train --commit DIR` writes one"
    case .commitmentExists: "choose another directory for --commit"
    case .dataMissing: "name its new place with --data"
    case .dataChanged: "restore the file that was trained on, or name its copy with --data"
    case .dataReadOtherwise: "use the version of martlet that wrote the commitment"
    case .wrongSignature: "do not trust it; ask its author for another copy"
    case .differentTasks:
      "both sides of a dispute train the same configuration, data and seed"
    case .nothingDisputed: "there is nothing to decide; check them with `martlet work verify`"
    case .diverged(_, let rate, _), .lossGrew(_, let rate):
      "try a smaller learning rate, such as --rate \(Float(rate) / 10)"
    case .interrupted(_, let directory): "go on with --resume \(directory)"
    case .unknownFormat: "CSV, NPY, NPZ, IDX and text files are read, also as .gz"
    case .data(_, _, let hint): hint
    case .model:
      "give a model that `martlet train --save` wrote, or to predict one in the ONNX format"
    case .missingFile: "check the path"
    case .nothingToPredict:
      "give --prompt TEXT to continue, or score the model with `martlet evaluate`"
    case .nothingToContinue: "let it look at data with --data FILE"
    case .emptyPrompt: "give at least one character to go on from"
    case .outputsNotFinite: "its parameters are too large; train it at a smaller learning rate"
    case .noSuchSegment: "segments count from 0"
    }
  }
}

extension LocalTrainingError {
  /// Why a run at a learning rate could not go on.
  init(_ failure: TrainingFailure, rate: Double) {
    switch failure {
    case .notFinite(let failure):
      let tensor = failure.tensor.map { " (\($0))" } ?? ""
      self = .diverged(step: failure.step, rate: rate, place: failure.operation + tensor)
    case .data(let error, let step):
      self = .data(path: "step \(step)", reason: error.description, hint: error.hint)
    case .indexOutOfRange:
      self = .data(
        path: "the training data", reason: failure.description,
        hint: "compare the outputs of the model with the data")
    }
  }
}
