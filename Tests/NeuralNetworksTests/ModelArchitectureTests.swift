import FoundationEssentials
import Primitives
import Testing

@testable import NeuralNetworks

@Suite struct ModelArchitectureTests {
  private static var models: [(ModelArchitecture.Body, ModelOutput)] { GradientTests.models }

  @Test("an architecture survives its canonical bytes", arguments: 0..<14)
  func canonical(index: Int) throws {
    let (body, output) = Self.models[index]
    let architecture = try ModelArchitecture(body: body, output: output)
    #expect(try ModelArchitecture(decoding: architecture.encoded()) == architecture)
    let bytes = architecture.encoded()
    for length in 0..<bytes.count {
      #expect(throws: DecodingFailure.self) {
        try ModelArchitecture(decoding: Bytes(bytes.prefix(length)))
      }
    }
    for bit in 0..<bytes.count * 8 {
      var changed = bytes
      changed[bit / 8] ^= 1 << UInt8(bit % 8)
      guard let other = try? ModelArchitecture(decoding: changed) else { continue }
      #expect(other != architecture && other.encoded() == changed, "bit \(bit)")
    }
  }

  @Test("tensors cover the buffer without gaps, running statistics last", arguments: 0..<14)
  func layout(index: Int) throws {
    let (body, output) = Self.models[index]
    let architecture = try ModelArchitecture(body: body, output: output)
    let layout = architecture.layout
    var end = 0
    for tensor in layout.tensors {
      #expect(tensor.offset == end)
      end += tensor.count
    }
    #expect(end == architecture.parameterCount)
    #expect(Set(layout.tensors.map(\.name)).count == layout.tensors.count)
    let running = layout.tensors.filter { $0.name.hasSuffix("running") }
    #expect(running.allSatisfy { $0.offset >= architecture.trainableCount })
    #expect(
      running.reduce(0) { $0 + $1.count }
        == architecture.parameterCount - architecture.trainableCount)
    // Every trainable number has a gradient of its own.
    let harness = try StepHarness(architecture, examples: 2)
    let written = Set(
      (0..<harness.program.updateStart).flatMap { harness.program.ranges(of: $0) }
        .filter(\.isWritten).map(\.offset))
    for tensor in layout.tensors where tensor.offset < architecture.trainableCount {
      #expect(written.contains(harness.program.arena.gradients + tensor.offset), "\(tensor.name)")
    }
  }

  @Test("no operation reads a cell that nobody wrote", arguments: 0..<14)
  func reads(index: Int) throws {
    let (body, output) = Self.models[index]
    let architecture = try ModelArchitecture(body: body, output: output)
    let settings = try TrainingSettings(
      learningRate: 0.1, batchSize: 3, epochs: 1, optimizer: Optimizer(.adamW(.init())),
      gradientNormMax: 1)
    for purpose in [StepProgram.Purpose.training(settings), .evaluation, .prediction] {
      let program = StepProgram(architecture, examples: 3, purpose: purpose)
      var known = Set(0..<program.arena.optimizer + program.arena.optimizerCount)
      known.formUnion(program.arena.cells..<program.arena.scratch)
      for region in [program.input, program.target] {
        known.formUnion(region.offset..<region.offset + region.count)
      }
      for operation in program.operations.indices {
        let name = program.names[operation]
        for range in program.reads(of: operation) {
          #expect(known.isSuperset(of: range), "\(name)")
        }
        for range in program.writes(of: operation) { known.formUnion(range) }
      }
    }
  }

  @Test("the parameters of a known transformer and CNN are counted right")
  func counts() throws {
    // 4 layers, width 128, vocabulary 96, context 64: 826 k parameters with the biases.
    let transformer = try ModelArchitecture(
      body: .transformer(
        TransformerNetwork(vocabulary: 96, context: 64, layers: 4, width: 128, heads: 4)),
      output: .classes)
    let block = 4 * 128 + (128 * 384 + 384) + (128 * 128 + 128) + 2 * 128 * 512 + 512 + 128
    #expect(
      transformer.parameterCount
        == 96 * 128 + 64 * 128 + 4 * block + 2 * 128 + 128 * 96 + 96)
    let cnn = try ModelArchitecture(
      body: .convolutional(
        ConvolutionalNetwork(
          image: ImageSize(height: 28, width: 28, channels: 1),
          blocks: [
            ConvolutionBlock(channels: 16, pooling: .init(.max)),
            ConvolutionBlock(channels: 32, pooling: .init(.max)),
          ], outputs: 10)), output: .classes)
    #expect(cnn.parameterCount == 9 * 16 + 16 + 9 * 16 * 32 + 32 + 1_568 * 10 + 10)
  }

  private static let faults: [(ModelArchitecture.Body, ModelOutput, ModelArchitectureError)] = [
    (.perceptron(Perceptron(units: [3])), .classes, .layerCount(0, limit: 16)),
    (.perceptron(Perceptron(units: [3, 0])), .classes, .unitCount(0, layer: 1, limit: 65_536)),
    (.perceptron(Perceptron(units: [3, 2], dropout: 1)), .classes, .dropout(1)),
    (
      .perceptron(Perceptron(units: [65_536, 65_536])), .classes,
      .parameterCount(65_536 * 65_537, limit: 1 << 28)
    ),
    (
      .logistic(inputs: 2, outputs: 1), .values(.squared),
      .outputMeaning(family: "logistic", output: "mse")
    ),
    (
      .linear(inputs: 2, outputs: 1), .classes,
      .outputMeaning(family: "linear", output: "cross_entropy")
    ),
    (.linear(inputs: 2, outputs: 1), .values(.huber(delta: 0)), .huberDelta(0)),
    (
      .transformer(
        TransformerNetwork(vocabulary: 9, context: 4, layers: 1, width: 10, heads: 3)), .classes,
      .headsDoNotDivide(width: 10, heads: 3)
    ),
    (
      .transformer(
        TransformerNetwork(vocabulary: 9, context: 9_000, layers: 1, width: 10, heads: 1)),
      .classes, .size(name: "context", value: 9_000, range: 1...8_192)
    ),
    (
      .transformer(
        TransformerNetwork(vocabulary: 9, context: 4, layers: 1, width: .max, heads: 1)),
      .classes, .size(name: "width", value: .max, range: 1...16_384)
    ),
    (
      .convolutional(
        ConvolutionalNetwork(
          image: ImageSize(height: 4, width: 4, channels: 1),
          blocks: [ConvolutionBlock(channels: 1, kernel: 5, padding: 0)], outputs: 2)), .classes,
      .windowTooLarge(block: 0, window: 5, side: 4)
    ),
    (
      .convolutional(
        ConvolutionalNetwork(
          image: ImageSize(height: 2, width: 2, channels: 1),
          blocks: [
            ConvolutionBlock(channels: 1, pooling: .init(.max)),
            ConvolutionBlock(channels: 1, pooling: .init(.max)),
          ], outputs: 2)), .classes, .windowTooLarge(block: 1, window: 2, side: 1)
    ),
    (
      .convolutional(
        ConvolutionalNetwork(
          image: ImageSize(height: .max, width: .max, channels: .max), blocks: [], outputs: 2)),
      .classes, .size(name: "image.height", value: .max, range: 1...4_096)
    ),
  ]

  @Test("sizes outside their limits are refused by name", arguments: 0..<13)
  func faults(index: Int) {
    let (body, output, error) = Self.faults[index]
    #expect(throws: error) { try ModelArchitecture(body: body, output: output) }
  }

  @Test("the random start is a function of the seed, with gains 1 and running variances 1")
  func start() throws {
    let (body, output) = Self.models[11]
    let architecture = try ModelArchitecture(body: body, output: output)
    let model = ParameterBuffer(randomFor: architecture, seed: 3)
    #expect(model == ParameterBuffer(randomFor: architecture, seed: 3))
    #expect(model != ParameterBuffer(randomFor: architecture, seed: 4))
    let layout = architecture.layout
    for tensor in layout.tensors {
      let values = Array(model.values[tensor.range])
      if tensor.name.hasSuffix("gain") { #expect(values.allSatisfy { $0 == 1 }) }
      if tensor.name.hasSuffix("bias") { #expect(values.allSatisfy { $0 == 0 }) }
      if tensor.name.hasSuffix("kernel") { #expect(Set(values).count == values.count) }
      if tensor.name.hasSuffix("running") {
        #expect(
          values == [Float](repeating: 0, count: values.count / 2)
            + [Float](repeating: 1, count: values.count / 2))
      }
    }
  }
}
