public import Cryptography
public import Ledger
public import Primitives

/// Remembers the newest signed block and refuses to sign another one at its height or below.
///
/// The shell stores the new value (fsync) before the signature leaves the process; a restart
/// begins with the stored value.
public struct SignGuard: Hashable, Sendable {
  /// The height that was signed last; 0 before the first.
  public private(set) var height: BlockHeight
  /// The hash that was signed there.
  public private(set) var blockHash: Digest

  /// Nothing is signed yet.
  public init() {
    height = 0
    blockHash = .zero
  }

  /// Allows signing `hash` at `height` and remembers it; the same block may be signed again.
  public mutating func authorise(
    height asked: BlockHeight, blockHash hash: Digest
  ) throws(ConsensusError) {
    guard asked >= height, asked > 0 else {
      throw .heightBehindLastSigned(asked: asked, lastSigned: height)
    }
    guard asked > height || hash == blockHash else {
      throw .alreadySigned(height: asked, signed: blockHash, asked: hash)
    }
    height = asked
    blockHash = hash
  }
}

extension SignGuard: CanonicalCodable {
  /// A map of the fields.
  public var canonicalValue: CanonicalValue {
    .map(["height": .unsigned(height), "block": blockHash.canonicalValue])
  }

  /// Reads the fields.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    height = try fields.unsigned("height")
    blockHash = try fields.nested("block")
    try fields.finish()
  }
}
