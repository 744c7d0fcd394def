package import Cryptography
internal import NeuralNetworks
internal import Persistence
package import Primitives
internal import UsefulWork

/// A directory with one commitment, the trained model and start states of segments.
package struct CommitmentDirectory: Sendable {
  /// Names inside the directory.
  enum Name {
    static let commitment = "commitment.cbor"
    static let lie = "lie"
    static let model = "model.safetensors"
    static func state(_ segment: Int) -> String { "state-\(segment).cbor" }
  }

  private enum Limits {
    /// Roots of the most segments a task may have, and some fields.
    static let commitment = CanonicalLimits(
      bytesMax: 4 << 20, entriesMax: TrainingTask.Limits.segmentsMax)
    /// States kept at most: from the nearest one no segment is further than a 64th of the run.
    static let statesMax = 64
    static let lieBytesMax = 64
    static let stateBytesMax = ModelArchitecture.Limits.parametersMax * 16
  }

  /// What the start states may take unless told otherwise.
  package static let stateBudgetDefault = ByteCount.mebibytes(64)

  /// The directory.
  package let path: String
  private let home: HomeDirectory
  private let key: SigningKey?
  private let stateBudget: ByteCount

  /// Names a directory; nothing is touched. `key` signs what is written.
  package init(
    path: String, key: SigningKey? = nil, stateBudget: ByteCount = Self.stateBudgetDefault
  ) {
    self.path = path
    self.key = key
    self.stateBudget = stateBudget
    home = HomeDirectory(path: path)
  }

  // MARK: Writing

  /// Makes the directory; one with the commitment to another task is left alone.
  func begin(_ local: LocalTask) throws {
    try home.create()
    if home.contains(Name.commitment) {
      guard let other = try? read(), other.task == local.task else {
        throw LocalTrainingError.commitmentExists(directory: path)
      }
    }
    AtomicFile.remove(home.file(Name.lie))
    if let lie = local.lie {
      let words = [lie] + [local.lieOperation].compactMap(\.self)
      let text = words.map { "\($0)" }.joined(separator: " ")
      try AtomicFile.write(Bytes(text.utf8), to: home.file(Name.lie))
    }
  }

  /// Every so many segments a start state is kept.
  private func stride(of task: TrainingTask) -> Int {
    let numbers =
      task.architecture.parameterCount
      + task.settings.optimizer.slots * task.architecture.trainableCount
    let bytes = numbers * MemoryLayout<Float>.size
    let kept = max(1, min(Limits.statesMax, stateBudget.bytes / bytes))
    return (task.segments + kept - 1) / kept
  }

  /// Writes the state before a segment, if its turn has come and the budget has room.
  func keep(_ state: TrainingState, beforeSegment segment: Int, of task: TrainingTask) throws {
    guard segment.isMultiple(of: stride(of: task)) else { return }
    try AtomicFile.write(
      state.encoded(), to: home.file(Name.state(segment)), byteCountMax: Limits.stateBytesMax,
      isDurable: false)
  }

  /// Writes model and commitment, the commitment last: it is there when everything is.
  func finish(_ local: LocalTask, record: WorkRecord, parameters: ParameterBuffer) throws {
    try AtomicFile.write(
      local.saved(parameters).file, to: home.file(Name.model),
      byteCountMax: SavedModel.fileBytesMax)
    let commitment = LocalCommitment(
      task: local.task, record: record, data: local.data.description, signedBy: key)
    try AtomicFile.write(commitment.encoded(), to: home.file(Name.commitment))
  }

  // MARK: Reading

  /// Reads the commitment and checks its signature.
  package func read() throws -> LocalCommitment {
    let file = home.file(Name.commitment)
    guard let bytes = try AtomicFile.read(file, byteCountMax: Limits.commitment.bytesMax) else {
      throw LocalTrainingError.noCommitment(directory: path)
    }
    let commitment: LocalCommitment
    do {
      commitment = try LocalCommitment(decoding: bytes, limits: Limits.commitment)
    } catch {
      throw LocalTrainingError.commitmentDamaged(path: file, reason: error.description)
    }
    guard commitment.isSignatureValid else {
      throw LocalTrainingError.wrongSignature(directory: path)
    }
    return commitment
  }

  /// Step and operator of a lie that the author wrote down, to stand by it in a dispute.
  var lie: (step: Int, operation: Int?)? {
    guard let bytes = try? AtomicFile.read(home.file(Name.lie), byteCountMax: Limits.lieBytesMax)
    else { return nil }
    let numbers = String(decoding: bytes, as: UTF8.self).split(separator: " ").map { Int($0) }
    guard let step = numbers.first, let step else { return nil }
    return (step, numbers.count > 1 ? numbers[1] : nil)
  }

  /// The trained model; nil if the file is not there or is none of the task.
  func model(of task: TrainingTask) throws -> ParameterBuffer? {
    guard
      let bytes = try AtomicFile.read(
        home.file(Name.model), byteCountMax: SavedModel.fileBytesMax)
    else { return nil }
    return try? ParameterBuffer(safetensors: bytes, for: task.architecture)
  }

  /// The last kept state at or before a segment whose root is the committed one.
  func nearestState(to segment: Int, of commitment: LocalCommitment) -> (Int, TrainingState)? {
    for start in Swift.stride(from: segment, to: 0, by: -1) where home.contains(Name.state(start)) {
      guard
        let read = try? AtomicFile.read(
          home.file(Name.state(start)), byteCountMax: Limits.stateBytesMax),
        let state = try? TrainingState(decoding: read, for: commitment.task),
        commitment.task.root(of: state) == commitment.record.segmentRoots[start - 1]
      else { continue }
      return (start, state)
    }
    return nil
  }
}
