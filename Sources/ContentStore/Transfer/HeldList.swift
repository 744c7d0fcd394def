public import Cryptography
public import Primitives

/// Blocks that a storage node keeps for an owner, a dag-cbor block: one recursive pin of it holds
/// them all. It names the owner, so what several owners have in common is held for each of them.
public struct HeldList: Equatable, Sendable {
  private static let what = "list of held blocks"
  private static let version: UInt64 = 1

  /// For whom.
  public let owner: PeerID
  /// What.
  public let blocks: [HoldBlock]

  /// Names what is held.
  public init(owner: PeerID, blocks: [HoldBlock]) {
    precondition((1...HoldRequestLimits.blocksMax).contains(blocks.count))
    self.owner = owner
    self.blocks = blocks
  }

  /// The block.
  public func block() throws(DecodingFailure) -> ContentBlock {
    let entries = blocks.map {
      IPLDValue.list([.link($0.cid), .integer(Int128($0.byteCount))])
    }
    let fields: [IPLDMap.Entry] = [
      .init("martlet-held", .integer(Int128(Self.version))), .init("owner", .bytes(owner.bytes)),
      .init("blocks", .list(entries)),
    ]
    return ContentBlock(
      hashing: try DagCBOR.encode(.map(IPLDMap(distinct: fields))), codec: .dagCBOR)
  }

  /// Reads a block.
  public init(decoding bytes: Bytes) throws(DecodingFailure) {
    let fields = try IPLDFields(DagCBOR.decode(bytes), of: Self.what)
    let version = try fields.count("martlet-held")
    guard version == Self.version else { throw Self.malformed("version \(version) is not known") }
    owner = try PeerID(bytes: fields.bytes("owner"))
    blocks = try fields.list("blocks").map { value throws(DecodingFailure) in
      guard case .list(let pair) = value, pair.count == 2, case .link(let cid) = pair[0],
        cid.codec == .raw, let digest = cid.digest, case .integer(let size) = pair[1],
        let block = HoldBlock(digest: digest, byteCount: Int(clamping: size))
      else { throw Self.malformed("an entry is not a link and a size") }
      return block
    }
    try fields.allow(["martlet-held", "owner", "blocks"])
    guard (1...HoldRequestLimits.blocksMax).contains(blocks.count) else {
      throw Self.malformed("it has no blocks, or too many")
    }
  }

  private static func malformed(_ reason: String) -> DecodingFailure {
    .malformed(what: what, reason: reason)
  }
}
