import ContentStore
import Primitives

/// Everything below a root as a content archive of version 1.
struct CARWalk: PieceWalk {
  private var export: DagExport
  private var writer: CARWriter
  private var gathered: Bytes

  init(_ root: CID) throws {
    export = try DagExport(DagExport.Request(ContentPath(root: root)))
    writer = CARWriter(roots: [root])
    gathered = writer.header.bytes
  }

  var wanted: CID? { export.wanted }

  mutating func supply(_ block: Bytes) throws -> Bytes? {
    guard let cid = export.wanted else { preconditionFailure("no block was wanted") }
    if try export.supply(block) {
      gathered += writer.sectionHeader(of: cid, byteCount: block.count)
      gathered += block
    }
    return gathered.count >= KuboLimits.pieceByteCount ? try finish() : nil
  }

  mutating func finish() throws -> Bytes? {
    defer { gathered = [] }
    return gathered.isEmpty ? nil : gathered
  }
}

/// Which blocks are below some roots, each once. Blocks without links are not read, unless what
/// they hold is counted.
struct TreeWalk: PieceWalk {
  /// Whether blocks without links are read too.
  private let readsLeaves: Bool
  private var pending: [CID] = []
  private var seen: Set<CID> = []

  init(_ root: CID, readsLeaves: Bool = false) {
    self.readsLeaves = readsLeaves
    meet(root)
  }

  var wanted: CID? { pending.last }

  /// Gives the block's links that were not met before.
  mutating func supply(_ block: Bytes) throws -> [CID]? {
    guard let cid = pending.last else { preconditionFailure("no block was wanted") }
    try cid.verify(block)
    pending.removeLast()
    var found: [CID] = []
    for link in try DagLinks.links(of: block, cid) where meet(link) { found.append(link) }
    guard seen.count <= KuboLimits.rememberedBlocksMax else {
      throw ContentError.tooLarge(cid, limit: UInt64(KuboLimits.rememberedBlocksMax))
    }
    return found
  }

  @discardableResult
  private mutating func meet(_ cid: CID) -> Bool {
    guard seen.insert(cid).inserted else { return false }
    if readsLeaves || Self.mayHaveLinks(cid) { pending.append(cid) }
    return true
  }

  static func mayHaveLinks(_ cid: CID) -> Bool {
    switch cid.codec {
    case .dagPB, .dagCBOR, .dagJSON: true
    case .raw, .libp2pKey, .cbor, .json: false
    }
  }
}

/// The sizes of trees that may share blocks.
struct DagStatWalk: PieceWalk {
  struct Tree: Sendable {
    let root: CID
    var byteCount: UInt64 = 0
    var blockCount: UInt64 = 0
  }

  private(set) var trees: [Tree] = []
  private var waiting: ArraySlice<CID>
  private var pending: [CID] = []
  private var seenHere: Set<CID> = []
  private var sizes: [CID: UInt64] = [:]
  /// The bytes of all blocks, each once.
  private(set) var byteCount: UInt64 = 0

  init(_ roots: [CID]) {
    waiting = roots[...]
    begin()
  }

  /// Different blocks.
  var uniqueCount: Int { sizes.count }

  var wanted: CID? { pending.last }

  private mutating func begin() {
    guard let root = waiting.popFirst() else { return }
    trees.append(Tree(root: root))
    seenHere = [root]
    pending = [root]
  }

  mutating func supply(_ block: Bytes) throws -> Never? {
    guard let cid = pending.popLast() else { preconditionFailure("no block was wanted") }
    try cid.verify(block)
    for link in try DagLinks.links(of: block, cid) where seenHere.insert(link).inserted {
      pending.append(link)
    }
    let size = UInt64(block.count)
    trees[trees.count - 1].byteCount += size
    trees[trees.count - 1].blockCount += 1
    if sizes.updateValue(size, forKey: cid) == nil { byteCount += size }
    guard seenHere.count <= KuboLimits.rememberedBlocksMax else {
      throw ContentError.tooLarge(cid, limit: UInt64(KuboLimits.rememberedBlocksMax))
    }
    if pending.isEmpty { begin() }
    return nil
  }
}
