import Primitives
import Testing

@testable import NeuralNetworks

/// One compiled step of a small model with made-up examples.
struct StepHarness {
  let architecture: ModelArchitecture
  let program: StepProgram
  let arena: StepArena

  init(
    _ architecture: ModelArchitecture, examples: Int, settings: TrainingSettings? = nil,
    threads: Int = 1
  ) throws {
    self.architecture = architecture
    let settings =
      try settings ?? TrainingSettings(learningRate: 0.1, batchSize: examples, epochs: 1)
    program = StepProgram(architecture, examples: examples, purpose: .training(settings))
    arena = StepArena(for: [program], threads: threads, kernels: Kernels.active)
  }

  /// Fills inputs and targets from the random stream `seed`.
  func fill(seed: UInt64) {
    let stream = PhiloxStream(seed: seed, domain: .syntheticData, index: 0)
    let other = PhiloxStream(seed: seed, domain: .syntheticData, index: 2)
    if architecture.readsTokens {
      store(stream.words(program.input.count).map { $0 % UInt32(architecture.outputs) }, .input)
    } else {
      arena.store(stream.uniform(program.input.count, scale: 1), at: program.input.offset)
    }
    switch architecture.output {
    case .classes:
      store(other.words(program.target.count).map { $0 % UInt32(architecture.outputs) }, .target)
    case .flags:
      let flags = other.words(program.target.count).map { Float($0 & 1) }
      arena.store(flags, at: program.target.offset)
    case .values:
      arena.store(other.uniform(program.target.count, scale: 2), at: program.target.offset)
    }
  }

  private enum Place { case input, target }

  private func store(_ numbers: [UInt32], _ place: Place) {
    arena.store(numbers, at: (place == .input ? program.input : program.target).offset)
  }

  /// Mean loss at `parameters`; the gradient is then in the arena.
  func loss(_ parameters: [Float]) throws -> Float {
    arena.store(parameters, at: program.arena.parameters)
    try #require(arena.run(program, 0..<program.updateStart))
    return arena.cells[program.arena.cells + StepCell.loss.rawValue]
  }

  var gradient: [Float] { arena.array(program.arena.gradients, architecture.trainableCount) }
}
