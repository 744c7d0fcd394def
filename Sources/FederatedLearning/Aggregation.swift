public import NeuralNetworks

/// One logical client's contribution to a round.
public struct ClientUpdate: Hashable, Sendable {
  /// The logical client's index.
  public let client: Int
  /// nₖ, its number of training examples.
  public let examples: Int
  /// wₖ, its trained parameters.
  public let parameters: ParameterBuffer

  /// Collects the parts.
  public init(client: Int, examples: Int, parameters: ParameterBuffer) {
    self.client = client
    self.examples = examples
    self.parameters = parameters
  }
}

/// Why updates could not be aggregated.
public enum AggregationError: Error, Equatable, Sendable {
  case noUpdates
  case duplicateClient(Int)
  case examples(Int, client: Int)
  case parameterCount(Int, client: Int, expected: Int)
  case notFinite
}

/// Limits of one aggregation.
public enum AggregationLimits {
  /// nₖ as an exact Float64 factor of a Float32: 24 + 29 bits are the 53 of its significand.
  public static let examplesMax = 1 << 29
}

/// Returns the FedAvg mean of the clients' parameters.
///
/// w ← (Σ nₖ · wₖ) / n, n = Σ nₖ. McMahan et al. 2017, Algorithm 1 (arXiv:1602.05629). In Float64:
/// each product is exact, sums follow a tree over the clients in order of index that splits in
/// halves (the left one larger), one division, one rounding to Float32. The order of arrival and
/// the number of processes cannot change a bit.
public func weightedMean(
  _ updates: [ClientUpdate]
) throws(AggregationError) -> ParameterBuffer {
  let sorted = updates.sorted { $0.client < $1.client }
  guard let first = sorted.first else { throw .noUpdates }
  let count = first.parameters.values.count
  for (index, update) in sorted.enumerated() {
    if index > 0, sorted[index - 1].client == update.client {
      throw .duplicateClient(update.client)
    }
    guard (1...AggregationLimits.examplesMax).contains(update.examples) else {
      throw .examples(update.examples, client: update.client)
    }
    guard update.parameters.values.count == count else {
      throw .parameterCount(
        update.parameters.values.count, client: update.client, expected: count)
    }
  }
  let total = Double(sorted.reduce(0) { $0 + $1.examples })
  let mean = ParameterBuffer(weightedSum(sorted[...]).map { Float($0 / total) })
  guard mean.isFinite else { throw .notFinite }
  return mean
}

/// Σ nₖ · wₖ over the fixed tree.
private func weightedSum(_ updates: ArraySlice<ClientUpdate>) -> [Double] {
  precondition(!updates.isEmpty)
  if updates.count == 1 {
    let only = updates[updates.startIndex]
    let factor = Double(only.examples)
    return only.parameters.values.map { factor * Double($0) }
  }
  let middle = updates.startIndex + (updates.count + 1) / 2
  var left = weightedSum(updates[..<middle])
  let right = weightedSum(updates[middle...])
  for index in left.indices { left[index] += right[index] }
  return left
}
