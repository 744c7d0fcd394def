public import Cryptography
public import Primitives

/// Limits of `/martlet/hold/1.0.0`.
public enum HoldRequestLimits {
  /// Blocks of one request: as many as one archive has roots, for that is how they are fetched.
  public static let blocksMax = ArchiveRequestLimits.rootsMax
  /// Bytes that the blocks of one request have together: those of the largest group.
  public static let bytesMax =
    (ErasureCode.dataCounts.upperBound + ErasureCode.parityCounts.upperBound)
    * BlockLimits.byteCountMax
  /// A digest, a size and what is around them.
  static let entryByteCountMax = 64
  /// Room for the longest request.
  public static let byteCountMax = 256 + blocksMax * entryByteCountMax
  /// An answer is a word, a bit for each block and a number.
  public static let answerByteCountMax = 256 + blocksMax / 8
}

/// A block that an owner asks a storage node to keep.
public struct HoldBlock: Hashable, Sendable {
  /// Its SHA-256 digest.
  public let digest: Digest
  /// Its bytes.
  public let byteCount: Int

  /// Names a block; nil unless `byteCount` is in `0...BlockLimits.byteCountMax`.
  public init?(digest: Digest, byteCount: Int) {
    guard (0...BlockLimits.byteCountMax).contains(byteCount) else { return nil }
    self.digest = digest
    self.byteCount = byteCount
  }

  /// Names a member of a backup; nil where its hash function is another one.
  public init?(_ member: BackupGroup.Member) {
    guard let digest = member.cid.digest else { return nil }
    self.init(digest: digest, byteCount: member.byteCount)
  }

  /// The block as raw bytes, whatever codec reads it.
  public var cid: CID { .v1(.raw, .sha256(digest)) }
}

/// What an owner asks a storage node for (docs/specs/backup.md); the connection says who asks.
public struct HoldRequest: Equatable, Sendable {
  /// What is to be done with the blocks.
  public enum Action: String, Sendable, CaseIterable {
    /// Fetch them from the asker and keep them until they are released.
    case keep
    /// Forget them.
    case release
    /// Say which of them are kept for the asker.
    case ask
    /// Say which of them are here at all, to whoever asks: they are given to anybody anyway.
    case find
  }

  /// What is to be done.
  public let action: Action
  /// With which blocks, each named once.
  public let blocks: [HoldBlock]

  /// Makes a request; nil for no blocks, too many, or one that is named twice.
  public init?(_ action: Action, _ blocks: [HoldBlock]) {
    guard (1...HoldRequestLimits.blocksMax).contains(blocks.count),
      Set(blocks.map(\.digest)).count == blocks.count,
      blocks.reduce(0, { $0 + $1.byteCount }) <= HoldRequestLimits.bytesMax
    else { return nil }
    self.action = action
    self.blocks = blocks
  }
}

extension HoldRequest: CanonicalCodable {
  /// The value that is encoded.
  public var canonicalValue: CanonicalValue {
    .map([
      "action": .text(action.rawValue),
      "blocks": .array(
        blocks.map { .array([.bytes($0.digest.bytes), .unsigned(UInt64($0.byteCount))]) }),
    ])
  }

  /// Reads a request.
  public init(canonicalValue: CanonicalValue) throws(DecodingFailure) {
    var fields = try CanonicalFields(canonicalValue)
    let word = try fields.text("action")
    let values = try fields.array("blocks")
    try fields.finish()
    guard let action = Action(rawValue: word) else { throw Self.malformed("no known action") }
    guard values.count <= HoldRequestLimits.blocksMax else {
      throw .tooLarge(what: "blocks", size: values.count, limit: HoldRequestLimits.blocksMax)
    }
    let blocks = try values.map { value throws(DecodingFailure) in try Self.block(value) }
    guard let request = Self(action, blocks) else {
      throw Self.malformed("no blocks, too large ones, or one that is named twice")
    }
    self = request
  }

  private static func block(_ value: CanonicalValue) throws(DecodingFailure) -> HoldBlock {
    guard case .array(let pair) = value, pair.count == 2, case .bytes(let bytes) = pair[0],
      case .unsigned(let size) = pair[1],
      let block = HoldBlock(digest: try Digest(bytes: bytes), byteCount: Int(clamping: size))
    else { throw malformed("a block is not a digest and a size") }
    return block
  }

  private static func malformed(_ reason: String) -> DecodingFailure {
    .malformed(what: "hold request", reason: reason)
  }
}

/// What a storage node answers.
public enum HoldAnswer: Equatable, Sendable {
  /// For each block whether it is kept for the asker now, and how many bytes more would be.
  case held([Bool], room: UInt64)
  /// Nothing was done, and why.
  case refused(Refusal)

  /// Why a storage node does nothing.
  public enum Refusal: String, Sendable, CaseIterable {
    /// It keeps nothing for this peer.
    case stranger
    /// It is doing as much as it can.
    case busy
    /// The request is none.
    case malformed
  }

  /// The message.
  public func encoded() -> Bytes {
    switch self {
    case .refused(let refusal):
      CanonicalValue.map(["answer": .text(refusal.rawValue)]).encoded()
    case .held(let flags, let room):
      CanonicalValue.map([
        "answer": .text("held"), "held": .bytes(Self.bits(flags)), "room": .unsigned(room),
      ]).encoded()
    }
  }

  /// Reads the answer to a request of `count` blocks.
  public init(decoding bytes: Bytes, count: Int) throws(DecodingFailure) {
    var fields = try CanonicalFields(CanonicalValue(decoding: bytes))
    let word = try fields.text("answer")
    if let refusal = Refusal(rawValue: word) {
      self = .refused(refusal)
    } else if word == "held" {
      let bits = try fields.bytes("held", count: (count + 7) / 8)
      let flags = (0..<count).map { bits[$0 / 8] >> ($0 % 8) & 1 == 1 }
      guard Self.bits(flags) == bits else {
        throw .malformed(what: "hold answer", reason: "a bit stands for no block")
      }
      self = .held(flags, room: try fields.unsigned("room"))
    } else {
      throw .malformed(what: "hold answer", reason: "an unknown word")
    }
    try fields.finish()
  }

  /// A bit for each block, the lowest of a byte first.
  private static func bits(_ flags: [Bool]) -> Bytes {
    var bytes = Bytes(repeating: 0, count: (flags.count + 7) / 8)
    for (place, flag) in flags.enumerated() where flag { bytes[place / 8] |= 1 << (place % 8) }
    return bytes
  }
}
