public import Cryptography
public import Ledger

/// Who votes with what power, as the genesis document says.
public struct ValidatorSet: Hashable, Sendable {
  /// In order of key.
  public let validators: [GenesisValidator]
  /// The sum of all power, below 2⁶² by the genesis check.
  public let totalPower: UInt64
  private let powers: [PublicKey: UInt64]

  /// The validators of a genesis document.
  public init(genesis: Genesis) {
    validators = genesis.validators
    powers = Dictionary(uniqueKeysWithValues: validators.map { ($0.key, $0.power) })
    totalPower = validators.reduce(0) { $0 + $1.power }
  }

  /// The power of a key, nil if it has no seat.
  public func power(of key: PublicKey) -> UInt64? { powers[key] }

  /// Strictly more than two thirds: 3·v > 2·total, in integers.
  public func isQuorum(_ power: UInt64) -> Bool { 3 * UInt128(power) > 2 * UInt128(totalPower) }

  /// Whose turn a height is: round robin in order of key.
  ///
  /// With equal powers this is Tendermint's weighted rotation.
  public func proposer(at height: BlockHeight) -> PublicKey {
    validators[Int(height % BlockHeight(validators.count))].key
  }
}
