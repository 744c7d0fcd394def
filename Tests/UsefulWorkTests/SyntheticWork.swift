import Cryptography
import Primitives

@testable import UsefulWork

/// A toy machine of eight registers: many steps of many operators, so that disputes are deep and
/// quick. Each operator mixes two registers into a third, so that a difference never heals; the last
/// operator is the state root.
struct SyntheticWork: DisputeParty, OperatorReferee {
  static let registers = 8
  let steps: Int
  let segmentSteps: Int
  let operators: Int
  /// The step and operator whose result is changed, and the change.
  var lies: [Lie] = []

  struct Lie {
    let step: Int
    let operatorIndex: Int
    let change: UInt64
  }

  struct Trace {
    var registers: [UInt64]
    var values: [UInt64] = []
    var digests: [Digest] = []
  }

  static let start = (0..<registers).map { UInt64($0) &* 0x9E37_79B9_7F4A_7C15 }

  static func root(_ registers: [UInt64]) -> Digest {
    SHA256.hash(registers.flatMap { bytes($0) })
  }

  static func digest(_ value: UInt64) -> Digest { MerkleTree.leafHash(bytes(value)) }

  static func bytes(_ value: UInt64) -> Bytes {
    withUnsafeBytes(of: value.bigEndian) { Bytes($0) }
  }

  static func target(_ index: Int) -> Int { (index * 3 + 1) % registers }

  static func mix(_ registers: [UInt64], _ index: Int) -> UInt64 {
    let (a, b) = (registers[index * 5 % 8], registers[(index * 7 + 2) % 8])
    var random = SplitMix64(seed: a ^ (b << 1 | b >> 63) &+ UInt64(index))
    return registers[target(index)] &* 3 &+ random.next()
  }

  func run(_ registers: [UInt64], step: Int, upTo end: Int) -> Trace {
    var trace = Trace(registers: registers)
    for index in 0..<min(end, operators - 1) {
      var value = Self.mix(trace.registers, index)
      for lie in lies where lie.step == step && lie.operatorIndex == index { value ^= lie.change }
      trace.registers[Self.target(index)] = value
      trace.values.append(value)
      trace.digests.append(Self.digest(value))
    }
    if end == operators {
      var root = Self.root(trace.registers)
      for lie in lies where lie.step == step && lie.operatorIndex == operators - 1 {
        root = SHA256.hash(root.bytes, Self.bytes(lie.change))
      }
      trace.digests.append(root)
    }
    return trace
  }

  func state(before step: Int) -> [UInt64] {
    (0..<step).reduce(Self.start) { run($0, step: $1, upTo: operators).registers }
  }

  var allRoots: [Digest] {
    var registers = Self.start
    return (0..<steps).map { step in
      let trace = run(registers, step: step, upTo: operators)
      registers = trace.registers
      return trace.digests[operators - 1]
    }
  }

  var startRoot: Digest { Self.root(Self.start) }

  var record: WorkRecord {
    let roots = allRoots
    let ends = stride(from: segmentSteps, to: steps, by: segmentSteps).map { $0 } + [steps]
    return WorkRecord(
      task: .zero, segmentRoots: ends.map { roots[$0 - 1] }, finalParameters: roots[steps - 1],
      finalOptimizer: .zero)
  }

  func stepRoots(of segment: Int) -> [Digest] {
    Array(allRoots[segment * segmentSteps..<min((segment + 1) * segmentSteps, steps)])
  }

  func operatorDigests(of step: Int) -> [Digest] {
    run(state(before: step), step: step, upTo: operators).digests
  }

  func inputs(of index: Int, in step: Int) -> Bytes {
    let start = state(before: step)
    let values = run(start, step: step, upTo: index).values
    return CanonicalValue.map([
      "start": .array(start.map { .unsigned($0) }),
      "values": .array(values.map { .unsigned($0) }),
    ]).encoded()
  }

  func recompute(_ operation: OperatorCase) -> OperatorFinding {
    guard let (start, values) = try? Self.read(operation.inputs),
      start.count == Self.registers, Self.root(start) == operation.startRoot,
      values.count == operation.operatorIndex, values.map(Self.digest) == operation.digests
    else { return .inputsUnproven }
    var registers = start
    for (index, value) in values.enumerated() { registers[Self.target(index)] = value }
    guard operation.operatorIndex < operators - 1 else { return .digest(Self.root(registers)) }
    return .digest(Self.digest(Self.mix(registers, operation.operatorIndex)))
  }

  private static func read(_ bytes: Bytes) throws -> ([UInt64], [UInt64]) {
    var fields = try CanonicalFields(CanonicalValue(decoding: bytes))
    let start = try fields.array("start").compactMap(number)
    let values = try fields.array("values").compactMap(number)
    try fields.finish()
    return (start, values)
  }

  private static func number(_ value: CanonicalValue) -> UInt64? {
    guard case .unsigned(let number) = value else { return nil }
    return number
  }

  func terms(
    against other: SyntheticWork, segment: Int? = nil
  ) throws -> DisputeTerms {
    let count = operators
    return try DisputeTerms(
      startRoot: startRoot, steps: steps, segmentSteps: segmentSteps,
      workRoots: DisputeSides(first: record.workRoot, second: other.record.workRoot),
      segment: segment, operatorCount: { _ in count })
  }
}
