import CKernels

/// The variants that this processor can run.
let runnableVariants = (0..<UInt32(mk_variant_count)).filter {
  mk_variant_kernels(mk_variant($0)) != nil
}

/// One operation and an arena that holds its operands one after the other.
struct OperationFixture {
  var operation = mk_operation()
  var arena: [Float] = []
  private var outputs: [Int: Range<Int>] = [:]

  init(_ opcode: mk_opcode, _ sizes: [Int], constants: [Float] = [], flags: Int = 0) {
    self.init(opcode: opcode.rawValue, sizes, constants: constants, flags: flags)
  }

  init(opcode: UInt32, _ sizes: [Int], constants: [Float] = [], flags: Int = 0) {
    operation.opcode = opcode
    operation.flags = UInt32(flags)
    for slot in 0..<Int(mk_input_slots) { set(&operation.in, slot, Int64(mk_absent)) }
    for slot in 0..<Int(mk_output_slots) { set(&operation.out, slot, Int64(mk_absent)) }
    for (slot, size) in sizes.enumerated() { set(&operation.size, slot, Int64(size)) }
    for (slot, constant) in constants.enumerated() { set(&operation.constant, slot, constant) }
  }

  mutating func input(_ slot: Int, _ values: [Float]) {
    set(&operation.in, slot, Int64(arena.count))
    arena += values
  }

  mutating func input(_ slot: Int, integers: [Int32]) {
    input(slot, integers.map { Float(bitPattern: UInt32(bitPattern: $0)) })
  }

  /// An output that holds NaN, or `initial`, before the operation.
  mutating func output(_ slot: Int, count: Int, initial: [Float]? = nil) {
    set(&operation.out, slot, Int64(arena.count))
    outputs[slot] = arena.count..<arena.count + count
    arena += initial ?? [Float](repeating: .nan, count: count)
  }

  /// The outputs after the operation ran, by slot; empty if it was refused.
  func results(variant: UInt32, threads: Int64 = 1) -> [Int: [Float]] {
    var copy = self
    guard mk_check_operation(&copy.operation, Int64(arena.count)) == mk_valid,
      copy.run(variant: variant, threads: threads) == -1
    else { return [:] }
    return outputs.mapValues { Array(copy.arena[$0]) }
  }

  /// Runs in place; what mk_run returns.
  mutating func run(variant: UInt32, threads: Int64 = 1) -> Int64 {
    let pool = threads > 1 ? mk_pool_create(threads) : nil
    defer { mk_pool_destroy(pool) }
    var workspace = [Float](
      repeating: .nan, count: Int(mk_workspace_floats(&operation, 1, threads)) + 1)
    return mk_run(
      mk_variant_kernels(mk_variant(variant)), &operation, 1, &arena, &workspace, pool)
  }
}

/// Writes element `index` of a C array that Swift sees as a tuple.
func set<Tuple, Element>(_ tuple: inout Tuple, _ index: Int, _ value: Element) {
  withUnsafeMutableBytes(of: &tuple) {
    $0.storeBytes(of: value, toByteOffset: index * MemoryLayout<Element>.stride, as: Element.self)
  }
}

/// Reads element `index` of a C array that Swift sees as a tuple.
func get<Tuple, Element>(_ tuple: Tuple, _ index: Int, as type: Element.Type) -> Element {
  withUnsafeBytes(of: tuple) {
    $0.loadUnaligned(
      fromByteOffset: index * MemoryLayout<Element>.stride, as: Element.self)
  }
}

/// `count` numbers in [-scale, scale), a function of `seed` (Marsaglia's xorshift64).
func numbers(_ count: Int, seed: UInt64, scale: Float = 1) -> [Float] {
  var state = 0x9e37_79b9_7f4a_7c15 &* (seed &+ 1)
  return (0..<count).map { _ in
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return (Float(state >> 40) * 0x1p-23 - 1) * scale
  }
}

func bits(_ values: [Float]) -> [UInt32] { values.map(\.bitPattern) }
