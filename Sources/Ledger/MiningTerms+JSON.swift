internal import Cryptography
internal import Primitives

// The file form of mining rules: money and weights as decimal text, the target as hexadecimal.
extension MiningTerms {
  /// The rules for a file.
  var json: JSONValue {
    [
      "batchWeight": .string(String(parameters.batchWeight)),
      "modelWeight": .string(String(parameters.modelWeight)),
      "lookahead": JSONValue(parameters.lookahead),
      "initialTarget": .string(Hex.encode(difficulty.initial.bytes)),
      "spacingMilliseconds": .string(String(difficulty.spacingMilliseconds)),
      "retargetWindow": .string(String(difficulty.window)),
      "retargetFactor": .string(String(difficulty.factorMax)),
      "initialReward": .string(coinbase.initial.baseUnitsText),
      "halving": .string(String(coinbase.halving)),
    ]
  }

  /// Reads the file form.
  init(json: JSONValue) throws(LedgerError) {
    var fields = try JSONFields(json, of: "mining")
    parameters = try MiningParameters(
      batchWeight: try fields.unsigned("batchWeight"),
      modelWeight: try fields.unsigned("modelWeight"),
      lookahead: Int(
        try fields.unsigned32("lookahead", max: UInt32(MiningParameters.Limits.lookaheadMax))))
    let target = try fields.digest("initialTarget")
    let initial: MiningTarget
    do {
      initial = try MiningTarget(canonicalValue: target.canonicalValue)
    } catch {
      throw .decoding(error)
    }
    difficulty = try DifficultyRule(
      initial: initial, spacingMilliseconds: try fields.unsigned("spacingMilliseconds"),
      window: try fields.unsigned("retargetWindow"),
      factorMax: try fields.unsigned("retargetFactor"))
    coinbase = try CoinbaseSchedule(
      initial: try fields.amount("initialReward"), halving: try fields.unsigned("halving"))
    try fields.finish()
  }
}
