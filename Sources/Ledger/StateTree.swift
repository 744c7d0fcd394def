public import Cryptography
public import Primitives

/// The name of a leaf of the state.
enum StateKey {
  case account(AccountID)
  case job(JobID)
  case slot(WorkSlot)
  case content(ContentID)
  case reward(OfferID)
  case storage(OfferID)
  case chain

  var canonicalValue: CanonicalValue {
    switch self {
    case .account(let id): .array([.text("account"), id.canonicalValue])
    case .job(let id): .array([.text("job"), id.canonicalValue])
    case .slot(let slot): .array([.text("slot"), .map(slot.canonicalEntries)])
    case .content(let id): .array([.text("content"), id.canonicalValue])
    case .reward(let id): .array([.text("reward"), id.canonicalValue])
    case .storage(let id): .array([.text("storage"), id.canonicalValue])
    case .chain: .array([.text("chain")])
    }
  }

  /// A uniform place in the tree, whatever the keys look like.
  var path: Digest {
    SHA256.hash(LedgerDomain.bytes(LedgerDomain.stateKey), canonicalValue.encoded())
  }

  func leaf(_ value: CanonicalValue) -> Digest {
    MerkleTree.leafHash(CanonicalValue.array([canonicalValue, value]).encoded())
  }
}

/// Merkle tree over the state's leaves, sorted by path, in 256 buckets by the path's first byte.
///
/// A change costs one bucket and eight hashes. Each bucket's root is RFC 6962 over its leaves, and
/// the state root is RFC 6962 over the 256 bucket roots (docs/specs/ledger.md §4).
struct StateTree: Sendable, Equatable {
  private struct Entry: Sendable, Equatable {
    let path: Digest
    var leaf: Digest
  }

  private static let bucketCount = 256
  private var buckets: [[Entry]]
  /// A perfect binary tree in heap order: node 1 is the root, nodes 256…511 are bucket roots.
  private var nodes: [Digest]

  init() {
    buckets = Array(repeating: [], count: Self.bucketCount)
    let empty = MerkleTree.root(of: [])
    nodes = Array(repeating: empty, count: 2 * Self.bucketCount)
    for node in (1..<Self.bucketCount).reversed() {
      nodes[node] = MerkleTree.nodeHash(nodes[2 * node], nodes[2 * node + 1])
    }
  }

  var root: Digest { nodes[1] }

  /// Sets leaves, or removes those whose leaf is nil.
  mutating func update(_ changes: [(path: Digest, leaf: Digest?)]) {
    var touched: Set<Int> = []
    for change in changes {
      touched.insert(set(change.path, change.leaf))
    }
    for bucket in touched.sorted() {
      nodes[Self.bucketCount + bucket] = MerkleTree.root(of: buckets[bucket].map(\.leaf))
    }
    var parents = Set(touched.map { (Self.bucketCount + $0) / 2 })
    while parents != [0] && !parents.isEmpty {
      for node in parents {
        nodes[node] = MerkleTree.nodeHash(nodes[2 * node], nodes[2 * node + 1])
      }
      parents = Set(parents.map { $0 / 2 })
    }
  }

  private mutating func set(_ path: Digest, _ leaf: Digest?) -> Int {
    let bucket = path.withUnsafeBytes { Int($0[0]) }
    var low = 0
    var high = buckets[bucket].count
    while low < high {
      let middle = (low + high) / 2
      if buckets[bucket][middle].path < path { low = middle + 1 } else { high = middle }
    }
    let isThere = low < buckets[bucket].count && buckets[bucket][low].path == path
    switch (isThere, leaf) {
    case (true, .some(let leaf)): buckets[bucket][low].leaf = leaf
    case (false, .some(let leaf)): buckets[bucket].insert(Entry(path: path, leaf: leaf), at: low)
    case (true, nil): buckets[bucket].remove(at: low)
    case (false, nil): break
    }
    return bucket
  }

  /// The two steps from a leaf to the root: through its bucket, then through the buckets.
  func proof(of path: Digest) -> StateProof? {
    let bucket = path.withUnsafeBytes { Int($0[0]) }
    guard let index = buckets[bucket].firstIndex(where: { $0.path == path }) else { return nil }
    return StateProof(
      inBucket: MerkleTree.proof(index: index, in: buckets[bucket].map(\.leaf)),
      ofBucket: MerkleTree.proof(index: bucket, in: nodes[Self.bucketCount...]))
  }
}

/// Shows what the state says of one account or content under a header's state root.
public struct StateProof: Hashable, Sendable {
  /// From the leaf to its bucket's root.
  public let inBucket: MerkleProof
  /// From the bucket's root to the state root.
  public let ofBucket: MerkleProof

  /// Whether `account` is what the state with this root holds for `id`.
  public func proves(_ account: Account, of id: AccountID, under stateRoot: Digest) -> Bool {
    proves(account.canonicalValue, of: .account(id), under: stateRoot)
  }

  /// Whether `record` is what the state with this root holds for registered content.
  public func proves(_ record: ContentRecord, of id: ContentID, under stateRoot: Digest) -> Bool {
    proves(record.canonicalValue, of: .content(id), under: stateRoot)
  }

  private func proves(
    _ value: CanonicalValue, of key: StateKey, under stateRoot: Digest
  ) -> Bool {
    guard key.path.withUnsafeBytes({ Int($0[0]) }) == ofBucket.index,
      let bucketRoot = inBucket.root(of: key.leaf(value))
    else { return false }
    return ofBucket.proves(bucketRoot, under: stateRoot)
  }
}

extension StateProof: CanonicalCodable {
  /// A map of both steps.
  public var canonicalValue: CanonicalValue {
    .map(["leaf": inBucket.canonicalValue, "bucket": ofBucket.canonicalValue])
  }

  /// Reads both steps.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    inBucket = try fields.nested("leaf")
    ofBucket = try fields.nested("bucket")
    try fields.finish()
  }
}
