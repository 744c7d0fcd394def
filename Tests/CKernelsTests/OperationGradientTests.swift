import CKernels
import Testing

/// Every backward operation against central differences of its forward operation.
@Suite struct OperationGradientTests {
  /// A function of one array and its gradient for the output's gradient `dy`.
  struct Example: Sendable, CustomStringConvertible {
    let description: String
    let x: [Float]
    let dy: [Float]
    let value: @Sendable ([Float]) -> [Float]?
    let gradient: @Sendable ([Float]) -> [Float]?
  }

  @Test("the gradient agrees with differences of the function", arguments: examples)
  func differences(example: Example) throws {
    let gradient = try #require(example.gradient(example.x))
    #expect(gradient.count == example.x.count)
    // The step balances the error of the difference (h²) against that of Float (ε / h).
    let h: Float = 0x1p-7
    let largest = max(1, gradient.map { abs($0) }.max() ?? 0)
    for index in stride(from: 0, to: example.x.count, by: 1 + example.x.count / 150) {
      func objective(_ step: Float) throws -> Double {
        var x = example.x
        x[index] += step
        return zip(try #require(example.value(x)), example.dy).reduce(0) {
          $0 + Double($1.0) * Double($1.1)
        }
      }
      let difference = Float((try objective(h) - objective(-h)) / Double(2 * h))
      #expect(abs(difference - gradient[index]) < 3e-3 * largest, "element \(index)")
    }
  }

  private static let variant = mk_active_variant().rawValue

  /// The first output of an operation on `operands` by slot; `x` stands for the one called nil.
  private static func output(
    _ opcode: mk_opcode, _ sizes: [Int], _ operands: [[Float]?], x: [Float], outputs: [Int],
    wanted: Int = 0, constants: [Float] = [], flags: Int = 0
  ) -> [Float]? {
    var fixture = OperationFixture(opcode, sizes, constants: constants, flags: flags)
    for (slot, operand) in operands.enumerated() { fixture.input(slot, operand ?? x) }
    for (slot, count) in outputs.enumerated() { fixture.output(slot, count: count) }
    return fixture.results(variant: variant)[wanted]
  }

  /// Numbers that differ from one another and from 0 by more than two steps: no kink is crossed.
  private static func apart(_ count: Int) -> [Float] {
    (0..<count).map { (Float($0 * 37 % count) - Float(count / 2) + 0.5) * 0.04 }
  }

  static let examples = activations + windows + norms + sequences + losses

  private static let activations: [Example] = (1...5).map { kind in
    let x = apart(61)
    let dy = numbers(61, seed: 1)
    let savesOutput = kind <= 3
    @Sendable func value(_ x: [Float]) -> [Float]? {
      output(mk_op_activation, [61, kind], [nil], x: x, outputs: [61])
    }
    return Example(description: "activation \(kind)", x: x, dy: dy, value: value) { x in
      output(
        mk_op_activation_backward, [61, kind], [dy, savesOutput ? value(x) : x], x: x,
        outputs: [61])
    }
  }

  private static let windows: [Example] = {
    let sizes = [2, 5, 6, 3, 4, 3, 2, 1]
    let pool = [2, 5, 6, 3, 3, 2, 1]
    let (cells, weights, out, pooled) = (180, 108, 2 * 3 * 3 * 4, 2 * 3 * 3 * 3)
    let x = apart(cells)
    let w = numbers(weights, seed: 2)
    let dy = numbers(out, seed: 3)
    let dp = numbers(pooled, seed: 4)
    let part: [Float] = [1.0 / 9]
    return [
      Example(description: "conv by x", x: x, dy: dy) {
        output(mk_op_conv, sizes, [nil, w], x: $0, outputs: [out])
      } gradient: {
        output(mk_op_conv_input, sizes, [dy, w], x: $0, outputs: [cells])
      },
      Example(description: "conv by weights", x: w, dy: dy) {
        output(mk_op_conv, sizes, [x, nil], x: $0, outputs: [out])
      } gradient: {
        output(mk_op_conv_weights, sizes, [x, dy], x: $0, outputs: [weights])
      },
      Example(description: "max pool", x: x, dy: dp) {
        output(mk_op_max_pool, pool, [nil], x: $0, outputs: [pooled, pooled])
      } gradient: {
        let places = output(
          mk_op_max_pool, pool, [nil], x: $0, outputs: [pooled, pooled], wanted: 1)
        return output(mk_op_max_pool_backward, pool, [dp, places], x: $0, outputs: [cells])
      },
      Example(description: "average pool", x: x, dy: dp) {
        output(mk_op_average_pool, pool, [nil], x: $0, outputs: [pooled], constants: part)
      } gradient: {
        output(mk_op_average_pool_backward, pool, [dp], x: $0, outputs: [cells], constants: part)
      },
    ]
  }()

