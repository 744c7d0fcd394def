import Primitives

/// Writes a directory as a hash array mapped trie (specs.ipfs.tech/unixfs, section on sharding).
///
/// A slot that one entry falls into links the entry; a slot of several links the next shard.
struct HAMTWriter {
  let layout: UnixFSDirectoryLayout

  private struct Hashed {
    let hash: UInt64
    let entry: UnixFSEntry
  }

  func write(
    _ entries: [UnixFSEntry], into blocks: inout [ContentBlock]
  ) throws(ContentError) -> UnixFSSubtree {
    var hashed = entries.map { Hashed(hash: Murmur3.first64($0.name), entry: $0) }
    hashed.sort { $0.hash < $1.hash }
    return try shard(hashed[...], depth: 0, into: &blocks)
  }

  /// Writes the shard of `entries`, which share the slots of `depth` levels; sorted by hash, so a
  /// slot's entries lie together.
  private func shard(
    _ entries: ArraySlice<Hashed>, depth: Int, into blocks: inout [ContentBlock]
  ) throws(ContentError) -> UnixFSSubtree {
    let shape = HAMTShape.ours
    guard depth < shape.depthMax else { throw collision(entries) }
    var node = DagPBNode(data: nil)
    var tsize: UInt64 = 0
    var bits = Bytes(repeating: 0, count: shape.fanout / 8)
    var rest = entries
    while let first = rest.first {
      let slot = shape.slot(of: first.hash, depth: depth)
      let group = rest.prefix { shape.slot(of: $0.hash, depth: depth) == slot }
      rest = rest[group.endIndex...]
      bits[bits.count - 1 - slot / 8] |= 1 << UInt8(slot % 8)
      let prefix = shape.prefix(of: slot)
      let link: DagPBLink
      if group.count == 1 {
        link = first.entry.link(named: prefix + first.entry.name)
      } else {
        let child = try shard(group, depth: depth + 1, into: &blocks)
        link = DagPBLink(cid: child.cid, name: prefix, tsize: child.tsize)
      }
      tsize += link.tsize
      node.links.append(link)
    }
    var data = UnixFSData(kind: .hamtShard, data: Bytes(bits.drop { $0 == 0 }), fileSize: nil)
    data.hashType = HAMTShape.murmur3
    data.fanout = UInt64(shape.fanout)
    node.data = data.encoded()
    let block = layout.block(node)
    blocks.append(block)
    return UnixFSSubtree(
      cid: block.cid, tsize: UInt64(block.bytes.count) + tsize, fileSize: 0)
  }

  /// Entries whose whole hashes are the same: one name twice, or names chosen to collide.
  private func collision(_ entries: ArraySlice<Hashed>) -> ContentError {
    let names = entries.map(\.entry.name).sorted { $0.lexicographicallyPrecedes($1) }
    for (name, next) in zip(names, names.dropFirst()) where name == next {
      return .duplicateName(String(decoding: name, as: UTF8.self))
    }
    return .unsafeName(
      String(decoding: names[0], as: UTF8.self), reason: "another name has the same hash")
  }
}
