package import Consensus
internal import Cryptography
package import Ledger
package import Persistence
internal import Primitives

/// What a validator keeps: the chain, the secret of its beacon, and what it signed last.
package struct ValidatorStore: Sendable {
  private static let guardFile = "last-signed"
  private static let guardBytesMax = 256

  /// All committed blocks.
  package let blocks: BlockLog
  /// The ledger after them.
  package let chain: ChainFollower
  /// The chain of links that genesis commits to.
  package let beacon: BeaconChain
  /// What was signed last.
  package let signGuard: SignGuard
  private let home: HomeDirectory

  /// Opens the store of a home; `beacon.key` holds the seed of the beacon.
  package init(home: HomeDirectory, genesis: Genesis) throws {
    self.home = home
    (blocks, chain) = try BlockLog.open(path: home.file("chain.log"), genesis: genesis)
    let seed = try Digest(bytes: home.key(named: "beacon").seed)
    beacon = BeaconChain(seed: seed, count: genesis.beacon.count)
    if let bytes = try home.read(Self.guardFile, max: Self.guardBytesMax) {
      signGuard = try SignGuard(decoding: bytes)
    } else {
      signGuard = SignGuard()
    }
  }

  /// Makes the guard durable; must happen before the signature leaves this machine.
  package func store(_ signGuard: SignGuard) throws {
    try home.write(signGuard.encoded(), to: Self.guardFile)
  }
}
