import CKernels
import Testing

/// Operations of the self-test, laid out and filled.
enum SampleOperations {
  /// More than any sample needs.
  static let arenaFloats = 60_000

  static let all: [OperationFixture] = (0..<UInt32(mk_group_count)).flatMap { group in
    (0..<Int32(64)).compactMap { sample(mk_group(group), $0) }
  }

  private static func sample(_ group: mk_group, _ index: Int32) -> OperationFixture? {
    var fixture = OperationFixture(opcode: 0, [])
    fixture.arena = [Float](repeating: 0, count: arenaFloats)
    let cells = mk_sample_operation(
      group, index, &fixture.operation, &fixture.arena, Int64(arenaFloats))
    guard cells >= 0 else { return nil }
    fixture.arena.removeLast(arenaFloats - Int(cells))
    return fixture
  }
}

@Suite struct OperationCheckTests {
  private static func ranges(of operation: mk_operation) -> [mk_cell_range] {
    var operation = operation
    var ranges = [mk_cell_range](repeating: mk_cell_range(), count: Int(mk_ranges_max))
    let count = mk_operation_ranges(&operation, &ranges)
    return Array(ranges.prefix(max(0, Int(count))))
  }

  private static func check(_ operation: mk_operation, cells: Int) -> mk_operation_error {
    var operation = operation
    return mk_check_operation(&operation, Int64(cells))
  }

  @Test("every opcode has a sample in the self-test, and a name")
  func samples() {
    let opcodes = Set(SampleOperations.all.map(\.operation.opcode))
    let known = (0..<UInt32(96)).filter { String(cString: mk_operation_name($0)) != "unknown" }
    #expect(opcodes == Set(known))
    #expect(known.count == 48)
    #expect(String(cString: mk_operation_name(.max)) == "unknown")
  }

  @Test("an operation changes only what it says, from only what it says", arguments: [1, 2])
  func ranges(seed: UInt64) {
    for sample in SampleOperations.all {
      let name = String(cString: mk_operation_name(sample.operation.opcode))
      // Cells around the operands, and all that is written but not read, hold other numbers.
      var other = sample
      let margin = 50
      let noise = numbers(sample.arena.count + 2 * margin, seed: seed)
      other.arena = noise
      for slot in 0..<Int(mk_input_slots) {
        move(&other.operation.in, slot, by: Int64(margin))
      }
      for slot in 0..<Int(mk_output_slots) {
        move(&other.operation.out, slot, by: Int64(margin))
      }
      let ranges = Self.ranges(of: other.operation)
      #expect(!ranges.isEmpty, "\(name)")
      for range in ranges where range.reads == 1 {
        let cells = Int(range.offset)..<Int(range.offset + range.count)
        other.arena.replaceSubrange(
          cells, with: sample.arena[cells.lowerBound - margin..<cells.upperBound - margin])
      }
      let before = bits(other.arena)
      var first = sample
      #expect(first.run(variant: mk_active_variant().rawValue) == -1, "\(name)")
      #expect(other.run(variant: mk_active_variant().rawValue) == -1, "\(name)")
      var written = [Bool](repeating: false, count: before.count)
      for range in ranges where range.writes == 1 {
        for cell in Int(range.offset)..<Int(range.offset + range.count) { written[cell] = true }
      }
      for cell in before.indices {
        let result = other.arena[cell].bitPattern
        let expected = written[cell] ? first.arena[cell - margin].bitPattern : before[cell]
        if result != expected {
          Issue.record("\(name): cell \(cell) of \(before.count), written \(written[cell])")
          break
        }
      }
    }
  }

  private func move<Tuple>(_ offsets: inout Tuple, _ slot: Int, by distance: Int64) {
    let offset = get(offsets, slot, as: Int64.self)
    if offset != Int64(mk_absent) { set(&offsets, slot, offset + distance) }
  }

