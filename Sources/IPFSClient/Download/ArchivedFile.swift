internal import ContentStore
package import Primitives

/// How far an archive may be from what was asked for.
struct ArchiveAllowance: Equatable, Sendable {
  /// Blocks that are kept for when they are wanted: those that came early and the last ones, as an
  /// archive may name a repeated block once. A few of the largest.
  var heldBytesMax = 8 << 20
  /// Blocks that nobody wanted. Ends archives that never come to the point.
  var unwantedBytesMax: UInt64 = 16 << 20
  /// Blocks that nobody wanted, in number: tiny ones are slow to check and never fill the bytes.
  var unwantedCountMax = 4_096
  /// Files are cut into chunks of at least this; the smallest that Kubo's own options make.
  private static let chunkByteCountMin: UInt64 = 1_024

  init() {}

  /// Admits the beginning of a file, which was not asked for.
  mutating func admit(resentBytes count: UInt64) {
    // Inner nodes and framing are far below a tenth.
    unwantedBytesMax += count + count / 10
    unwantedCountMax += Int(count / Self.chunkByteCountMin)
  }
}

/// Reads a file out of an archive (CAR) as it arrives, walking its tree: every block is checked
/// against its CID, and every size against what its parent says, before a byte is given. A machine.
struct ArchivedFile: Sendable {
  private let allowance: ArchiveAllowance
  private var reader = CARReader(byteCountMax: .max)
  private var walk: UnixFSWalk
  private var held: [CID: ContentBlock] = [:]
  private var heldOrder: [CID] = []
  private var heldBytes = 0
  private var unwantedBytes: UInt64 = 0
  private var unwantedCount = 0

  /// Expects the file below `root` from `offset` on, which must lie inside the file.
  init(
    root: CID, from offset: UInt64, limits: UnixFSWalkLimits,
    allowance: ArchiveAllowance = ArchiveAllowance()
  ) {
    self.allowance = allowance
    let part = EntityBytes(first: Int64(clamping: offset), last: nil)
    walk = UnixFSWalk(root: root, limits: limits, bytes: offset == 0 ? .all : part)
  }

  /// Whether every byte of the file was given.
  var isWhole: Bool { walk.wanted == nil }

  /// Takes the next bytes of the archive. Bytes of the file are appended to `content`, blocks that
  /// were wanted to `blocks`.
  mutating func append(
    _ bytes: Bytes, into content: inout [Bytes], _ blocks: inout [ContentBlock]
  ) throws(ContentError) {
    var events: [CARReader.Event] = []
    try reader.append(bytes, into: &events)
    for case .block(let block) in events { try take(block, &content, &blocks) }
  }

  /// Throws unless the file is whole: the archive ended.
  func finish() throws(ContentError) {
    if let wanted = walk.wanted { throw .missingBlock(wanted) }
  }

  private mutating func take(
    _ block: ContentBlock, _ content: inout [Bytes], _ blocks: inout [ContentBlock]
  ) throws(ContentError) {
    guard walk.wanted == block.cid else {
      try noteUnwanted(block)
      hold(block)
      return
    }
    blocks.append(block)
    hold(block)
    var next: ContentBlock? = block
    while let block = next {
      let bytes = try walk.supply(block)
      if !bytes.isEmpty { content.append(bytes) }
      next = try atHand()
    }
  }

  /// The block that is wanted now, if it is its own name or came before.
  private func atHand() throws(ContentError) -> ContentBlock? {
    guard let wanted = walk.wanted else { return nil }
    if let inline = wanted.inlineBlock { return try ContentBlock(verifying: inline, as: wanted) }
    return held[wanted]
  }

  private mutating func noteUnwanted(_ block: ContentBlock) throws(ContentError) {
    unwantedBytes += UInt64(block.bytes.count)
    unwantedCount += 1
    guard unwantedBytes <= allowance.unwantedBytesMax,
      unwantedCount <= allowance.unwantedCountMax
    else {
      throw .malformedArchive(
        .tooLarge(
          what: "archive of blocks that nobody wanted", size: Int(clamping: unwantedBytes),
          limit: Int(clamping: allowance.unwantedBytesMax)))
    }
  }

  private mutating func hold(_ block: ContentBlock) {
    guard held.updateValue(block, forKey: block.cid) == nil else { return }
    heldOrder.append(block.cid)
    heldBytes += block.bytes.count
    while heldBytes > allowance.heldBytesMax, heldOrder.count > 1 {
      let oldest = heldOrder.removeFirst()
      heldBytes -= held.removeValue(forKey: oldest)?.bytes.count ?? 0
    }
  }
}

/// Reads bytes as an archive of a file, for the fuzzer: whole and in pieces it gives the same.
package func fuzzArchivedFile(_ bytes: Bytes) {
  var outcomes: [Bytes] = []
  for pieceMax in [max(1, bytes.count), 7] {
    var reader = CARReader(byteCountMax: 1 << 20)
    var events: [CARReader.Event] = []
    guard (try? reader.append(bytes, into: &events)) != nil,
      case .header(let header)? = events.first, let root = header.roots.first
    else { return }
    var file = ArchivedFile(root: root, from: 0, limits: UnixFSWalkLimits())
    var (content, blocks): ([Bytes], [ContentBlock]) = ([], [])
    var start = 0
    while start < bytes.count {
      let piece = Bytes(bytes[start..<min(bytes.count, start + pieceMax)])
      guard (try? file.append(piece, into: &content, &blocks)) != nil else { break }
      start += piece.count
    }
    outcomes.append(content.reduce(into: Bytes()) { $0 += $1 })
  }
  precondition(outcomes.count < 2 || outcomes[0] == outcomes[1])
}
