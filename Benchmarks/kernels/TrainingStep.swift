import Glibc
import NeuralNetworks

/// MLP 784-128-10, batch 32, plain gradient descent: the step of `torch_step.py`.
private func makeRun(units: [Int], batch: Int) throws -> TrainingRun {
  let architecture = try ModelArchitecture(units: units)
  let rows = batch * 8
  let stream = PhiloxStream(seed: 1, domain: .syntheticData, index: 0)
  let dataset = try Dataset(
    features: stream.uniform(rows * architecture.inputs, scale: 1),
    labels: stream.words(rows).map { Int32($0 % UInt32(architecture.outputs)) },
    inputs: architecture.inputs,
    classes: architecture.outputs)
  let settings = try TrainingSettings(
    learningRate: 0.1, batchSize: batch, epochs: TrainingSettings.Limits.epochsMax)
  return TrainingRun(
    architecture: architecture,
    state: TrainingState(
      base: ParameterBuffer(randomFor: architecture, seed: 1), architecture: architecture,
      settings: settings),
    source: dataset, settings: settings, order: .shuffled(seed: 1, firstEpoch: 0, client: 0))
}

/// Prints the time of a step, gathering the batch and checking for NaN included.
func measureTrainingStep(isSmoke: Bool) throws {
  let run = try makeRun(units: [784, 128, 10], batch: 32)
  let steps = isSmoke ? 20 : 200
  let pairs = isSmoke ? 2 : 25
  guard let torch = TorchProcess() else {
    let own = try processorTime(1) { try run.run(steps: steps) } / Double(steps)
    print("mlp-step \(decimal(own * 1e6, places: 0)) us; Debian's python3-torch is not installed")
    return
  }
  var comparison = Comparison()
  for pair in 0...pairs {
    guard let other = torch.secondsOfStep(steps) else {
      print("mlp-step: the PyTorch process ended")
      return
    }
    let own = try processorTime(1) { try run.run(steps: steps) } / Double(steps)
    if pair > 0 { comparison.add(own: own, other: other) }
  }
  let time = decimal(comparison.median * 1e6, places: 0)
  print("mlp-step \(time) us \(comparison.ratio(to: "PyTorch \(torch.version)"))")
}

/// Prints the times of the digits session's small parts: state root, step, reading the table.
func measureDigitsParts(isSmoke: Bool) throws {
  let run = try makeRun(units: [64, 128, 10], batch: 16)
  let repeats = isSmoke ? 10 : 2_000
  let times = (0..<(isSmoke ? 1 : 15)).map { _ in
    processorTime(repeats) { _ = run.stateRoot() }
  }
  let median = times.sorted()[times.count / 2]
  print("state-root 9610 parameters \(decimal(median * 1e6, places: 1)) us")
  let step = try processorTime(1) { try run.run(steps: repeats) } / Double(repeats)
  let row = String(repeating: "12,", count: 64) + "7\n"
  let table = Array(String(repeating: row, count: 1_797).utf8)
  let parsing = try processorTime(1) { _ = try Dataset(csv: table) }
  print("csv 1797 rows of 64 features \(decimal(parsing * 1e3, places: 1)) ms")
  print("digits-step 64-128-10 batch 16 \(decimal(step * 1e6, places: 1)) us")
}

/// `torch_step.py` as a child process that does steps when told so; it ends when its input does.
private final class TorchProcess {
  private let input: Int32
  private let output: UnsafeMutablePointer<FILE>
  let version: String

  init?() {
    let script = "Benchmarks/kernels/torch_step.py"
    var toChild: [Int32] = [0, 0]
    var fromChild: [Int32] = [0, 0]
    guard access(script, R_OK) == 0, pipe(&toChild) == 0, pipe(&fromChild) == 0 else { return nil }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, toChild[0], 0)
    posix_spawn_file_actions_adddup2(&actions, fromChild[1], 1)
    for descriptor in toChild + fromChild {
      posix_spawn_file_actions_addclose(&actions, descriptor)
    }
    var child = pid_t()
    var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("python3"), strdup(script), nil]
    defer { for argument in arguments { free(argument) } }
    let status = posix_spawn(&child, "/usr/bin/python3", &actions, nil, &arguments, environ)
    close(toChild[0])
    close(fromChild[1])
    input = toChild[1]
    guard status == 0, let output = fdopen(fromChild[0], "r") else { return nil }
    self.output = output
    guard let version = Self.line(from: output) else { return nil }
    self.version = version
  }

  deinit {
    close(input)
    fclose(output)
  }

  /// The child's processor time of one of `count` steps.
  func secondsOfStep(_ count: Int) -> Double? {
    let request = Array("\(count)\n".utf8)
    guard write(input, request, request.count) == request.count else { return nil }
    return Self.line(from: output).flatMap { Double($0) }
  }

  private static func line(from file: UnsafeMutablePointer<FILE>) -> String? {
    var buffer = [CChar](repeating: 0, count: 256)
    guard fgets(&buffer, Int32(buffer.count), file) != nil else { return nil }
    let text = buffer.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }
    return String(decoding: text, as: UTF8.self)
  }
}
