import Primitives

/// A shard of a HAMT directory, read and checked.
struct HAMTShard {
  /// What a slot holds.
  enum Child {
    case entry(UnixFSEntry)
    case shard(CID)
  }

  let shape: HAMTShape
  /// The used slots, ascending.
  let children: [(slot: Int, child: Child)]

  /// Where in the trie a shard lies.
  struct Position: Sendable {
    /// The root has none, and may have any shape.
    var shape: HAMTShape?
    /// The levels above.
    var depth = 0
    /// The slots on the way, which the hash of every name below begins with.
    var hashStart: UInt64 = 0

    /// The position of the shard in `slot` of a shard of `shape` here.
    func below(_ slot: Int, _ shape: HAMTShape) -> Position {
      Position(
        shape: shape, depth: depth + 1,
        hashStart: hashStart << UInt64(shape.slotBits) | UInt64(slot))
    }
  }

  /// Checks that bits and links agree, and that every name lies where its hash says.
  init(_ node: UnixFSNode, at position: Position) throws(DecodingFailure) {
    shape = try HAMTShape(of: node.data)
    guard position.shape == nil || position.shape == shape else {
      throw .malformed(what: "HAMT shard", reason: "its fanout is not its parent's")
    }
    guard position.depth < shape.depthMax else {
      throw .malformed(what: "HAMT shard", reason: "deeper than the hash is long")
    }
    let slots = try Self.slots(of: node.data.data, fanout: shape.fanout)
    guard slots.count == node.links.count else {
      throw .malformed(
        what: "HAMT shard", reason: "\(slots.count) bits for \(node.links.count) links")
    }
    var children: [(slot: Int, child: Child)] = []
    children.reserveCapacity(slots.count)
    for (slot, link) in zip(slots, node.links) {
      children.append((slot, try Self.child(link, in: slot, at: position, shape)))
    }
    self.children = children
  }

  /// What lies in `slot`; nil when it is empty.
  func child(in slot: Int) -> Child? { children.first { $0.slot == slot }?.child }

  private static func slots(of bits: Bytes, fanout: Int) throws(DecodingFailure) -> [Int] {
    guard bits.count <= fanout / 8 else {
      throw .malformed(what: "HAMT shard", reason: "the bit field is longer than its fanout")
    }
    var slots: [Int] = []
    for (index, byte) in bits.reversed().enumerated() {
      for bit in 0..<8 where byte >> UInt8(bit) & 1 == 1 { slots.append(8 * index + bit) }
    }
    return slots
  }

  private static func child(
    _ link: DagPBLink, in slot: Int, at position: Position, _ shape: HAMTShape
  ) throws(DecodingFailure) -> Child {
    guard shape.isPrefix(slot, of: link.name) else {
      throw .malformed(what: "HAMT shard", reason: "a link does not name its slot")
    }
    let name = Bytes(link.name.dropFirst(shape.prefixCount))
    guard !name.isEmpty else { return .shard(link.cid) }
    let start = position.below(slot, shape)
    guard shape.start(of: Murmur3.first64(name), levels: start.depth) == start.hashStart else {
      throw .malformed(what: "HAMT shard", reason: "a name lies where its hash does not lead")
    }
    return .entry(UnixFSEntry(name: name, cid: link.cid, tsize: link.tsize))
  }
}
