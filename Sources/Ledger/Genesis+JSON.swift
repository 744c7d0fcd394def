import Cryptography
public import Primitives

// The file form of a genesis document: keys as hexadecimal, money as decimal base units.
extension Genesis {
  /// The document for a file.
  public var json: JSONValue {
    var members: [JSONValue.Member] = [
      .init("name", .string(name)), .init("symbol", .string(symbol)),
      .init("decimals", JSONValue(Amount.decimals)), .init("chainId", .string(chainID.hex)),
      .init("accounts", .array(accounts.map(\.json))),
      .init("validators", .array(validators.map(\.json))),
      .init("parameters", parameters.json),
      .init(
        "beacon", ["link": .string(beacon.link.hex), "count": JSONValue(beacon.count)]),
    ]
    if let mining { members.append(.init("mining", mining.json)) }
    return .object(members)
  }

  /// Reads the file form; a `chainId` that does not fit the rest is refused.
  public init(json: JSONValue) throws(LedgerError) {
    var fields = try JSONFields(json, of: "genesis")
    let decimals = try fields.unsigned("decimals")
    guard decimals == UInt64(Amount.decimals) else {
      throw .invalidGenesis(reason: "decimals must be \(Amount.decimals)")
    }
    var accounts: [GenesisAccount] = []
    for entry in try fields.array("accounts") {
      var fields = try JSONFields(entry, of: "account")
      accounts.append(
        GenesisAccount(
          id: try fields.key("key"), balance: try fields.amount("balance"),
          stake: try fields.amount("stake")))
      try fields.finish()
    }
    var validators: [GenesisValidator] = []
    for entry in try fields.array("validators") {
      var fields = try JSONFields(entry, of: "validator")
      validators.append(
        GenesisValidator(key: try fields.key("key"), power: try fields.unsigned("power")))
      try fields.finish()
    }
    var beacon = try JSONFields(try fields.value("beacon"), of: "beacon")
    let anchor = BeaconAnchor(
      link: try beacon.digest("link"), count: try beacon.unsigned32("count"))
    try beacon.finish()
    let chainID = try fields.digest("chainId")
    try self.init(
      name: try fields.text("name"), symbol: try fields.text("symbol"), accounts: accounts,
      validators: validators,
      parameters: try LedgerParameters(json: try fields.value("parameters")), beacon: anchor,
      mining: try Self.mining(fields.optional("mining")))
    try fields.finish()
    guard self.chainID == chainID else {
      throw .invalidGenesis(reason: "chainId is not the hash of the document")
    }
  }
}

extension Genesis {
  private static func mining(_ json: JSONValue?) throws(LedgerError) -> MiningTerms? {
    guard let json else { return nil }
    return try MiningTerms(json: json)
  }
}

extension GenesisAccount {
  fileprivate var json: JSONValue {
    [
      "key": .string(Hex.encode(id.bytes)), "balance": .string(balance.baseUnitsText),
      "stake": .string(stake.baseUnitsText),
    ]
  }
}

extension GenesisValidator {
  fileprivate var json: JSONValue {
    ["key": .string(Hex.encode(key.bytes)), "power": .string(String(power))]
  }
}

extension LedgerParameters {
  /// The parameters for a file.
  public var json: JSONValue {
    [
      "minimumStake": .string(minimumStake.baseUnitsText),
      "slashPartsPerMillion": JSONValue(slashPartsPerMillion),
      "treasuryPartsPerMillion": JSONValue(treasuryPartsPerMillion),
      "flatFee": .string(flatFee.baseUnitsText),
      "feePartsPerMillion": JSONValue(feePartsPerMillion),
      "unbondingBlocks": .string(String(unbondingBlocks)),
    ]
  }

  /// Reads the file form.
  public init(json: JSONValue) throws(LedgerError) {
    var fields = try JSONFields(json, of: "parameters")
    minimumStake = try fields.amount("minimumStake")
    slashPartsPerMillion = try fields.unsigned32("slashPartsPerMillion", max: Self.whole)
    treasuryPartsPerMillion = try fields.unsigned32("treasuryPartsPerMillion", max: Self.whole)
    flatFee = try fields.amount("flatFee")
    feePartsPerMillion = try fields.unsigned32("feePartsPerMillion", max: Self.whole)
    unbondingBlocks = try fields.unsigned("unbondingBlocks")
    try fields.finish()
  }
}