  @Test("a malformed operation is refused, whatever is wrong")
  func malformed() throws {
    var add = OperationFixture(mk_op_add, [4])
    add.input(0, [1, 2, 3, 4])
    add.input(1, [1, 2, 3, 4])
    add.output(0, count: 4)
    func error(cells: Int = 12, _ change: (inout mk_operation) -> Void) -> mk_operation_error {
      var operation = add.operation
      change(&operation)
      return Self.check(operation, cells: cells)
    }
    #expect(error { _ in } == mk_valid)
    #expect(error { $0.opcode = 0 } == mk_unknown_opcode)
    #expect(error { $0.opcode = 95 } == mk_unknown_opcode)
    #expect(error { $0.opcode = .max } == mk_unknown_opcode)
    #expect(error { $0.flags = 4 } == mk_bad_flag)
    #expect(error { $0.size.1 = 1 } == mk_bad_flag)
    #expect(error { $0.constant.3 = -0.0 } == mk_bad_flag)
    #expect(error { $0.size.0 = 0 } == mk_bad_size)
    #expect(error { $0.size.0 = -1 } == mk_bad_size)
    #expect(error { $0.size.0 = .max } == mk_bad_size)
    #expect(error { $0.in.1 = -1 } == mk_bad_operand)
    #expect(error { $0.in.5 = 0 } == mk_bad_operand)
    #expect(error { $0.in.1 = -2 } == mk_out_of_arena)
    #expect(error { $0.in.1 = 9 } == mk_out_of_arena)
    #expect(error { $0.in.1 = .max } == mk_out_of_arena)
    #expect(error(cells: 11) { _ in } == mk_out_of_arena)
    #expect(error { $0.out.0 = 0 } == mk_valid)
    #expect(error { $0.out.0 = 4 } == mk_valid)
    #expect(error { $0.out.0 = 1 } == mk_overlap)
    #expect(error { $0.out.0 = 7 } == mk_overlap)
  }

  @Test("sizes whose product is too large are refused, not multiplied")
  func overflow() {
    let huge = 1 << 39
    let sizes: [(mk_opcode, [Int])] = [
      (mk_op_matmul, [huge, huge, huge]), (mk_op_conv, [huge, huge, huge, huge, huge, 3, 1, 1]),
      (mk_op_conv, [1, huge, huge, 1, 1, huge, 1, huge - 1]), (mk_op_copy, [huge, 1, huge, huge]),
      (mk_op_attention, [huge, huge, huge, huge]), (mk_op_max_pool, [1, 9, 9, huge, 9, huge, 8]),
      (mk_op_batch_norm, [huge, huge]), (mk_op_embedding, [huge, huge, huge]),
    ]
    for (opcode, sizes) in sizes {
      var fixture = OperationFixture(opcode, sizes)
      for slot in 0..<2 { set(&fixture.operation.in, slot, Int64(0)) }
      set(&fixture.operation.out, 0, Int64(0))
      #expect(Self.check(fixture.operation, cells: 1 << 40) != mk_valid, "\(opcode.rawValue)")
    }
    for bad in [[1, 4, 4, 1, 2, 1, 2], [1, 4, 4, 1, 5, 1, 0], [1, 4, 4, 1, 2, 0, 0]] {
      var fixture = OperationFixture(mk_op_average_pool, bad)
      set(&fixture.operation.in, 0, Int64(0))
      set(&fixture.operation.out, 0, Int64(20))
      #expect(Self.check(fixture.operation, cells: 100) == mk_bad_size, "\(bad)")
    }
  }

