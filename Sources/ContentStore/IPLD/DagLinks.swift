public import Primitives

/// What a block links, whatever its codec.
public enum DagLinks {
  /// Returns the links of `block` in the order of the block, repeated ones too.
  ///
  /// The block must be what `cid` names. Raw blocks, keys and plain CBOR and JSON link nothing.
  public static func links(of block: Bytes, _ cid: CID) throws(ContentError) -> [CID] {
    switch cid.codec {
    case .raw, .libp2pKey, .cbor, .json: return []
    case .dagPB: return try DagPBNode(decoding: block, of: cid).links.map(\.cid)
    case .dagCBOR, .dagJSON:
      return try IPLDValue(decoding: block, of: cid).map { links(in: $0) } ?? []
    }
  }

  /// Returns the links of a value in its order.
  public static func links(in value: IPLDValue) -> [CID] {
    var links: [CID] = []
    collect(value, into: &links)
    return links
  }

  private static func collect(_ value: IPLDValue, into links: inout [CID]) {
    switch value {
    case .link(let cid): links.append(cid)
    case .list(let values): for value in values { collect(value, into: &links) }
    case .map(let map): for entry in map.entries { collect(entry.value, into: &links) }
    case .null, .bool, .integer, .float, .text, .bytes: break
    }
  }
}

extension IPLDValue {
  /// Reads the block of `cid` by its codec, as leniently as its writers wrote; nil where the codec
  /// has no values that this program looks into.
  public init?(decoding block: Bytes, of cid: CID) throws(ContentError) {
    switch cid.codec {
    case .raw, .libp2pKey, .cbor, .json: return nil
    case .dagPB: self = try DagPBNode(decoding: block, of: cid).value
    case .dagCBOR, .dagJSON:
      do {
        self =
          try cid.codec == .dagCBOR
          ? DagCBOR.decode(block, .readable) : DagJSON.decode(block, .readable)
      } catch { throw .malformedBlock(cid, error) }
    }
  }
}

extension ContentBlock {
  /// What the block links, in its order, repeated ones too.
  public func links() throws(ContentError) -> [CID] {
    try DagLinks.links(of: bytes, cid)
  }
}
