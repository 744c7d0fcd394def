package import Consensus
internal import Cryptography
package import Ledger
package import Persistence
internal import Primitives

/// What a validator keeps: the chain, the secret of its beacon, and what it signed last.
package struct ValidatorStore: Sendable {
  private static let guardFile = "last-signed"

  /// All committed blocks.
  package let blocks: BlockLog
  /// The ledger after them.
  package let chain: ChainFollower
  /// The chain of links that genesis commits to.
  package let beacon: BeaconChain
  /// What was signed last.
  package let signGuard: SignGuard
  private let guardFile: AlternatingFile

  /// Opens the store of a home; `beacon.key` holds the seed of the beacon.
  package init(home: HomeDirectory, genesis: Genesis) throws {
    (blocks, chain) = try BlockLog.open(path: home.file("chain.log"), genesis: genesis)
    let seed = try Digest(bytes: home.key(named: "beacon").seed)
    beacon = BeaconChain(seed: seed, count: genesis.beacon.count)
    guardFile = try AlternatingFile(path: home.file(Self.guardFile))
    signGuard = try guardFile.stored.map { try SignGuard(decoding: $0) } ?? SignGuard()
  }

  /// Makes the guard durable; must happen before the signature leaves this machine.
  package func store(_ signGuard: SignGuard) throws {
    try guardFile.write(signGuard.encoded())
  }
}
