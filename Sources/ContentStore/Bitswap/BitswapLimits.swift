/// Limits of bitswap (specs.ipfs.tech/bitswap-protocol); where the specification names none, those
/// of boxo 0.42, which Kubo runs.
public enum BitswapLimits {
  /// The largest message that implementations must take.
  public static let messageByteCountMax = 4 << 20
  /// What one peer may want of us at a time; what it wants beyond is refused (boxo
  /// `MaxQueuedWantlistEntriesPerPeer`).
  public static let wantsPerPeerMax = 1_024
  /// Entries of one message that are looked at: eight full wantlists.
  public static let entriesPerMessageMax = 8 * wantsPerPeerMax
  /// Bytes read for one peer and not yet sent, beyond which nothing more is read for it (boxo
  /// `MaxOutstandingBytesPerPeer`). One batch may stand above it.
  public static let outstandingByteCountMax = 1 << 20
  /// The same for all peers together.
  public static let outstandingTotalMax = 32 << 20
  /// Blocks of one message, unless a single one is larger: two such messages fill what may be
  /// outstanding, so that one is read while the other is sent.
  public static let batchByteCountMax = 512 << 10
  /// Blocks read at once for one peer; with small ones a message is not worth more.
  public static let batchCountMax = 128
  /// Blocks asked of one peer before it has shown what it can carry.
  public static let windowMin = 4
  /// Blocks asked of one peer at a time: eight megabytes in the blocks of Kubo, more than a second
  /// of a usual line.
  public static let windowMax = 32
  /// Blocks of a session that were asked for and have not come.
  public static let wantsPerSessionMax = 128
  /// Peers of one session: enough to find fast ones among them.
  public static let peersPerSessionMax = 32
  /// Peers that are asked whether they have a block of which nobody of the session is known to.
  public static let probesMax = 16
  /// A peer of which nothing came for so long, though it was asked, loses its turn.
  public static let silence: Duration = .seconds(4)
  /// How long peers may think about whether they have a block.
  public static let probeTime: Duration = .seconds(2)
  /// After so many silences in a row a peer is asked no more in a session.
  public static let silencesMax = 3
  /// Names of blocks that a peer was asked for, remembered to tell a late block from one that
  /// nobody asked for.
  public static let askedMax = 4_096
}

/// The versions of bitswap, the newest first.
public enum BitswapVersion: String, Sendable, CaseIterable {
  /// With questions whether a peer has a block, and its answers.
  case v1r2 = "/ipfs/bitswap/1.2.0"
  /// Blocks come with the front of their CID.
  case v1r1 = "/ipfs/bitswap/1.1.0"
  /// Blocks are all named by version 0.
  case v1r0 = "/ipfs/bitswap/1.0.0"

  /// The protocol's name on the wire.
  public var protocolID: String { rawValue }

  /// Whether the version has HAVE and DONT_HAVE.
  public var hasPresences: Bool { self == .v1r2 }
}

/// A peer as bitswap's machines name it; whoever runs them knows whom a number stands for.
public struct BitswapPeer: Hashable, Comparable, Sendable {
  /// The number.
  public let number: UInt32

  /// Names a peer.
  public init(_ number: UInt32) { self.number = number }

  /// Orders by number.
  public static func < (left: BitswapPeer, right: BitswapPeer) -> Bool {
    left.number < right.number
  }
}
