internal import Cryptography
internal import Glibc
internal import NeuralNetworks
internal import Persistence
package import Primitives
internal import UsefulWork

/// A run that can go on: its state, and what is shown and committed of the steps before.
struct ResumePoint {
  /// Everything that fixes the rest of the run.
  let state: TrainingState
  /// The roots of the segments done, where they are wanted.
  let segmentRoots: [Digest]
  /// Curves and scores so far.
  let history: TrainingHistory
}

/// Where a run keeps the point from which it can go on; a crash leaves the old or the new one.
///
/// `checkpoint.safetensors` holds parameters and optimizer state for any program that reads
/// safetensors, and names the task and the SHA-256 of one of the two files `progress-N.cbor`. The
/// other of the two is written first, so that the one in use is never touched.
struct ResumeDirectory {
  private enum Name {
    static let checkpoint = "checkpoint.safetensors"
    static let task = "task"
    static let slot = "slot"
    static let digest = "progress"
    static func progress(_ slot: Int) -> String { "progress-\(slot).cbor" }
  }

  private enum Limits {
    /// Parameters and two slots of optimizer state of the largest model, and the header.
    static let checkpointBytesMax = 3 * ModelArchitecture.Limits.parametersMax * 4 + 2 << 20
    /// Roots of the most segments, scores of the most epochs, and curves.
    static let progress = CanonicalLimits(bytesMax: 8 << 20, entriesMax: 1 << 17)
  }

  private let home: HomeDirectory

  /// Names a directory, which `write` makes if it is not there.
  init(_ path: String) { home = HomeDirectory(path: path) }

  /// The file that stands for the whole.
  var path: String { home.file(Name.checkpoint) }

  /// Replaces what is there.
  func write(_ point: ResumePoint, of task: TrainingTask) throws {
    try home.create()
    let used = (try? read())?.configuration[Name.slot]?.integer
    let slot = used == 0 ? 1 : 0
    let progress = CanonicalValue.map([
      "segments": .list(point.segmentRoots), "history": point.history.canonicalValue,
    ]).encoded()
    try AtomicFile.write(progress, to: home.file(Name.progress(slot)))
    let checkpoint = Checkpoint(
      state: point.state,
      progress: task.schedule.progress(after: point.state.step, order: task.order),
      configuration: [
        Name.task: .string(task.digest.hex), Name.slot: JSONValue(slot),
        Name.digest: .string(SHA256.hash(progress).hex),
      ])
    try AtomicFile.write(
      checkpoint.encoded(for: task.architecture.layout), to: path,
      byteCountMax: Limits.checkpointBytesMax)
  }

  private func read() throws -> CheckpointFile? {
    guard let bytes = try AtomicFile.read(path, byteCountMax: Limits.checkpointBytesMax) else {
      return nil
    }
    do throws(SafetensorsError) {
      return try CheckpointFile(decoding: bytes)
    } catch {
      throw LocalTrainingError.checkpointDamaged(path: path, reason: error.description)
    }
  }

  /// Reads the point of a run of `task`; nil if there is none.
  func read(for task: TrainingTask) throws -> ResumePoint? {
    guard let file = try read() else { return nil }
    guard file.configuration[Name.task]?.text == task.digest.hex else {
      throw LocalTrainingError.otherCheckpoint(path: path)
    }
    let state: TrainingState
    do throws(SafetensorsError) {
      state = try file.state(
        for: task.architecture.layout, slots: task.settings.optimizer.slots)
    } catch {
      throw LocalTrainingError.checkpointDamaged(path: path, reason: error.description)
    }
    guard state.step <= task.schedule.steps else {
      throw LocalTrainingError.checkpointDamaged(path: path, reason: "it has too many steps")
    }
    let (roots, history) = try readProgress(of: file)
    return ResumePoint(state: state, segmentRoots: roots, history: history)
  }

  private func readProgress(of file: CheckpointFile) throws -> ([Digest], TrainingHistory) {
    let slot = file.configuration[Name.slot]?.integer == 0 ? 0 : 1
    let place = home.file(Name.progress(slot))
    guard let bytes = try AtomicFile.read(place, byteCountMax: Limits.progress.bytesMax),
      SHA256.hash(bytes).hex == file.configuration[Name.digest]?.text
    else {
      throw LocalTrainingError.checkpointDamaged(
        path: place, reason: "it is not what the checkpoint names")
    }
    do throws(DecodingFailure) {
      return try Self.decodeProgress(bytes)
    } catch {
      throw LocalTrainingError.checkpointDamaged(path: place, reason: error.description)
    }
  }

  fileprivate static func decodeProgress(
    _ bytes: Bytes
  ) throws(DecodingFailure) -> ([Digest], TrainingHistory) {
    var fields = try CanonicalFields(CanonicalValue(decoding: bytes, limits: Limits.progress))
    let roots = try fields.list("segments", of: Digest.self)
    let history = try fields.nested("history", as: TrainingHistory.self)
    try fields.finish()
    return (roots, history)
  }

  /// Forgets the checkpoint of a run that is done.
  func remove() {
    AtomicFile.remove(path)
    for slot in 0...1 { AtomicFile.remove(home.file(Name.progress(slot))) }
    // Fails where the directory holds anything else, which is then not ours to remove.
    rmdir(home.path)
  }
}

/// Fuzz entry: any bytes give roots and a history or a `DecodingFailure`.
package func fuzzTrainingProgress(_ bytes: Bytes) {
  _ = try? ResumeDirectory.decodeProgress(bytes)
}