  /// Layer, RMS and batch norm by x, gain and bias.
  private static let norms: [Example] = {
    let (rows, columns) = (7, 9)
    let x = numbers(rows * columns, seed: 5, scale: 2)
    let gain = numbers(columns, seed: 6)
    let bias = numbers(columns, seed: 7)
    let dy = numbers(rows * columns, seed: 8)
    let kinds: [(mk_opcode, mk_opcode, Float, [Int], Int)] = [
      (mk_op_layer_norm, mk_op_layer_norm_backward, 1.0 / 9, [2 * rows], 3),
      (mk_op_rms_norm, mk_op_rms_norm_backward, 1.0 / 9, [rows], 2),
      (mk_op_batch_norm, mk_op_batch_norm_backward, 1.0 / 7, [2 * columns, 2 * columns], 3),
    ]
    return kinds.flatMap { forward, backward, part, saved, operands in
      (0..<operands).map { wanted in
        let start = [x, gain, bias]
        @Sendable func inputs(_ value: [Float]) -> [[Float]] {
          (0..<operands).map { $0 == wanted ? value : start[$0] }
        }
        @Sendable func run(_ value: [Float], output number: Int) -> [Float]? {
          let constants: [Float] =
            saved.count == 2 ? [1e-5, part, 0.1, 0.9, 7.0 / 6] : [1e-5, part]
          return output(
            forward, [rows, columns], inputs(value), x: [], outputs: [rows * columns] + saved,
            wanted: number, constants: constants)
        }
        return Example(
          description: "norm \(forward.rawValue) by input \(wanted)", x: start[wanted], dy: dy
        ) {
          run($0, output: 0)
        } gradient: { value in
          let given = inputs(value)
          return output(
            backward, [rows, columns], [dy, given[0], given[1], run(value, output: 1)], x: [],
            outputs: [rows * columns] + [Int](repeating: columns, count: operands - 1),
            wanted: wanted, constants: [part])
        }
      }
    }
  }()

  private static let sequences: [Example] = {
    let ids: [Float] = [2, 0, 2, 1].map { Float(bitPattern: $0) }
    let table = numbers(15, seed: 9)
    let dRows = numbers(20, seed: 10)
    let embedding = Example(description: "embedding", x: table, dy: dRows) {
      output(mk_op_embedding, [4, 5, 3], [ids, nil], x: $0, outputs: [20])
    } gradient: {
      output(mk_op_embedding_backward, [4, 5, 3], [ids, dRows], x: $0, outputs: [15])
    }
    return [embedding]
      + [0, Int(mk_flag_causal)].map { flags in
        let sizes = [2, 6, 2, 3]
        let qkv = numbers(216, seed: 11)
        let dy = numbers(72, seed: 12)
        @Sendable func run(_ x: [Float], _ wanted: Int) -> [Float]? {
          output(
            mk_op_attention, sizes, [nil], x: x, outputs: [72, 144], wanted: wanted,
            constants: [0.6], flags: flags)
        }
        return Example(description: "attention, flags \(flags)", x: qkv, dy: dy) {
          run($0, 0)
        } gradient: {
          output(
            mk_op_attention_backward, sizes, [dy, nil, run($0, 1)], x: $0, outputs: [216],
            constants: [0.6], flags: flags)
        }
      }
  }()

  /// The value is the losses of the rows; all scales are one, so the gradient is theirs.
  private static let losses: [Example] = {
    let (rows, columns) = (4, 6)
    let x = apart(24)
    let target = numbers(24, seed: 13).map { $0 * 0.01 }
    let labels: [Float] = [0, 5, 2, 2].map { Float(bitPattern: $0) }
    let elementwise = [
      mk_op_binary_cross_entropy, mk_op_mean_squared_error, mk_op_mean_absolute_error, mk_op_huber,
    ]
    return elementwise.map { opcode in
      @Sendable func run(_ x: [Float], _ wanted: Int) -> [Float]? {
        output(
          opcode, [rows, columns], [nil, target], x: x, outputs: [24, rows], wanted: wanted,
          constants: [1, 1] + (opcode == mk_op_huber ? [0.3] : []))
      }
      return Example(
        description: "loss \(opcode.rawValue)", x: x, dy: [1, 1, 1, 1], value: { run($0, 1) },
        gradient: { run($0, 0) })
    } + [
      Example(description: "softmax cross-entropy", x: x, dy: [1, 1, 1, 1]) {
        output(
          mk_op_softmax_cross_entropy, [rows, columns], [nil, labels], x: $0, outputs: [24, rows],
          wanted: 1, constants: [1])
      } gradient: {
        output(
          mk_op_softmax_cross_entropy, [rows, columns], [nil, labels], x: $0, outputs: [24, rows],
          constants: [1])
      }
    ]
  }()
}
