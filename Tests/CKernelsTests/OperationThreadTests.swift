import CKernels
import Testing

@Suite struct OperationThreadTests {
  /// An operation large enough to be shared, and which of its operands are special.
  struct Example: Sendable, CustomStringConvertible {
    let opcode: mk_opcode
    let sizes: [Int]
    var constants: [Float] = []
    var flags = 0
    /// Counts of the inputs; labels and the like hold 0, 1, 2, ….
    let inputs: [Int]
    let outputs: [Int]
    var integers: Int?
    var description: String { String(cString: mk_operation_name(opcode.rawValue)) }
  }

  private static let count = 120_000

  static let examples: [Example] = [
    Example(
      opcode: mk_op_matmul, sizes: [150, 130, 120], inputs: [18_000, 15_600], outputs: [19_500]),
    Example(opcode: mk_op_bias, sizes: [301, 400], inputs: [120_400, 400], outputs: [120_400]),
    Example(opcode: mk_op_column_sums, sizes: [301, 401], inputs: [120_701], outputs: [401]),
    Example(opcode: mk_op_activation, sizes: [count, 4], inputs: [count], outputs: [count]),
    Example(
      opcode: mk_op_dropout, sizes: [count + 3, 1 << 22, 5], constants: [1.25],
      inputs: [count + 3, 4], outputs: [count + 3]),
    Example(
      opcode: mk_op_layer_norm_backward, sizes: [401, 301], constants: [1.0 / 301],
      inputs: [120_701, 120_701, 301, 802], outputs: [120_701, 301, 301]),
    Example(
      opcode: mk_op_batch_norm, sizes: [6_001, 20], constants: [1e-5, 1.0 / 6_001, 0.1, 0.9, 1],
      inputs: [120_020, 20, 20], outputs: [120_020, 40, 40]),
    Example(
      opcode: mk_op_batch_norm_backward, sizes: [6_001, 20], constants: [1.0 / 6_001],
      inputs: [120_020, 120_020, 20, 40], outputs: [120_020, 20, 20]),
    Example(
      opcode: mk_op_batch_norm_inference, sizes: [6_001, 20], constants: [2],
      inputs: [120_020, 20, 20, 40], outputs: [120_020]),
    Example(
      opcode: mk_op_attention, sizes: [3, 70, 3, 16], constants: [0.25],
      flags: Int(mk_flag_causal), inputs: [30_240], outputs: [10_080, 44_100]),
    Example(
      opcode: mk_op_attention_backward, sizes: [3, 70, 3, 16], constants: [0.25],
      flags: Int(mk_flag_causal), inputs: [10_080, 30_240, 44_100], outputs: [30_240]),
    Example(
      opcode: mk_op_embedding_backward, sizes: [900, 150, 900], inputs: [900, 135_000],
      outputs: [135_000], integers: 0),
    Example(
      opcode: mk_op_softmax_cross_entropy, sizes: [400, 301], constants: [0.5],
      inputs: [120_400, 400], outputs: [120_400, 400], integers: 1),
    Example(
      opcode: mk_op_max_pool, sizes: [5, 40, 40, 16, 2, 2, 0], inputs: [128_000],
      outputs: [32_000, 32_000]),
    Example(
      opcode: mk_op_average_pool_backward, sizes: [5, 40, 40, 16, 2, 2, 0], constants: [0.25],
      inputs: [32_000], outputs: [128_000]),
    Example(
      opcode: mk_op_conv, sizes: [5, 20, 20, 8, 16, 3, 1, 1], inputs: [16_000, 1_152],
      outputs: [32_000]),
    Example(
      opcode: mk_op_conv_weights, sizes: [5, 20, 20, 8, 16, 3, 1, 1], inputs: [16_000, 32_000],
      outputs: [1_152]),
    Example(
      opcode: mk_op_conv_input, sizes: [5, 20, 20, 8, 16, 3, 1, 1], inputs: [32_000, 1_152],
      outputs: [16_000]),
    Example(opcode: mk_op_gradient_norm, sizes: [count], inputs: [count], outputs: [1]),
    Example(
      opcode: mk_op_adam, sizes: [count], constants: [0.9, 0.1, 0.99, 0.01, 1e-8, 0],
      inputs: [count, 2], outputs: [count, count, count]),
  ]

  @Test("any number of threads gives the same bits", arguments: examples)
  func threads(example: Example) throws {
    var fixture = OperationFixture(
      example.opcode, example.sizes, constants: example.constants, flags: example.flags)
    for (slot, count) in example.inputs.enumerated() {
      if slot == example.integers {
        fixture.input(slot, integers: (0..<Int32(count)).map { $0 * 7 % 300 })
      } else {
        fixture.input(slot, numbers(count, seed: UInt64(slot)).map { abs($0) })
      }
    }
    for (slot, count) in example.outputs.enumerated() {
      fixture.output(slot, count: count, initial: [Float](repeating: 0.5, count: count))
    }
    #expect(mk_operation_work(&fixture.operation) >= 2_000_000)
    let variant = mk_active_variant().rawValue
    let single = fixture.results(variant: variant).mapValues(bits)
    #expect(single.count == example.outputs.count)
    for threads in [Int64(2), 3, 5] {
      #expect(fixture.results(variant: variant, threads: threads).mapValues(bits) == single)
    }
  }
}
