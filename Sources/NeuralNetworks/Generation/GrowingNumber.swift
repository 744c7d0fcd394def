internal import CKernels

/// A number of an operation that grows by the same step from each token to the next: the place of
/// a row, or how many tokens there are.
struct GrowingNumber: Equatable, Sendable {
  /// Which number of the operation.
  enum Field: Equatable, Sendable {
    case size(Int)
    case input(Int)
    case output(Int)
  }

  let operation: Int
  let field: Field
  let step: Int

  /// Grows the number by `tokens` steps.
  func grow(_ operations: inout [mk_operation], tokens: Int) {
    let amount = Int64(step * tokens)
    switch field {
    case .size(let slot): add(amount, to: slot, of: &operations[operation].size)
    case .input(let slot): add(amount, to: slot, of: &operations[operation].in)
    case .output(let slot): add(amount, to: slot, of: &operations[operation].out)
    }
  }
}

/// Adds to a slot of a C array, which Swift sees as a tuple.
private func add<Tuple>(_ amount: Int64, to slot: Int, of tuple: inout Tuple) {
  withUnsafeMutableBytes(of: &tuple) { $0.bindMemory(to: Int64.self)[slot] += amount }
}
