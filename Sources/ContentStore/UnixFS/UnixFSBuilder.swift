public import Primitives

/// What `UnixFSBuilder` and the adders return: the name and sizes of a whole file.
public struct UnixFSFile: Equatable, Sendable {
  /// The root of the file.
  public let cid: CID
  /// The bytes of the file.
  public let fileSize: UInt64
  /// The root's cumulative size, which Kubo prints as `Size`.
  public let tsize: UInt64

  /// The file below a root.
  public init(_ root: UnixFSSubtree) {
    cid = root.cid
    fileSize = root.fileSize
    tsize = root.tsize
  }
}

/// Turns a stream of bytes into the blocks of a file, one chunk in memory at a time.
public struct UnixFSBuilder: Sendable {
  private let layout: UnixFSLayout
  private var tree: BalancedLayout
  private var chunk = Bytes()
  private var leafCount = 0

  /// Starts an empty file.
  public init(_ layout: UnixFSLayout = UnixFSProfile.v1In2025.layout) {
    self.layout = layout
    tree = BalancedLayout(layout)
  }

  /// Adds bytes; the blocks they complete are appended to `blocks`, children before parents.
  public mutating func append(_ bytes: UnsafeRawBufferPointer, into blocks: inout [ContentBlock]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      if chunk.isEmpty { chunk.reserveCapacity(min(layout.chunkByteCount, rest.count)) }
      let piece = rest.prefix(layout.chunkByteCount - chunk.count)
      chunk.append(contentsOf: piece)
      rest = rest.dropFirst(piece.count)
      if chunk.count == layout.chunkByteCount { closeChunk(into: &blocks) }
    }
  }

  /// Adds bytes; the blocks they complete are appended to `blocks`, children before parents.
  public mutating func append(_ bytes: Bytes, into blocks: inout [ContentBlock]) {
    bytes.withUnsafeBytes { append($0, into: &blocks) }
  }

  /// Ends the file; its last blocks are appended to `blocks`, the root last.
  public mutating func finish(into blocks: inout [ContentBlock]) -> UnixFSFile {
    if !chunk.isEmpty || leafCount == 0 { closeChunk(into: &blocks) }
    leafCount = 0
    return UnixFSFile(tree.finish(into: &blocks))
  }

  private mutating func closeChunk(into blocks: inout [ContentBlock]) {
    let (block, subtree) = layout.leaf(chunk)
    blocks.append(block)
    tree.append(subtree, into: &blocks)
    leafCount += 1
    chunk = []
  }
}
