public import Primitives

extension OperationEvidence {
  /// The bytes that are sent: a canonical map.
  public func encoded() -> Bytes {
    var fields: [String: CanonicalValue] = [
      "operations": .numbers(results.map(\.operation)),
      "cells": .array(results.map { .bytes(LittleEndian.bytes(of: $0.cells)) }),
    ]
    if let state {
      fields["step"] = .unsigned(UInt64(state.step))
      fields["parameters"] = .bytes(state.parameters.bytes)
      fields["optimizer"] = .bytes(LittleEndian.bytes(of: state.optimizer))
    }
    return CanonicalValue.map(fields).encoded()
  }

  /// Most bytes of evidence: some layers of an ordinary model, below what one answer may have.
  public static let bytesMax = 1 << 28

  /// Reads sent bytes; sizes and truth show in `TrainingRun.recompute`.
  public init(decoding bytes: Bytes) throws(DecodingFailure) {
    let limits = CanonicalLimits(bytesMax: Self.bytesMax, entriesMax: 1 << 16)
    var fields = try CanonicalFields(CanonicalValue(decoding: bytes, limits: limits))
    let operations = try fields.numbers("operations", max: limits.entriesMax)
    let cells = try fields.array("cells")
    guard operations.count == cells.count else {
      throw .malformed(what: "cells", reason: "expected one entry for each operation")
    }
    var results: [Result] = []
    for (operation, value) in zip(operations, cells) {
      guard case .bytes(let bytes) = value else {
        throw .malformed(what: "cells", reason: "expected bytes")
      }
      results.append(Result(operation: operation, cells: try Self.cells(bytes)))
    }
    self.init(state: try Self.state(from: &fields), results: results)
    try fields.finish()
  }

  private static func state(
    from fields: inout CanonicalFields
  ) throws(DecodingFailure) -> TrainingState? {
    guard let step = fields.optional("step") else { return nil }
    guard case .unsigned(let step) = step else {
      throw .malformed(what: "step", reason: "expected unsigned")
    }
    return TrainingState(
      parameters: ParameterBuffer(try cells(try fields.bytes("parameters"))),
      optimizer: try cells(try fields.bytes("optimizer")), step: Int(clamping: step))
  }

  /// Cells of any kind: labels and places are no numbers.
  private static func cells(_ bytes: Bytes) throws(DecodingFailure) -> [Float] {
    guard bytes.count.isMultiple(of: 4) else {
      throw .malformed(what: "cells", reason: "expected four bytes each")
    }
    return [Float](unsafeUninitializedCapacity: bytes.count / 4) { buffer, initialized in
      bytes.withUnsafeBytes { UnsafeMutableRawBufferPointer(buffer).copyMemory(from: $0) }
      initialized = bytes.count / 4
    }
  }
}

/// Fuzz entry: any bytes give evidence or a `DecodingFailure`.
package func fuzzOperationEvidence(_ bytes: Bytes) {
  _ = try? OperationEvidence(decoding: bytes)
}
