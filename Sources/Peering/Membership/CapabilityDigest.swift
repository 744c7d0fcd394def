package import Cryptography
package import Primitives

/// Why a digest was refused.
package enum DigestError: Error, Equatable, Sendable {
  case malformed(DecodingFailure)
  case tooLarge(bytes: Int, limit: Int)
  case filter(BloomError)
  case wrongCluster(ClusterID)
  case expired
  case livesTooLong
  case olderThanKnown(epoch: UInt64, sequence: UInt64)
  case badSignature
}

/// What a cluster offers, as its leader signs it: docs/specs/membership.md §4.
package struct CapabilityDigest: Hashable, Sendable {
  /// Room for the largest filter and the other fields.
  package static let bytesMax = BloomLimits.bytesMax + 1_024

  /// Whose capabilities these are.
  package let cluster: ClusterID
  /// The leader's epoch.
  package let epoch: UInt64
  /// Counts a leader's digests within an epoch.
  package let sequence: UInt64
  /// Seconds since 1970 after which it says nothing.
  package let expiresAt: UInt64
  /// Members below, all levels.
  package let memberCount: UInt64
  /// Root over the digests of the clusters below, or over the members of a local group.
  package let anchor: Digest
  /// Capabilities that somebody below offers.
  package let filter: BloomFilter
  /// Who signed.
  package let leader: PublicKey
  /// Over all other fields and the domain.
  package let signature: Signature

  /// Signs a digest.
  package init(
    cluster: ClusterID, epoch: UInt64, sequence: UInt64, expiresAt: UInt64, memberCount: UInt64,
    anchor: Digest, filter: BloomFilter, signedBy key: SigningKey
  ) {
    self.cluster = cluster
    self.epoch = epoch
    self.sequence = sequence
    self.expiresAt = expiresAt
    self.memberCount = memberCount
    self.anchor = anchor
    self.filter = filter
    leader = key.publicKey
    var fields = Self.fields(
      cluster, epoch, sequence, expiresAt, memberCount, anchor, filter, key.publicKey)
    fields["domain"] = Self.domain
    signature = key.sign(CanonicalValue.map(fields).encoded())
  }

  /// Keeps these signatures apart from all others of a node's key.
  private static let domain = CanonicalValue.text("martlet/cluster/digest/1")

  private static func fields(
    _ cluster: ClusterID, _ epoch: UInt64, _ sequence: UInt64, _ expiresAt: UInt64,
    _ memberCount: UInt64, _ anchor: Digest, _ filter: BloomFilter, _ leader: PublicKey
  ) -> [String: CanonicalValue] {
    [
      "cluster": cluster.canonicalValue, "epoch": .unsigned(epoch),
      "sequence": .unsigned(sequence), "expires": .unsigned(expiresAt),
      "members": .unsigned(memberCount), "anchor": anchor.canonicalValue,
      "filter": .bytes(filter.bytes), "leader": leader.canonicalValue,
    ]
  }

  private var fields: [String: CanonicalValue] {
    Self.fields(cluster, epoch, sequence, expiresAt, memberCount, anchor, filter, leader)
  }

  /// The canonical bytes.
  package func encoded() -> Bytes {
    var fields = fields
    fields["signature"] = signature.canonicalValue
    return CanonicalValue.map(fields).encoded()
  }

  /// Reads a digest and looks at its size and its filter before anything else; says nothing about
  /// the signature yet.
  package init(decoding bytes: Bytes) throws(DigestError) {
    guard bytes.count <= Self.bytesMax else {
      throw .tooLarge(bytes: bytes.count, limit: Self.bytesMax)
    }
    let filterBytes: Bytes
    do {
      let limits = CanonicalLimits(bytesMax: Self.bytesMax, entriesMax: 16)
      var fields = try CanonicalFields(CanonicalValue(decoding: bytes, limits: limits))
      cluster = try fields.nested("cluster")
      epoch = try fields.unsigned("epoch")
      sequence = try fields.unsigned("sequence")
      expiresAt = try fields.unsigned("expires")
      memberCount = try fields.unsigned("members")
      anchor = try fields.nested("anchor")
      filterBytes = try fields.bytes("filter")
      leader = try fields.nested("leader")
      signature = try fields.nested("signature")
      try fields.finish()
    } catch {
      throw .malformed(error)
    }
    do {
      filter = try BloomFilter(bytes: filterBytes)
    } catch {
      throw .filter(error)
    }
  }

  /// Whether the digest is of this cluster, holds at `now` (seconds since 1970), is newer than what
  /// is known, and is signed by the key in it. Whether that key leads is for the caller to know.
  package func check(
    of expected: ClusterID, now: UInt64, newerThan known: CapabilityDigest? = nil
  ) throws(DigestError) {
    guard cluster == expected else { throw .wrongCluster(cluster) }
    guard now < expiresAt else { throw .expired }
    let longest = ClusterLimits.digestLifetime + ClusterLimits.clockSkewMax
    guard expiresAt - now <= UInt64(longest.components.seconds) else { throw .livesTooLong }
    if let known, (epoch, sequence) <= (known.epoch, known.sequence) {
      throw .olderThanKnown(epoch: known.epoch, sequence: known.sequence)
    }
    var signed = fields
    signed["domain"] = Self.domain
    guard leader.verify(signature, of: CanonicalValue.map(signed).encoded()) else {
      throw .badSignature
    }
  }

  /// The leaf by which the cluster above anchors this digest.
  package var anchorLeaf: Digest { MerkleTree.leafHash(encoded()) }
}
