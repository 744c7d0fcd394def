internal import Cryptography
internal import NeuralNetworks
internal import Persistence
internal import Primitives
internal import UsefulWork

/// A run that can go on: its state, and what is shown and committed of the steps before.
struct TrainingCheckpoint {
  /// The task's digest: a checkpoint of another task is refused.
  let task: Digest
  /// Everything that fixes the rest of the run.
  let state: TrainingState
  /// The roots of the segments done, where they are wanted.
  let segmentRoots: [Digest]
  /// Curves and scores so far.
  let history: TrainingHistory
}

/// The one file of a checkpoint directory; a crash leaves the old or the new one, never a part.
///
/// The file is SHA-256(body) ‖ body; the body is a canonical map.
struct CheckpointFile {
  private static let name = "checkpoint.cbor"
  /// The largest model with two slots of optimizer state, and the curves.
  private static let bytesMax = 4 * ModelArchitecture.Limits.parametersMax * 4
  private static let entriesMax = 1 << 17
  private let directory: HomeDirectory

  /// The file in a directory, which `write` makes if it is not there.
  init(directory: String) { self.directory = HomeDirectory(path: directory) }

  /// Where it is.
  var path: String { directory.file(Self.name) }

  /// Replaces the file.
  func write(_ checkpoint: TrainingCheckpoint) throws {
    try directory.create()
    let body = CanonicalValue.map([
      "task": checkpoint.task.canonicalValue, "state": .bytes(checkpoint.state.encoded()),
      "segments": .list(checkpoint.segmentRoots), "history": checkpoint.history.canonicalValue,
    ]).encoded()
    try AtomicFile.write(
      SHA256.hash(body).bytes + body, to: path, byteCountMax: Self.bytesMax)
  }

  /// Reads the file of a run of `task`; nil if there is none.
  func read(for task: TrainingTask) throws -> TrainingCheckpoint? {
    guard let bytes = try AtomicFile.read(path, byteCountMax: Self.bytesMax) else { return nil }
    guard bytes.count > Digest.byteCount else {
      throw LocalTrainingError.checkpointDamaged(path: path, reason: "it ends too early")
    }
    let body = Bytes(bytes[Digest.byteCount...])
    guard SHA256.hash(body).bytes == Bytes(bytes[..<Digest.byteCount]) else {
      throw LocalTrainingError.checkpointDamaged(
        path: path, reason: "its checksum does not match")
    }
    do {
      return try decode(body, for: task)
    } catch let failure as DecodingFailure {
      throw LocalTrainingError.checkpointDamaged(path: path, reason: failure.description)
    }
  }

  private func decode(_ body: Bytes, for task: TrainingTask) throws -> TrainingCheckpoint {
    var fields = try CanonicalFields(
      CanonicalValue(
        decoding: body,
        limits: CanonicalLimits(bytesMax: Self.bytesMax, entriesMax: Self.entriesMax)))
    let name = try fields.nested("task", as: Digest.self)
    guard name == task.digest else {
      throw LocalTrainingError.otherCheckpoint(path: path)
    }
    let state = try TrainingState(decoding: try fields.bytes("state"), for: task)
    let roots = try fields.list("segments", of: Digest.self)
    let history = try fields.nested("history", as: TrainingHistory.self)
    try fields.finish()
    return TrainingCheckpoint(
      task: name, state: state, segmentRoots: roots, history: history)
  }

  /// Forgets the checkpoint of a run that is done.
  func remove() { AtomicFile.remove(path) }
}
