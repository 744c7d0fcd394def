import CKernels
import Cryptography
import Primitives
import Testing

@testable import NeuralNetworks

@Suite struct TrainingRunTests {
  private func dataset(rows: Int, inputs: Int, classes: Int) throws -> Dataset {
    let stream = PhiloxStream(seed: 11, domain: .syntheticData, index: 0)
    return try Dataset(
      features: stream.uniform(rows * inputs, scale: 1),
      labels: stream.words(rows).map { Int32($0 % UInt32(classes)) }, inputs: inputs,
      classes: classes)
  }

  private func makeRun(
    momentum: Float = 0, units: [Int] = [784, 128, 10], rows: Int = 250, variant: UInt32? = nil,
    epochs: Int = 3
  ) throws -> TrainingRun {
    let architecture = try ModelArchitecture(units: units)
    let settings = try TrainingSettings(
      learningRate: 0.1, batchSize: 32, epochs: epochs,
      optimizer: .init(momentum: momentum, weightDecay: momentum / 1_000))
    return TrainingRun(
      architecture: architecture,
      state: TrainingState(
        base: ParameterBuffer(randomFor: architecture, seed: 5), architecture: architecture,
        settings: settings),
      source: try dataset(rows: rows, inputs: architecture.inputs, classes: architecture.outputs),
      settings: settings, order: .shuffled(seed: 5, firstEpoch: 7, client: 3),
      kernels: try variant.map { try #require(mk_variant_kernels(mk_variant($0))) }
        ?? Kernels.active)
  }

  @Test("24 steps have golden roots on every variant", arguments: runnableVariants)
  func golden(variant: UInt32) throws {
    let plain = try makeRun(variant: variant)
    try plain.run(steps: 24)
    #expect(plain.isFinished)
    #expect(
      plain.stateRoot().hex == "3d9a0664004cca02a9dd977bfde1fbcd24c54ae3723ede0e7b1f2e9552cb005c")
    let momentum = try makeRun(momentum: 0.9, variant: variant)
    try momentum.run(steps: 24)
    #expect(
      momentum.stateRoot().hex
        == "fdbdae590aeeee2ea221c35878ff425365f17096db1231c85617fbc079c68e66")
  }

  @Test(
    "whole steps, whose first gradient is never written, equal steps by single operations",
    arguments: runnableVariants)
  func earlyUpdate(variant: UInt32) throws {
    let whole = try makeRun(variant: variant)
    let taken = try makeRun(variant: variant)
    for _ in 0..<9 {
      try whole.run(steps: 1)
      #expect(try taken.traceStep().entries.last?.digest == whole.stateRoot())
    }
    let gradients = whole.programs.full.arena.gradients
    #expect(whole.arena.array(gradients, 784 * 128).allSatisfy { $0 == 0 })
    #expect(whole.arena.array(gradients + 784 * 128, 128).contains { $0 != 0 })
    #expect(taken.arena.array(gradients, 784 * 128).contains { $0 != 0 })
  }

  @Test("stopping and going on anywhere gives the same roots", arguments: [Float(0), 0.9])
  func resumed(momentum: Float) throws {
    let whole = try makeRun(momentum: momentum, units: [9, 8, 4], rows: 70)
    var roots = [whole.stateRoot()]
    while !whole.isFinished {
      try whole.run(steps: 1)
      roots.append(whole.stateRoot())
    }
    #expect(Set(roots).count == roots.count)
    for step in 0..<roots.count {
      let first = try makeRun(momentum: momentum, units: [9, 8, 4], rows: 70)
      try first.run(steps: step)
      let settings = try TrainingSettings(
        learningRate: 0.1, batchSize: 32, epochs: 3,
        optimizer: .init(momentum: momentum, weightDecay: momentum / 1_000))
      let second = TrainingRun(
        architecture: try ModelArchitecture(units: [9, 8, 4]), state: first.state,
        source: try dataset(rows: 70, inputs: 9, classes: 4), settings: settings,
        order: .shuffled(seed: 5, firstEpoch: 7, client: 3))
      #expect(second.stateRoot() == roots[step])
      try second.run(steps: .max - roots.count)
      #expect(second.stateRoot() == roots.last)
    }
  }

  @Test("a root changes with one bit of any part of the state")
  func rootBinds() throws {
    let run = try makeRun(momentum: 0.9, units: [4, 3, 2], rows: 40)
    try run.run(steps: 3)
    let order = BatchOrder.shuffled(seed: 5, firstEpoch: 7, client: 3)
    var roots = [run.schedule.root(of: run.state, order: order)]
    for index in run.state.parameters.values.indices {
      var state = run.state
      let bits = state.parameters.values[index].bitPattern ^ 1
      state.parameters.values[index] = Float(bitPattern: bits)
      roots.append(run.schedule.root(of: state, order: order))
      state = run.state
      state.optimizer[index] = -state.optimizer[index]
      roots.append(run.schedule.root(of: state, order: order))
    }
    var state = run.state
    state.step += 1
    roots.append(run.schedule.root(of: state, order: order))
    #expect(Set(roots).count == roots.count)
  }

  @Test("a run that leaves the finite numbers fails at that step")
  func notFinite() throws {
    let architecture = try ModelArchitecture(units: [4, 3, 2])
    let settings = try TrainingSettings(learningRate: 100, batchSize: 8, epochs: 1)
    let base = ParameterBuffer(
      ParameterBuffer(randomFor: architecture, seed: 1).values.map { $0 * 1e30 })
    let run = TrainingRun(
      architecture: architecture,
      state: TrainingState(base: base, architecture: architecture, settings: settings),
      source: try dataset(rows: 40, inputs: 4, classes: 2), settings: settings,
      order: .splitMix(seed: 1))
    let expected = NumericFailure(step: 0, operation: "layers.1/matmul")
    #expect(throws: TrainingFailure.notFinite(expected)) { try run.run(steps: 5) }
  }

  @Test("an epoch visits every example once", arguments: [1, 2, 5, 31, 144, 1_000])
  func permutation(count: Int) {
    for order in [
      BatchOrder.shuffled(seed: 3, firstEpoch: 2, client: 1), .splitMix(seed: 1_001),
    ] {
      for epoch in 0..<3 {
        let sorted = order.permutation(epoch: epoch, count: count).sorted()
        #expect(sorted == (0..<count).map { Int32($0) })
      }
    }
  }

  @Test("epochs and clients have their own orders, counted through the whole session")
  func orders() {
    let first = BatchOrder.shuffled(seed: 3, firstEpoch: 0, client: 1)
    let later = BatchOrder.shuffled(seed: 3, firstEpoch: 5, client: 1)
    #expect(first.permutation(epoch: 6, count: 99) == later.permutation(epoch: 1, count: 99))
    #expect(first.permutation(epoch: 0, count: 99) != later.permutation(epoch: 0, count: 99))
    let other = BatchOrder.shuffled(seed: 3, firstEpoch: 0, client: 2)
    #expect(first.permutation(epoch: 0, count: 99) != other.permutation(epoch: 0, count: 99))
  }

  @Test("the SplitMix64 order is that of the NumPy baseline")
  func baselineOrder() {
    // digits task, SM(1000).perm(8) twice.
    let order = BatchOrder.splitMix(seed: 1_000)
    #expect(order.permutation(epoch: 0, count: 8) == [5, 6, 7, 3, 4, 1, 2, 0])
    #expect(order.permutation(epoch: 1, count: 8) == [5, 2, 6, 0, 1, 3, 4, 7])
  }
}
