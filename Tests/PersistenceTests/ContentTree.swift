import ContentStore
import Primitives

/// A small file tree: a root of links to leaves, and the blocks of both, the root last.
struct ContentTree {
  let blocks: [ContentBlock]
  var root: CID { blocks[blocks.count - 1].cid }

  /// A file of leaves with these seeds; the same seed gives the same leaf.
  init(leaves seeds: [UInt64], leafByteCount: Int = 1_000) {
    let layout = try! UnixFSLayout(
      chunkByteCount: leafByteCount, linksPerNodeMax: 4, hasRawLeaves: true, cidVersion: .v1)
    var builder = UnixFSBuilder(layout)
    var blocks: [ContentBlock] = []
    for seed in seeds {
      builder.append(randomBytes(seed: seed, count: leafByteCount), into: &blocks)
    }
    _ = builder.finish(into: &blocks)
    self.blocks = blocks
  }
}
