public import Ledger
internal import NeuralNetworks

extension TrainingTask {
  /// Bytes of one full batch: 32-bit features and one 32-bit label for each example.
  public var batchBytes: UInt64 {
    UInt64(min(settings.batchSize, examples)) * UInt64(architecture.inputs + 1) * 4
  }

  /// Bytes of the parameters.
  public var modelBytes: UInt64 { UInt64(architecture.parameterCount) * 4 }

  /// The nonces that a miner may try after `segment`.
  public func attempts(segment: Int, parameters: MiningParameters) -> UInt64 {
    parameters.attempts(
      steps: steps(of: segment).count, batchBytes: batchBytes, modelBytes: modelBytes)
  }
}
