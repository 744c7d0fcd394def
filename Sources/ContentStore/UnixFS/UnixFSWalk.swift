public import Primitives

/// How much of a foreign tree a walk follows.
public struct UnixFSWalkLimits: Equatable, Sendable {
  /// The levels of the tree; the published layouts reach 1 PiB within five.
  public var depthMax = 32
  /// The bytes of the file.
  public var fileByteCountMax: UInt64
  /// The blocks visited: a terabyte in 256 KiB chunks. Ends trees that link one block many times.
  public var blocksMax = 1 << 22

  /// One terabyte unless told otherwise: larger files than any model of today.
  public init(fileByteCountMax: UInt64 = 1 << 40) { self.fileByteCountMax = fileByteCountMax }
}

/// The walk over a file's tree in file order, as a machine: it says which block it wants, takes
/// it, checks it against its CID and its parent's sizes, and gives the file bytes it holds.
///
/// Reads balanced and trickle trees, raw leaves and dag-pb leaves of type File and Raw.
public struct UnixFSWalk: Sendable {
  private struct Pending {
    let cid: CID
    let declared: UInt64?
    /// Where its bytes begin in the file.
    let start: UInt64
    let depth: Int
  }

  /// The root of the file.
  public let root: CID
  private let limits: UnixFSWalkLimits
  private let bytes: EntityBytes?
  /// The part of the file that is given; nil for all of it.
  private var range: Range<UInt64>?
  private var pending: [Pending]
  private var blocksSeen = 0
  /// The size that the root declares, once the root has been supplied.
  public private(set) var fileSize: UInt64?
  /// The bytes given so far.
  public private(set) var bytesGiven: UInt64 = 0

  /// Starts at the root of a file, of which `bytes` are given; blocks without any of them are not
  /// wanted.
  public init(
    root: CID, limits: UnixFSWalkLimits = UnixFSWalkLimits(), bytes: EntityBytes = .all
  ) {
    self.root = root
    self.limits = limits
    self.bytes = bytes == .all ? nil : bytes
    pending = [Pending(cid: root, declared: nil, start: 0, depth: 1)]
  }

  /// The block needed next; nil when the whole file was given.
  public var wanted: CID? { pending.last?.cid }

  /// The blocks that will be wanted next as far as is known, the wanted one first.
  func upcoming(_ count: Int) -> [CID] { pending.suffix(count).reversed().map(\.cid) }

  /// Takes the wanted block and returns the file bytes it holds itself (none for most inner nodes).
  public mutating func supply(_ block: Bytes) throws(ContentError) -> Bytes {
    guard let next = pending.last else { preconditionFailure("no block was wanted") }
    try next.cid.verify(block)
    return try take(block)
  }

  /// Takes the wanted block, which is known to be what its CID names.
  mutating func take(_ block: Bytes) throws(ContentError) -> Bytes {
    guard let next = pending.last else { preconditionFailure("no block was wanted") }
    blocksSeen += 1
    guard blocksSeen <= limits.blocksMax else {
      throw .tooLarge(next.cid, limit: UInt64(limits.blocksMax))
    }
    pending.removeLast()
    let bytes: Bytes
    switch next.cid.codec {
    case .raw: bytes = try leaf(block, next)
    case .dagPB: bytes = try node(block, next)
    case .libp2pKey, .dagCBOR, .dagJSON, .cbor, .json:
      throw .notAFile(next.cid, found: next.cid.codec.phrase)
    }
    let given = clipped(bytes, at: next.start)
    bytesGiven += UInt64(given.count)
    return given
  }

  /// Passes over the wanted block, a raw leaf that the caller has no need of.
  mutating func skipLeaf() { pending.removeLast() }

  private func clipped(_ bytes: Bytes, at start: UInt64) -> Bytes {
    guard let range else { return bytes }
    let part = range.clamped(to: start..<start + UInt64(bytes.count))
    guard part.count < bytes.count else { return bytes }
    return Bytes(bytes[Int(part.lowerBound - start)..<Int(part.upperBound - start)])
  }

  private mutating func leaf(_ bytes: Bytes, _ position: Pending) throws(ContentError) -> Bytes {
    try check(size: UInt64(bytes.count), at: position)
    return bytes
  }

  private mutating func node(_ block: Bytes, _ position: Pending) throws(ContentError) -> Bytes {
    let cid = position.cid
    let node = try UnixFSNode(decoding: block, of: cid)
    let data = node.data
    switch data.kind {
    case .file, .raw: break
    case .directory, .hamtShard, .symlink, .metadata:
      throw .notAFile(cid, found: data.kind.phrase)
    }
    try check(data, linkCount: node.links.count, at: position)
    guard node.links.isEmpty || position.depth < limits.depthMax else {
      throw .tooDeep(cid, limit: limits.depthMax)
    }
    push(node, below: position)
    return data.data
  }

  /// The sizes were checked: no sum of them overflows.
  private mutating func push(_ node: UnixFSNode, below position: Pending) {
    var start = position.start + UInt64(node.data.data.count)
    var children: [Pending] = []
    for (link, size) in zip(node.links, node.data.blockSizes) {
      if range.map({ $0.overlaps(start..<start + size) }) ?? true {
        children.append(
          Pending(cid: link.cid, declared: size, start: start, depth: position.depth + 1))
      }
      start += size
    }
    pending += children.reversed()
  }

  /// A node's size is its own bytes and the sizes of its links; it must be what the node says.
  private mutating func check(
    _ data: UnixFSData, linkCount: Int, at position: Pending
  ) throws(ContentError) {
    guard data.blockSizes.count == linkCount else {
      throw .malformedBlock(
        position.cid,
        .malformed(
          what: "UnixFS data", reason: "\(data.blockSizes.count) sizes for \(linkCount) links"))
    }
    var total = UInt64(data.data.count)
    for size in data.blockSizes {
      let (sum, overflow) = total.addingReportingOverflow(size)
      guard !overflow else {
        throw .tooLarge(position.cid, limit: limits.fileByteCountMax)
      }
      total = sum
    }
    if let declared = data.fileSize, declared != total {
      throw .sizeMismatch(position.cid, declared: declared, found: total)
    }
    try check(size: total, at: position)
  }

  private mutating func check(size: UInt64, at position: Pending) throws(ContentError) {
    if let declared = position.declared {
      guard declared == size else {
        throw .sizeMismatch(position.cid, declared: declared, found: size)
      }
    } else {
      guard size <= limits.fileByteCountMax else {
        throw .tooLarge(position.cid, limit: limits.fileByteCountMax)
      }
      fileSize = size
      range = try bytes?.range(in: size, of: root)
    }
  }
}
