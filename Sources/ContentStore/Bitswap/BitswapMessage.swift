public import Primitives

/// A message of bitswap (specs.ipfs.tech/bitswap-protocol): what the sender wants, blocks, and who
/// has what.
public struct BitswapMessage: Equatable, Sendable {
  /// One entry of a wantlist.
  public struct Want: Equatable, Sendable {
    /// What is asked.
    public enum Kind: Equatable, Sendable {
      /// The block.
      case block
      /// Whether the other side has it.
      case have
      /// Nothing any more.
      case cancel
    }

    /// The block.
    public var cid: CID
    /// What is asked.
    public var kind: Kind
    /// Higher ones first.
    public var priority: Int32
    /// Whether the other side says so where it does not have the block.
    public var sendsDontHave: Bool

    /// Makes an entry.
    public init(
      _ cid: CID, _ kind: Kind = .block, priority: Int32 = 1, sendsDontHave: Bool = true
    ) {
      self.cid = cid
      self.kind = kind
      self.priority = priority
      self.sendsDontHave = sendsDontHave
    }
  }

  /// A block as it travels: unnamed, so that nobody can misname it.
  public struct Block: Equatable, Sendable {
    /// What gives its CID together with its bytes.
    public let prefix: CIDPrefix
    /// Its bytes.
    public let bytes: Bytes

    /// The block with the name that its bytes give it; nil for a hash function of no use. Hashes
    /// the bytes.
    public func named() -> ContentBlock? {
      prefix.cid(of: bytes).map { ContentBlock(trusting: $0, bytes) }
    }
  }

  /// Whether the sender has a block.
  public struct Presence: Equatable, Sendable {
    /// The block.
    public let cid: CID
    /// Whether the sender has it.
    public let isHad: Bool

    /// Makes an entry.
    public init(_ cid: CID, isHad: Bool) {
      self.cid = cid
      self.isHad = isHad
    }
  }

  /// What the sender wants, beside what it wanted before.
  public var wants: [Want] = []
  /// Whether the sender wants nothing but `wants`.
  public var isFull = false
  /// Blocks.
  public var blocks: [Block] = []
  /// Answers.
  public var presences: [Presence] = []
  /// Bytes that wait to be sent to the receiver.
  public var pendingByteCount: Int32 = 0
  /// Names that this program cannot read, of blocks that the sender wants and where it waits for an
  /// answer: binary CIDs.
  public internal(set) var unreadableWants: [Bytes] = []
  /// Names as they came in `unreadableWants`, to be answered with DONT_HAVE.
  public var unreadableAbsent: [Bytes] = []

  /// A message that says nothing.
  public init() {}

  /// A wantlist.
  public init(wants: [Want], isFull: Bool = false) {
    self.wants = wants
    self.isFull = isFull
  }

  /// Whether it says nothing.
  public var isEmpty: Bool {
    wants.isEmpty && !isFull && blocks.isEmpty && presences.isEmpty && unreadableAbsent.isEmpty
  }

  /// Adds a block that is to be sent.
  public mutating func append(_ bytes: Bytes, as cid: CID) {
    blocks.append(Block(prefix: CIDPrefix(of: cid), bytes: bytes))
  }

  /// The bytes of the blocks.
  public var blockByteCount: Int { blocks.reduce(0) { $0 + $1.bytes.count } }
}
