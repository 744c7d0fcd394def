public import Cryptography
public import Primitives

/// What an account holds before the first block.
public struct GenesisAccount: Hashable, Sendable {
  /// The key.
  public let id: AccountID
  /// Its balance.
  public let balance: Amount
  /// Its stake.
  public let stake: Amount

  /// Funds an account.
  public init(id: AccountID, balance: Amount, stake: Amount = .zero) {
    self.id = id
    self.balance = balance
    self.stake = stake
  }
}

/// A key that may vote for blocks and judge work.
public struct GenesisValidator: Hashable, Sendable {
  /// The key.
  public let key: PublicKey
  /// Its weight in votes.
  public let power: UInt64

  /// Names a validator.
  public init(key: PublicKey, power: UInt64) {
    self.key = key
    self.power = power
  }
}

/// The agreed beginning of a chain; its hash is the chain's id and a light client's trust root.
public struct Genesis: Hashable, Sendable {
  /// A name for people.
  public let name: String
  /// The token's symbol; its decimals are `Amount.decimals`.
  public let symbol: String
  /// The first accounts, in order of key.
  public let accounts: [GenesisAccount]
  /// The validators, in order of key.
  public let validators: [GenesisValidator]
  /// The chain's rules.
  public let parameters: LedgerParameters
  /// The end of the beacon's hash chain.
  public let beacon: BeaconAnchor
  /// How tokens are mined; nil if they never are.
  public let mining: MiningTerms?

  /// Sorts and checks the parts.
  public init(
    name: String, symbol: String = "FTNS", accounts: [GenesisAccount],
    validators: [GenesisValidator], parameters: LedgerParameters = .standard,
    beacon: BeaconAnchor, mining: MiningTerms? = nil
  ) throws(LedgerError) {
    self.name = name
    self.symbol = symbol
    self.accounts = accounts.sorted { $0.id < $1.id }
    self.validators = validators.sorted { $0.key < $1.key }
    self.parameters = parameters
    self.beacon = beacon
    self.mining = mining
    try check()
  }

  private func check() throws(LedgerError) {
    guard (1...LedgerLimits.symbolBytesMax).contains(symbol.utf8.count) else {
      throw .invalidGenesis(
        reason: "the symbol is empty or longer than \(LedgerLimits.symbolBytesMax) bytes")
    }
    guard name.utf8.count <= 64 else { throw .invalidGenesis(reason: "the name is too long") }
    guard (1...LedgerLimits.validatorsMax).contains(validators.count) else {
      throw .invalidGenesis(reason: "there must be 1 to \(LedgerLimits.validatorsMax) validators")
    }
    guard accounts.count <= LedgerLimits.genesisAccountsMax else {
      throw .invalidGenesis(reason: "too many accounts")
    }
    guard Set(accounts.map(\.id)).count == accounts.count else {
      throw .invalidGenesis(reason: "an account appears twice")
    }
    guard Set(validators.map(\.key)).count == validators.count else {
      throw .invalidGenesis(reason: "a validator appears twice")
    }
    try checkPower()
    let supply = try supply()
    if let mining {
      // Balances never overflow, whatever is mined.
      _ = try money { () throws(AmountError) in try supply.adding(mining.coinbase.cap()) }
    }
  }

  private func checkPower() throws(LedgerError) {
    var total: UInt64 = 0
    for validator in validators {
      let (sum, overflow) = total.addingReportingOverflow(validator.power)
      // 3·v is computed in 64 bits, so the total stays below a quarter of them.
      guard validator.power > 0, !overflow, sum < 1 << 62 else {
        throw .invalidGenesis(reason: "a validator's power is zero or the total is too large")
      }
      total = sum
    }
  }

  /// All balances and stakes of the beginning; only `mining` ever adds to it.
  public func supply() throws(LedgerError) -> Amount {
    try money { () throws(AmountError) in
      try Amount.sum(accounts.lazy.flatMap { [$0.balance, $0.stake] })
    }
  }

  /// SHA-256 over the domain and the canonical document.
  public var chainID: Digest {
    SHA256.hash(LedgerDomain.bytes(LedgerDomain.genesis), encoded())
  }

  /// Where part of slashed stake goes; no key is known for it, governance will hold it.
  public static let treasury: AccountID = {
    let digest = SHA256.hash(LedgerDomain.bytes(LedgerDomain.account + "/treasury"))
    guard let id = try? AccountID(bytes: digest.bytes) else {
      preconditionFailure("a digest has the length of a key")
    }
    return id
  }()
}

extension Genesis: CanonicalCodable {
  /// A map of the fields; `mining` is left out when there is none.
  public var canonicalValue: CanonicalValue {
    var entries: [String: CanonicalValue] = [
      "name": .text(name), "symbol": .text(symbol),
      "decimals": .unsigned(UInt64(Amount.decimals)), "accounts": .list(accounts),
      "validators": .list(validators), "parameters": parameters.canonicalValue,
      "beacon": beacon.canonicalValue,
    ]
    if let mining { entries["mining"] = mining.canonicalValue }
    return .map(entries)
  }

  /// Reads the document; accounts and validators must be sorted, or one chain had many ids.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    let decimals = try fields.unsigned("decimals")
    let accounts: [GenesisAccount] = try fields.list("accounts")
    let validators: [GenesisValidator] = try fields.list("validators")
    do {
      try self.init(
        name: try fields.text("name"), symbol: try fields.text("symbol"), accounts: accounts,
        validators: validators, parameters: try fields.nested("parameters"),
        beacon: try fields.nested("beacon"), mining: try fields.optionalNested("mining"))
    } catch let failure as DecodingFailure {
      throw failure
    } catch {
      throw .malformed(what: "genesis", reason: "\(error)")
    }
    try fields.finish()
    guard decimals == UInt64(Amount.decimals), accounts == self.accounts,
      validators == self.validators
    else { throw .malformed(what: "genesis", reason: "not sorted by key, or not 18 decimals") }
  }
}

extension GenesisAccount: CanonicalCodable {
  /// A map of the fields.
  public var canonicalValue: CanonicalValue {
    .map([
      "id": id.canonicalValue, "balance": balance.canonicalValue, "stake": stake.canonicalValue,
    ])
  }

  /// Reads the fields.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    id = try fields.nested("id")
    balance = try fields.nested("balance")
    stake = try fields.nested("stake")
    try fields.finish()
  }
}

extension GenesisValidator: CanonicalCodable {
  /// A map of the fields.
  public var canonicalValue: CanonicalValue {
    .map(["key": key.canonicalValue, "power": .unsigned(power)])
  }

  /// Reads the fields.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    key = try fields.nested("key")
    power = try fields.unsigned("power")
    try fields.finish()
  }
}
