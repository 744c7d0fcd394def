import ContentStore
import Cryptography
import Primitives

/// The walk over everything below a CID, each block once; leaves without links are not read.
struct ContentTreeWalk {
  private let root: CID
  private let store: BlockStore
  private var seen: Set<Digest> = []
  /// Nodes that were queued; one digest may be a leaf here and a node there.
  private var nodes: Set<CID> = []
  /// Blocks whose links are not known yet.
  private var pending: [CID] = []
  /// Every block that was met, in the order of meeting.
  private(set) var digests: [Digest] = []

  /// CIDs of other hash functions than SHA-256 that the store does not know.
  private(set) var unknown: [CID] = []

  /// Starts at a root; `store` says what CIDs of other hash functions name.
  init(root: CID, in store: BlockStore) throws(BlockStoreError) {
    self.root = root
    self.store = store
    try meet(root)
  }

  /// The next block whose links are wanted.
  mutating func next() -> CID? { pending.popLast() }

  /// Takes the links of a block and returns them.
  @discardableResult
  mutating func expand(_ cid: CID, with block: Bytes) throws -> [CID] {
    let links = try DagLinks.links(of: block, cid)
    for link in links { try meet(link) }
    guard digests.count + nodes.count <= 2 * ContentPinLimits.blocksMax else {
      throw BlockStoreError.pinTooLarge(root, limit: ContentPinLimits.blocksMax)
    }
    return links
  }

  private mutating func meet(_ cid: CID) throws(BlockStoreError) {
    if let digest = try store.digest(of: cid) {
      if seen.insert(digest).inserted { digests.append(digest) }
    } else if cid.inlineBlock == nil {
      return unknown.append(cid)
    }
    // A block inside its own CID is not stored, but may link to blocks that are.
    if Self.mayHaveLinks(cid), nodes.insert(cid).inserted { pending.append(cid) }
  }

  /// Whether blocks of this codec can link to others.
  private static func mayHaveLinks(_ cid: CID) -> Bool {
    switch cid.codec {
    case .dagPB, .dagCBOR, .dagJSON: true
    case .raw, .libp2pKey, .cbor, .json: false
    }
  }
}
