public import Primitives

/// How much mining a task allows: fixed by the task, never by the miner.
public struct MiningParameters: Hashable, Sendable {
  /// ω_B: attempts for each byte of a batch, in units of 10⁻¹².
  public let batchWeight: UInt64
  /// ω_M: attempts for each byte of the model, in units of 10⁻¹².
  public let modelWeight: UInt64
  /// k: a zero-nonce block is committed this many iterations before it can win.
  public let lookahead: Int

  /// One attempt in units of the weights: 10⁻¹² expresses the usual 10⁻⁶ and 10⁻⁸ exactly.
  public static let unit: UInt64 = 1_000_000_000_000

  /// Bounds of the parameters.
  public enum Limits {
    /// A thousand attempts a byte: more would make hashing the work.
    public static let weightMax: UInt64 = 1_000 * MiningParameters.unit
    /// A validator keeps this many messages of each miner.
    public static let lookaheadMax = 1_000
    /// Attempts of one segment; a second of hashing on one core is about 2²¹.
    public static let attemptsMax: UInt64 = 1 << 32
  }

  /// ω_B = 10⁻⁶, ω_M = 10⁻⁸, k = 10.
  public static let standard = MiningParameters(
    uncheckedBatchWeight: 1_000_000, modelWeight: 10_000, lookahead: 10)

  private init(uncheckedBatchWeight: UInt64, modelWeight: UInt64, lookahead: Int) {
    batchWeight = uncheckedBatchWeight
    self.modelWeight = modelWeight
    self.lookahead = lookahead
  }

  /// Checks the bounds.
  public init(
    batchWeight: UInt64, modelWeight: UInt64, lookahead: Int
  ) throws(LedgerError) {
    for weight in [batchWeight, modelWeight] where weight > Limits.weightMax {
      throw .invalidMining(reason: "the weight \(weight) is above \(Limits.weightMax)")
    }
    guard (1...Limits.lookaheadMax).contains(lookahead) else {
      throw .invalidMining(reason: "a lookahead of \(lookahead) is not in 1…\(Limits.lookaheadMax)")
    }
    self.init(
      uncheckedBatchWeight: batchWeight, modelWeight: modelWeight, lookahead: lookahead)
  }

  /// a = steps · max(1, ⌊ω_B · batchBytes + ω_M · modelBytes⌋), at most `Limits.attemptsMax`.
  public func attempts(steps: Int, batchBytes: UInt64, modelBytes: UInt64) -> UInt64 {
    precondition(steps >= 0)
    // Weights are below 2⁵⁰ and bytes below 2⁶⁴, so the sum stays below 2¹¹⁵.
    let weighted =
      UInt128(batchWeight) * UInt128(batchBytes) + UInt128(modelWeight) * UInt128(modelBytes)
    let perStep = max(1, weighted / UInt128(Self.unit))
    let most = UInt128(Limits.attemptsMax)
    return UInt64(min(most, min(most, perStep) * UInt128(steps)))
  }
}

extension MiningParameters: CanonicalCodable {
  /// A map of the fields.
  public var canonicalValue: CanonicalValue {
    .map([
      "batch": .unsigned(batchWeight), "model": .unsigned(modelWeight),
      "lookahead": .unsigned(UInt64(lookahead)),
    ])
  }

  /// Reads and checks the fields.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    let batch = try fields.unsigned("batch")
    let model = try fields.unsigned("model")
    let lookahead = try fields.count("lookahead", max: Limits.lookaheadMax)
    try fields.finish()
    do {
      try self.init(batchWeight: batch, modelWeight: model, lookahead: lookahead)
    } catch {
      throw .malformed(what: "mining parameters", reason: error.sentence)
    }
  }
}
