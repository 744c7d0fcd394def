import CKernels
import Cryptography
import Glibc
import Primitives
import Testing

@testable import NeuralNetworks

@Suite struct GoldenRunTests {
  /// State roots after 10 steps of `SmallRuns`, as in docs/specs/models.md §7.
  private static let roots = [
    "35cef219929ae2c19a017b51155b4a8a5c50b84fdc18c1834f28c60e2d12422b",
    "ffa4d88e0c1ab9e3c08a1149819f762798f3a7e732e6620ab9cf8f91e3d56347",
    "f0ef489eceed8d242446ae159b30961744bfa1c6a03711e240d88d4a6fa1f3e1",
  ]

  @Test("runs of ten steps have golden roots on every variant", arguments: runnableVariants)
  func variants(variant: UInt32) throws {
    for index in 0..<SmallRuns.count {
      let run = try SmallRuns.make(index, variant: variant)
      try run.run(steps: 10)
      #expect(run.stateRoot().hex == Self.roots[index], "run \(index)")
    }
  }

  #if arch(x86_64)
    /// Flush-to-zero with denormals-are-zero, rounding down, rounding to zero (MXCSR).
    @Test(
      "a program that flushes subnormal numbers or rounds otherwise trains the same bits",
      arguments: [0x9fc0, 0x3f80, 0x7f80] as [UInt32])
    func floatState(state: UInt32) throws {
      for index in 0..<SmallRuns.count {
        let run = try SmallRuns.make(index)
        var before = fenv_t()
        fegetenv(&before)
        var other = before
        other.__mxcsr = state
        fesetenv(&other)
        let result = Result { try run.run(steps: 10) }
        fesetenv(&before)
        try result.get()
        #expect(run.stateRoot().hex == Self.roots[index], "run \(index)")
      }
    }
  #endif

  @Test("any number of threads gives the same bits", arguments: [2, 3, 5])
  func threads(count: Int) throws {
    for index in 0..<SmallRuns.count {
      let run = try SmallRuns.make(index, threads: count)
      try run.run(steps: 10)
      #expect(run.stateRoot().hex == Self.roots[index], "run \(index)")
    }
    // Large enough for the threads to share the products.
    let roots = try [1, count].map { threads in
      let architecture = try ModelArchitecture(
        body: .transformer(
          TransformerNetwork(vocabulary: 96, context: 32, layers: 1, width: 128, heads: 4)),
        output: .classes)
      let settings = try TrainingSettings(
        learningRate: 0.001, batchSize: 8, epochs: 1, optimizer: Optimizer(.adam(.init())))
      let run = TrainingRun(
        architecture: architecture,
        state: TrainingState(
          base: ParameterBuffer(randomFor: architecture, seed: 1), architecture: architecture,
          settings: settings),
        source: try SmallRuns.source(for: architecture, rows: 16), settings: settings,
        order: .shuffled(seed: 1, firstEpoch: 0, client: 0), threads: threads)
      try run.run(steps: 2)
      return run.stateRoot()
    }
    #expect(roots[0] == roots[1])
  }

  @Test("dropout depends on step, epoch and client, and on nothing else")
  func dropout() throws {
    func root(firstEpoch: UInt32, client: UInt32) throws -> String {
      let fresh = try SmallRuns.make(0)
      // One example visited in the same order by everybody: only dropout can differ.
      let run = TrainingRun(
        architecture: fresh.architecture, state: fresh.state,
        source: try SmallRuns.source(for: fresh.architecture, rows: 1), settings: fresh.settings,
        order: .shuffled(seed: 1, firstEpoch: firstEpoch, client: client))
      try run.run(steps: 1)
      return run.stateRoot().hex
    }
    let roots = try [(0, 0), (1, 0), (0, 1)].map { try root(firstEpoch: $0.0, client: $0.1) }
    #expect(Set(roots).count == 3)
    #expect(try root(firstEpoch: 0, client: 0) == roots[0])
  }
}
