public import Primitives

/// Blocks that are lost or saved together: of its data and parity blocks, as many as it has data
/// blocks give all of them.
public struct BackupGroup: Equatable, Sendable {
  /// One block of a group.
  public struct Member: Equatable, Sendable {
    /// The block as raw bytes, whatever codec reads it.
    public let cid: CID
    /// Its bytes.
    public let byteCount: Int

    /// Names a block.
    public init(cid: CID, byteCount: Int) {
      self.cid = .v1(.raw, cid.multihash)
      self.byteCount = byteCount
    }
  }

  /// Blocks of the content: as many as the code's, fewer in the last group.
  public let data: [Member]
  /// What was computed of them; all as long as the longest of them.
  public let parity: [Member]

  /// All members: data, then parity.
  public var members: [Member] { data + parity }

  /// Computes the parity of blocks and names everything; the parity blocks are appended to
  /// `blocks`.
  public init(
    protecting data: [(cid: CID, bytes: Bytes)], with code: ErasureCode,
    into blocks: inout [ContentBlock]
  ) {
    precondition((1...code.dataCount).contains(data.count))
    let computed = code.parity(of: data.map(\.bytes)).map {
      ContentBlock(hashing: $0, codec: .raw)
    }
    blocks += computed
    self.data = data.map { Member(cid: $0.cid, byteCount: $0.bytes.count) }
    parity = computed.map { Member(cid: $0.cid, byteCount: $0.bytes.count) }
  }

  /// Computes the missing members of those that are there, in the order of `members`; nil where too
  /// few are. Bytes must have been compared with their CIDs; so are those that come out.
  public func restored(_ blocks: [Bytes?], with code: ErasureCode) -> [ContentBlock]? {
    precondition(blocks.count == members.count)
    // The sizes are what the manifest says: a block of another size is not what was coded.
    let isSized = zip(members, blocks).allSatisfy { $1 == nil || $1?.count == $0.byteCount }
    guard isSized else { return nil }
    // Data blocks that the group lacks are known: they are zeros.
    let padding = [Bytes?](repeating: [], count: code.dataCount - data.count)
    let present = blocks[..<data.count] + padding + blocks[data.count...]
    guard let all = code.restored(Array(present), byteCount: parity.first?.byteCount ?? 0) else {
      return nil
    }
    let content = zip(data, all).map { member, bytes in Bytes(bytes.prefix(member.byteCount)) }
    let found = content + code.parity(of: content)
    var restored: [ContentBlock] = []
    for (position, member) in members.enumerated() where blocks[position] == nil {
      // Anything else means that the manifest lies about its parity.
      guard let block = try? ContentBlock(verifying: found[position], as: member.cid) else {
        return nil
      }
      restored.append(block)
    }
    return restored
  }

  // MARK: - Bytes

  /// Lists of [link, size], data and parity.
  var value: IPLDValue {
    func list(_ members: [Member]) -> IPLDValue {
      .list(members.map { .list([.link($0.cid), .integer(Int128($0.byteCount))]) })
    }
    return .list([list(data), list(parity)])
  }

  init(_ value: IPLDValue, _ code: ErasureCode) throws(DecodingFailure) {
    guard case .list(let parts) = value, parts.count == 2 else { throw Self.malformed }
    data = try Self.members(parts[0])
    parity = try Self.members(parts[1])
    let longest = data.map(\.byteCount).max() ?? 0
    guard (1...code.dataCount).contains(data.count), parity.count == code.parityCount,
      parity.allSatisfy({ $0.byteCount == longest })
    else { throw Self.malformed }
  }

  private static func members(_ value: IPLDValue) throws(DecodingFailure) -> [Member] {
    guard case .list(let values) = value else { throw malformed }
    return try values.map { value throws(DecodingFailure) in
      guard case .list(let pair) = value, pair.count == 2, case .link(let cid) = pair[0],
        case .integer(let size) = pair[1], (0...Int128(BlockLimits.byteCountMax)).contains(size),
        cid.codec == .raw, cid.inlineBlock == nil
      else { throw malformed }
      return Member(cid: cid, byteCount: Int(size))
    }
  }

  private static let malformed = DecodingFailure.malformed(
    what: "backup", reason: "a group does not fit its code")
}
