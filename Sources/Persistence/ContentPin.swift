public import ContentStore
import Primitives

/// Limits of pins.
public enum ContentPinLimits {
  /// The longest name in bytes; Kubo takes no longer ones.
  public static let nameByteCountMax = 255
  /// Blocks below one pin: a terabyte in 256 KiB chunks. They are counted in one transaction, and
  /// each takes some 50 bytes of memory meanwhile.
  public static let blocksMax = 1 << 22
  /// Pins that are listed in one read of the index, which keeps no writer waiting.
  public static let pageCount = 1_024
}

/// A promise to keep content: its blocks are not collected as long as the pin stands.
public struct ContentPin: Equatable, Sendable {
  /// How far a pin reaches.
  public enum Kind: UInt8, Sendable, CaseIterable {
    /// The one block.
    case direct = 1
    /// The block and everything it links to.
    case recursive = 2
  }

  /// What is pinned.
  public let cid: CID
  /// How far the pin reaches.
  public let kind: Kind
  /// A name for people; empty where none was given.
  public var name: String
  /// The blocks that the pin holds; a repeated one counts once.
  public let blockCount: Int

  init(cid: CID, kind: Kind, name: String, blockCount: Int) {
    self.cid = cid
    self.kind = kind
    self.name = name
    self.blockCount = blockCount
  }
}

extension ContentPin.Kind {
  /// Kubo's word for it.
  public var word: String {
    switch self {
    case .direct: "direct"
    case .recursive: "recursive"
    }
  }
}
