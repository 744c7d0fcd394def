package import Consensus
internal import Cryptography
package import Ledger
package import Persistence
internal import Primitives

/// What a validator keeps: the chain, the secret of its beacon, and what it signed last.
package struct ValidatorStore: Sendable {
  private static let guardFile = "last-signed"
  /// A guard and a block of the largest size.
  private static let guardBytesMax = LedgerLimits.blockBytesMax + 4_096

  /// All committed blocks.
  package let blocks: BlockLog
  /// The ledger after them.
  package let chain: ChainFollower
  /// The chain of links that genesis commits to.
  package let beacon: BeaconChain
  /// What was signed last.
  package let signGuard: SignGuard
  /// The block that was signed last but never stored: a crash came in between. The guard allows no
  /// other one at its height.
  package let unfinished: Block?
  private let guardFile: AlternatingFile

  /// Opens the store of a home; `beacon.key` holds the seed of the beacon.
  package init(home: HomeDirectory, genesis: Genesis) throws {
    (blocks, chain) = try BlockLog.open(path: home.file("chain.log"), genesis: genesis)
    let seed = try Digest(bytes: home.key(named: "beacon").seed)
    beacon = BeaconChain(seed: seed, count: genesis.beacon.count)
    guardFile = try AlternatingFile(
      path: home.file(Self.guardFile), valueBytesMax: Self.guardBytesMax)
    if let bytes = guardFile.stored {
      var fields = try CanonicalFields(CanonicalValue(decoding: bytes))
      signGuard = try fields.nested("guard")
      let block = try fields.nested("block", as: Block.self)
      try fields.finish()
      unfinished = block.header.height > blocks.height ? block : nil
    } else {
      signGuard = SignGuard()
      unfinished = nil
    }
  }

  /// Makes the guard durable, with the block that it allows; must happen before the signature
  /// leaves this machine.
  package func store(_ signGuard: SignGuard, of block: Block) throws {
    let record = CanonicalValue.map([
      "guard": signGuard.canonicalValue, "block": block.canonicalValue,
    ])
    try guardFile.write(record.encoded())
  }
}
