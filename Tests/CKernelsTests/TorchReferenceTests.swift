import CKernels
import FoundationEssentials
import Primitives
import Testing

/// The cases of Tests/References/torch_kernels.py: PyTorch 1.13 in binary64.
enum TorchReference {
  struct Case: Sendable, CustomStringConvertible {
    let name: String
    let operation: String
    let sizes: [Int]
    let constants: [Float]
    let flags: Int
    let inputs, outputs, initial: [Int: Array]
    var description: String { name }
  }

  struct Array: Sendable {
    let values: [Float]
    let isInteger: Bool
  }

  static let cases: [Case] = {
    do { return try read() } catch { return [] }
  }()

  private static func bytes(_ name: String) throws -> Bytes {
    let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    return Bytes(try Data(contentsOf: tests.appending(path: "References/\(name)")))
  }

  private static func read() throws -> [Case] {
    let cells = try bytes("torch_kernels.f32").withUnsafeBytes { buffer in
      (0..<buffer.count / 4).map {
        Float(bitPattern: buffer.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self))
      }
    }
    let document = try JSONValue(parsing: bytes("torch_kernels.json"))
    return try #require(document.elements).map { entry in
      func list(_ name: String) throws -> [Double] {
        try #require(entry[name]?.elements).compactMap(\.double)
      }
      func arrays(_ name: String) -> [Int: Array] {
        var result: [Int: Array] = [:]
        for slot in 0..<6 {
          guard let place = entry[name]?["\(slot)"]?.elements?.compactMap(\.integer) else {
            continue
          }
          let first = Int(place[0])
          result[slot] = Array(
            values: Swift.Array(cells[first..<first + Int(place[1])]), isInteger: place[2] == 1)
        }
        return result
      }
      return Case(
        name: try #require(entry["name"]?.text),
        operation: try #require(entry["operation"]?.text),
        sizes: try list("sizes").map { Int($0) },
        constants: try list("constants").map { Float($0) },
        flags: Int(try #require(entry["flags"]?.double)), inputs: arrays("inputs"),
        outputs: arrays("outputs"), initial: arrays("initial"))
    }
  }
}

@Suite struct TorchReferenceTests {
  private static let opcodes = Dictionary(
    uniqueKeysWithValues: (0..<UInt32(96)).compactMap { opcode in
      let name = String(cString: mk_operation_name(opcode))
      return name == "unknown" ? nil : (name, opcode)
    })

  @Test("every operation but fill, copy and dropout has a case")
  func coverage() {
    let covered = Set(TorchReference.cases.map(\.operation))
    #expect(Set(Self.opcodes.keys).subtracting(covered) == ["fill", "copy", "dropout"])
    #expect(TorchReference.cases.count == 92)
  }

  @Test(
    "layers, losses and optimizers agree with PyTorch to one part in 100,000",
    arguments: TorchReference.cases)
  func agrees(example: TorchReference.Case) throws {
    var fixture = OperationFixture(
      opcode: try #require(Self.opcodes[example.operation]), example.sizes,
      constants: example.constants, flags: example.flags)
    for slot in 0..<Int(mk_input_slots) {
      if let input = example.inputs[slot] { fixture.input(slot, input.values) }
    }
    for slot in 0..<Int(mk_output_slots) {
      guard let output = example.outputs[slot] else { continue }
      fixture.output(
        slot, count: output.values.count, initial: example.initial[slot]?.values)
    }
    for variant in runnableVariants {
      let results = fixture.results(variant: variant)
      for (slot, expected) in example.outputs {
        let result = try #require(results[slot])
        if expected.isInteger {
          #expect(bits(result) == bits(expected.values))
        } else {
          #expect(worstError(result, expected.values) < 1, "variant \(variant), output \(slot)")
        }
      }
    }
  }

  /// The largest error in units of what is allowed: 1e-5 of the number, or 1e-6 of the largest
  /// number of the array, which is what a sum of its terms loses.
  private func worstError(_ result: [Float], _ expected: [Float]) -> Float {
    guard result.count == expected.count else { return .infinity }
    let largest = expected.map { abs($0) }.max() ?? 0
    return zip(result, expected).map { result, expected in
      let error = abs(result - expected)
      return error == 0 ? 0 : error / (1e-5 * abs(expected) + 1e-6 * largest)
    }.reduce(0) { $1 > $0 || $1.isNaN ? ($1.isNaN ? .infinity : $1) : $0 }
  }
}
