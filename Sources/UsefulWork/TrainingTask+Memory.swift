import NeuralNetworks
public import Primitives

extension TrainingTask {
  /// Copies of the parameters beside the optimizer's slots: base, weights, gradient, update.
  private static let parameterCopies = 4
  /// What a layer gives forward, and what comes back.
  private static let activationPasses = 2
  /// Start states that are held at least: the first one, and the one in hand.
  private static let statesMin = 2

  /// The memory that executing the task takes at least: data, model, optimizer and one batch.
  ///
  /// Sizes that no machine has are the largest number.
  public var memoryEstimate: ByteCount {
    let state = Self.product(settings.optimizer.slots, architecture.trainableCount)
      .sum(architecture.parameterCount)
    let batch = Self.product(
      min(settings.batchSize, examples), architecture.activationCount)
    let numbers = Self.product(examples, architecture.inputs.sum(1))
      .sum(Self.product(Self.parameterCopies, architecture.parameterCount))
      .sum(Self.product(Self.statesMin, state))
      .sum(Self.product(Self.activationPasses, batch))
    return ByteCount(Self.product(numbers, MemoryLayout<Float>.size))
  }

  private static func product(_ left: Int, _ right: Int) -> Int {
    let (product, overflows) = left.multipliedReportingOverflow(by: right)
    return overflows ? .max : product
  }
}

extension Int {
  /// The sum, or the largest number.
  fileprivate func sum(_ other: Int) -> Int {
    let (sum, overflows) = addingReportingOverflow(other)
    return overflows ? .max : sum
  }
}
