import Cryptography
import Primitives

/// The multihashes of other functions than SHA-256 under which blocks were stored.
extension BlockIndexTransaction {
  /// The SHA-256 of the block that a multihash names, if the block was stored under it.
  func digest(named name: Bytes) throws(BlockStoreError) -> Digest? {
    guard let bytes = try value(of: name, in: databases.names) else { return nil }
    return try digest(bytes)
  }

  /// Notes another name of a block.
  func set(name: Bytes, of digest: Digest) throws(BlockStoreError) {
    try put(name, digest.bytes, in: databases.names)
  }

  /// Forgets the name of a block that is gone.
  func forget(name: Bytes) throws(BlockStoreError) {
    guard let digest = try digest(named: name), try entry(digest) == nil else { return }
    try remove(name, from: databases.names)
  }

  /// The names among `limit` behind `start` whose blocks are gone, and the last one looked at.
  func deadNames(
    after start: Bytes?, limit: Int
  ) throws(BlockStoreError) -> (dead: [Bytes], last: Bytes?) {
    let page = try entries(of: databases.names, after: start, limit: limit)
    var dead: [Bytes] = []
    for (name, value) in page where try entry(try digest(value)) == nil { dead.append(name) }
    return (dead, page.last?.key)
  }
}
