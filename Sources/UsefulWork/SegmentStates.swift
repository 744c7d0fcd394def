public import NeuralNetworks
public import Primitives

/// Start states of a task's segments in bounded memory: every k-th is kept, the others are
/// recomputed from the nearest kept one.
public struct SegmentStates: Sendable {
  /// 32 MiB hold all states of an ordinary session's round many times over and fit every worker.
  public static let defaultMax = ByteCount.mebibytes(32)

  /// What the names and lengths of a served state take, generously.
  static let headerBytesMax = 1_024

  private let task: TrainingTask
  /// Every `stride`-th state is kept.
  private let stride: Int
  /// States before segments 0, stride, 2·stride, …
  private var kept: [TrainingState]

  init(task: TrainingTask, base: TrainingState, max: ByteCount) {
    self.task = task
    let floats = base.parameters.values.count + base.optimizer.count
    let keptMax = Swift.max(1, max.bytes / Swift.max(1, floats * MemoryLayout<Float>.size))
    stride = (task.segments + keptMax - 1) / keptMax
    kept = [base]
  }

  /// Keeps the state before `segment` if its turn has come.
  mutating func note(_ state: TrainingState, beforeSegment segment: Int) {
    guard segment < task.segments, segment.isMultiple(of: stride) else { return }
    kept.append(state)
  }

  /// The number of states held.
  public var keptCount: Int { kept.count }

  /// The memory of the states held.
  public var keptBytes: ByteCount {
    ByteCount(
      kept.reduce(0) {
        $0 + ($1.parameters.values.count + $1.optimizer.count) * MemoryLayout<Float>.size
      })
  }

  /// The state before `segment`; nil if there is no such segment.
  public func startState(
    of segment: Int, dataset: Dataset
  ) throws(WorkError) -> TrainingState? {
    guard (0..<task.segments).contains(segment) else { return nil }
    let index = min(segment / stride, kept.count - 1)
    guard index * stride < segment else { return kept[index] }
    let run = task.makeRun(from: kept[index], dataset: dataset)
    for done in index * stride..<segment { try task.advance(run, through: done) }
    return run.state
  }
}

extension TrainingTask {
  /// The start states of this task, each recomputed from the base model when it is asked for.
  public func recomputedStates(from base: ParameterBuffer) -> SegmentStates {
    SegmentStates(task: self, base: startState(base: base), max: ByteCount(0))
  }

  /// The bytes of a served state, header included, at most.
  public var stateBytesMax: Int {
    let slots = settings.optimizer.slots * architecture.trainableCount
    return (architecture.parameterCount + slots) * MemoryLayout<Float>.size
      + SegmentStates.headerBytesMax
  }
}

extension TrainingState {
  /// The bytes that are served: a canonical map of step, parameters and optimizer state.
  public func encoded() -> Bytes {
    CanonicalValue.map([
      "step": .unsigned(UInt64(step)), "parameters": .bytes(parameters.bytes),
      "optimizer": .bytes(ParameterBuffer(optimizer).bytes),
    ]).encoded()
  }

  /// Reads served bytes; sizes and finiteness are checked, truth shows in the root.
  public init(decoding bytes: Bytes, for task: TrainingTask) throws(DecodingFailure) {
    let slots = task.settings.optimizer.slots * task.architecture.trainableCount
    let limits = CanonicalLimits(bytesMax: task.stateBytesMax, entriesMax: 4)
    var fields = try CanonicalFields(CanonicalValue(decoding: bytes, limits: limits))
    let step = try fields.count("step", max: task.schedule.steps)
    let parameters = try ParameterBuffer(
      decoding: try fields.bytes("parameters"), for: task.architecture)
    let optimizer = try ParameterBuffer(
      decoding: try fields.bytes("optimizer"), count: slots, what: "optimizer state")
    try fields.finish()
    self.init(parameters: parameters, optimizer: optimizer.values, step: step)
  }
}
