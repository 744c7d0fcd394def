import NeuralNetworks
import Primitives
import Testing

@testable import UsefulWork

@Suite("Memory that work takes") struct MemoryEstimateTests {
  private func task(
    units: [Int], batch: Int, examples: Int, momentum: Float = 0
  ) throws -> TrainingTask {
    let work = try WorkFixture(seed: 1)
    return try TrainingTask(
      architecture: ModelArchitecture(units: units),
      settings: TrainingSettings(
        learningRate: 0.1, batchSize: batch, epochs: 1,
        optimizer: .init(momentum: momentum, weightDecay: 0)),
      session: work.task.session, seed: 1, round: 0, client: 0, base: work.task.base,
      dataset: work.task.dataset, examples: examples, segmentSteps: 10_000)
  }

  @Test("data, model, states and one batch are counted, four bytes a number")
  func sum() throws {
    // 4 · 8 + 8 + 8 · 3 + 3 = 67 parameters, 15 numbers a layer's way and back.
    let numbers = 100 * (4 + 1) + 4 * 67 + 2 * 67 + 2 * 10 * 15
    #expect(
      try task(units: [4, 8, 3], batch: 10, examples: 100).memoryEstimate == ByteCount(numbers * 4))
  }

  @Test("more of anything takes more")
  func growth() throws {
    let small = try task(units: [4, 8, 3], batch: 10, examples: 100).memoryEstimate
    #expect(try task(units: [4, 9, 3], batch: 10, examples: 100).memoryEstimate > small)
    #expect(try task(units: [4, 8, 3], batch: 11, examples: 100).memoryEstimate > small)
    #expect(try task(units: [4, 8, 3], batch: 10, examples: 101).memoryEstimate > small)
    let slots = try task(units: [4, 8, 3], batch: 10, examples: 100, momentum: 0.9)
    #expect(slots.memoryEstimate > small)
  }

  @Test("a task of the largest sizes has a number, not a trap")
  func largest() throws {
    let huge = try task(units: [65_536, 1, 2], batch: 512, examples: Dataset.Limits.valuesMax)
    #expect(huge.memoryEstimate > .gibibytes(1))
  }
}
