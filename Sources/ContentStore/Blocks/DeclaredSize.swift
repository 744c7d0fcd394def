public import Primitives

extension CID {
  /// How many bytes the blocks of the tree below this CID have, repeated ones counted again, as its
  /// root's block says of itself: nobody has checked that. Nil where it says nothing.
  public func declaredByteCount(_ block: Bytes) -> UInt64? {
    switch codec {
    case .raw: return UInt64(block.count)
    case .dagPB:
      guard let node = try? DagPBNode(decoding: block, of: self) else { return nil }
      return node.links.reduce(UInt64(block.count)) { sum, link in
        let (next, overflow) = sum.addingReportingOverflow(link.tsize)
        return overflow ? .max : next
      }
    case .libp2pKey, .dagCBOR, .dagJSON, .cbor, .json: return nil
    }
  }
}
