import Cryptography
import NeuralNetworks
import Primitives
import Testing

@testable import UsefulWork

@Suite struct TaskFormatTests {
  @Test("a task and a record survive their canonical bytes")
  func roundTrip() throws {
    let work = try WorkFixture(seed: 3, momentum: 0.9)
    let task = try TrainingTask(decoding: work.task.encoded())
    #expect(task == work.task)
    #expect(task.digest == work.task.digest)
    let record = try work.task.execute(dataset: work.dataset, base: work.base).record
    #expect(try WorkRecord(decoding: record.encoded()) == record)
  }

  @Test("every truncation and no flipped bit of a task passes unseen")
  func hostile() throws {
    let task = try WorkFixture(seed: 3).task
    let bytes = task.encoded()
    for length in 0..<bytes.count {
      #expect(throws: DecodingFailure.self) {
        try TrainingTask(decoding: Bytes(bytes.prefix(length)))
      }
    }
    for bit in 0..<bytes.count * 8 {
      var changed = bytes
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      guard let other = try? TrainingTask(decoding: changed) else { continue }
      #expect(other.digest != task.digest, "bit \(bit)")
    }
  }

  @Test("every truncation of a record is refused")
  func truncatedRecord() throws {
    let work = try WorkFixture(seed: 3)
    let bytes = try work.task.execute(dataset: work.dataset, base: work.base).record.encoded()
    for length in 0..<bytes.count {
      #expect(throws: DecodingFailure.self) {
        try WorkRecord(decoding: Bytes(bytes.prefix(length)))
      }
    }
  }

  @Test("the work root changes with every part of the record")
  func workRoot() throws {
    let work = try WorkFixture(seed: 3)
    let record = try work.task.execute(dataset: work.dataset, base: work.base).record
    var roots: Set = [record.workRoot]
    for index in record.segmentRoots.indices {
      var segments = record.segmentRoots
      segments[index] = .zero
      roots.insert(
        WorkRecord(
          task: record.task, segmentRoots: segments, finalParameters: record.finalParameters,
          finalOptimizer: record.finalOptimizer
        ).workRoot)
    }
    for (task, parameters, optimizer) in [
      (Digest.zero, record.finalParameters, record.finalOptimizer),
      (record.task, .zero, record.finalOptimizer), (record.task, record.finalParameters, .zero),
    ] {
      roots.insert(
        WorkRecord(
          task: task, segmentRoots: record.segmentRoots, finalParameters: parameters,
          finalOptimizer: optimizer
        ).workRoot)
    }
    #expect(roots.count == record.segmentRoots.count + 4)
  }

  @Test("inputs other than the named ones are refused")
  func inputs() throws {
    let work = try WorkFixture(seed: 3)
    let other = try WorkFixture(seed: 4)
    #expect(throws: WorkError.otherDataset) {
      try work.task.execute(dataset: other.dataset, base: work.base)
    }
    #expect(throws: WorkError.otherBase) {
      try work.task.execute(dataset: work.dataset, base: other.base)
    }
  }

  @Test("a task beyond its limits is refused by name")
  func limits() throws {
    func make(
      units: [Int] = [4, 2], batch: Int = 1, epochs: Int = 1, round: Int = 0, client: Int = 0,
      examples: Int = 10, segmentSteps: Int = 10
    ) throws {
      _ = try TrainingTask(
        architecture: ModelArchitecture(units: units),
        settings: TrainingSettings(learningRate: 0.1, batchSize: batch, epochs: epochs),
        session: .zero, seed: 0, round: round, client: client, base: .zero, dataset: .zero,
        examples: examples, segmentSteps: segmentSteps)
    }
    try make()
    #expect(throws: WorkError.round(1 << 20)) { try make(round: 1 << 20) }
    #expect(throws: WorkError.round(-1)) { try make(round: -1) }
    #expect(throws: WorkError.client(1 << 28)) { try make(client: 1 << 28) }
    #expect(throws: WorkError.examples(0)) { try make(examples: 0) }
    #expect(throws: WorkError.segmentSteps(0)) { try make(segmentSteps: 0) }
    #expect(throws: WorkError.segments(100_000)) { try make(epochs: 1_000, examples: 1_000) }
    #expect(throws: WorkError.activations(65_536 * 65_538)) {
      try make(units: [65_536, 2], batch: 65_536, examples: 65_536)
    }
    try make(units: [65_536, 2], batch: 65_536, examples: 100)
  }
}