  @Test("a stride that asks for far more scratch memory than its operands have is refused")
  func scratch() {
    // One column of 2²⁶ pixels, of which one is seen, to 2²⁰ channels: the padded gradient has 2⁴⁶.
    for opcode in [mk_op_conv, mk_op_conv_weights, mk_op_conv_input] {
      var wild = OperationFixture(opcode, [1, 1 << 26, 1, 1, 1 << 20, 1, 1 << 26, 0])
      let counts = [
        mk_op_conv: (1 << 26, 1 << 20), mk_op_conv_weights: (1 << 26, 1 << 20),
        mk_op_conv_input: (1 << 20, 1 << 20),
      ][opcode]!
      set(&wild.operation.in, 0, Int64(0))
      set(&wild.operation.in, 1, Int64(counts.0))
      set(&wild.operation.out, 0, Int64(counts.0 + counts.1))
      #expect(Self.check(wild.operation, cells: 1 << 28) == mk_bad_size)
    }
    // What a model may ask for: kernel 1 and stride 31 in both directions.
    var sparse = OperationFixture(mk_op_conv, [1, 31, 31, 1, 512, 1, 31, 0])
    sparse.input(0, [Float](repeating: 1, count: 961))
    sparse.input(1, [Float](repeating: 1, count: 512))
    sparse.output(0, count: 512)
    #expect(Self.check(sparse.operation, cells: sparse.arena.count) == mk_valid)
    for sample in SampleOperations.all {
      var operation = sample.operation
      let floats = mk_workspace_floats(&operation, 1, 1)
      let bound = 2 * Int64(MK_SCRATCH_PER_CELL) * Int64(sample.arena.count)
      #expect(floats <= bound + mk_gemm_workspace_floats())
    }
  }

  @Test("labels, ids and places out of range stop the run before anything is written")
  func integers() {
    for bad in [-1, 3, Int32.max, .min] {
      var labels = OperationFixture(mk_op_softmax_cross_entropy, [2, 3], constants: [1])
      labels.input(0, [1, 2, 3, 4, 5, 6])
      labels.input(1, integers: [0, bad])
      labels.output(0, count: 6)
      labels.output(1, count: 2)
      let before = bits(labels.arena)
      #expect(labels.run(variant: 0) == 0)
      #expect(bits(labels.arena) == before)
      var ids = OperationFixture(mk_op_embedding_backward, [2, 1, 3])
      ids.input(0, integers: [bad, 0])
      ids.input(1, [1, 2])
      ids.output(0, count: 3)
      #expect(ids.run(variant: 0) == 0)
      var places = OperationFixture(mk_op_max_pool_backward, [1, 3, 1, 1, 1, 1, 0])
      places.input(0, [1, 2, 3])
      places.input(1, integers: [0, 1, bad])
      places.output(0, count: 3)
      #expect(places.run(variant: 0) == 0)
    }
  }

  @Test("no mutation of an operation traps or leaves the arena", arguments: UInt64(0)..<8)
  func mutations(seed: UInt64) {
    var random = numbers(4_000, seed: seed).map { Int(($0 + 1) * 0x1p22) }[...]
    let interesting: [Int64] = [0, 1, -1, 2, 3, 7, 64, 1 << 20, 1 << 40, .max, .min]
    var accepted = 0
    for _ in 0..<1_000 {
      guard let pick = random.popFirst(), let field = random.popFirst(),
        let value = random.popFirst()
      else { break }
      var fixture = SampleOperations.all[pick % SampleOperations.all.count]
      // Words 1 … 18 of the operation are sizes, inputs and outputs; word 0 is opcode and flags.
      if field % 19 == 0 {
        fixture.operation.flags ^= UInt32(value & 31)
      } else {
        set(&fixture.operation, field % 19, interesting[value % interesting.count])
      }
      guard Self.check(fixture.operation, cells: fixture.arena.count) == mk_valid else { continue }
      accepted += 1
      let before = bits(fixture.arena)
      let ranges = Self.ranges(of: fixture.operation).filter { $0.writes == 1 }
      _ = fixture.run(variant: mk_active_variant().rawValue)
      let after = bits(fixture.arena)
      for cell in before.indices where before[cell] != after[cell] {
        #expect(ranges.contains { $0.offset <= cell && cell < $0.offset + $0.count })
      }
    }
    #expect(accepted > 30)
  }
}
