import Cryptography
import Glibc
import Ledger
import Node
import Peering
import Persistence
import Primitives

/// Where state lives, and how a new network begins.
enum Homes {
  /// Accounts of a new network; the amounts are play money of this network alone.
  private enum Grants {
    static let client = Amount.tokens(1_000_000)
    static let operators = Amount.tokens(1_000)
    static let workerBalance = Amount.tokens(10)
  }

  /// A link a block of commitments: 262,144 rounds of one network, and 0.2 s to compute at a start.
  private static let longLivedBeaconLinks: UInt32 = 1 << 18

  /// `--home`, `MARTLET_HOME`, or `~/.martlet`.
  static func selected(_ arguments: Arguments) -> HomeDirectory {
    if let path = arguments.text("home") ?? Settings.environment("MARTLET_HOME") {
      return HomeDirectory(path: path)
    }
    let user = getenv("HOME").map { String(cString: $0) } ?? "."
    return HomeDirectory(path: "\(user)/.martlet")
  }

  /// Mining for a network that lives for minutes: one attempt in 256 wins.
  static let demonstrationMining = try? MiningTerms(
    parameters: .standard,
    difficulty: DifficultyRule(
      initial: MiningTarget(leadingZeroBits: 8), spacingMilliseconds: 1_000,
      window: DifficultyRule.standard.window, factorMax: DifficultyRule.standard.factorMax),
    coinbase: .standard)

  /// Makes the coordinator's and validator's keys, a genesis document and the network's file in
  /// `home`.
  ///
  /// - Parameters:
  ///   - validator: where the validator's keys go; it reads `identityName`.key and `beacon.key`.
  ///   - workers: accounts that begin with the least stake.
  static func createNetwork(
    named name: String, in home: HomeDirectory, validator: HomeDirectory,
    validatorKeyName: String, evaluators: [PublicKey] = [], workers: [PublicKey] = [],
    beaconLinks: UInt32 = Self.longLivedBeaconLinks, mining: MiningTerms? = nil
  ) throws -> Genesis {
    try home.create()
    try validator.create()
    let identity = try home.keyOrNew(named: "identity").publicKey
    let client = try home.keyOrNew(named: "client").publicKey
    let validatorKey = try validator.keyOrNew(named: validatorKeyName).publicKey
    let seed = try Digest(bytes: validator.keyOrNew(named: "beacon").seed)
    let parameters = LedgerParameters.standard
    var accounts = [
      GenesisAccount(id: client, balance: Grants.client),
      GenesisAccount(id: identity, balance: Grants.operators),
      GenesisAccount(id: validatorKey, balance: Grants.operators),
    ]
    accounts += evaluators.map { GenesisAccount(id: $0, balance: .zero) }
    accounts += workers.map {
      GenesisAccount(id: $0, balance: Grants.workerBalance, stake: parameters.minimumStake)
    }
    let genesis = try Genesis(
      name: name, accounts: accounts,
      validators: [GenesisValidator(key: validatorKey, power: 1)], parameters: parameters,
      beacon: BeaconChain(seed: seed, count: beaconLinks).anchor, mining: mining)
    try home.store(genesis)
    try NetworkFileStore(home: home).write(
      NetworkFile(
        name: NetworkFile.name(from: name), chainID: genesis.chainID,
        coordinators: [identity.peerID]))
    if validator != home { try validator.store(genesis) }
    return genesis
  }
}
